// Spec: spec/evidence.md s6.
#include <algorithm>

#include "openpcc/sim/format.h"
#include "openpcc/sim/sim.h"

namespace openpcc::sim {
namespace {

using format::Kind;
using format::Role;

struct Certificate {
  DeviceId device_id;
  crypto::Ed25519Public key;
};

// open checks size, magic and version, and leaves the fields for reading; the signature is not looked at.
Result<ByteReader> open(const Kind& kind, ByteSpan bytes, Rule rule) {
  ByteReader reader(bytes, rule);
  if (bytes.size() != kind.bytes) return fail(Code::malformed, rule, "wrong size");
  OPENPCC_LET(const ByteSpan magic, reader.bytes(kind.magic.size()));
  OPENPCC_LET(const uint8_t version, reader.u8());
  if (!equal(magic, as_bytes(kind.magic)) || version != format::kVersion) return fail(Code::malformed, rule, "wrong magic or version");
  return reader;
}

bool signed_by(const crypto::Ed25519Public& key, const Kind& kind, ByteSpan bytes) {
  const size_t body = kind.bytes - format::kSignatureBytes;
  return crypto::ed25519_verify(key, format::signed_message(kind, bytes.first(body)), bytes.subspan(body)).has_value();
}

Result<Certificate> verify_certificate(ByteSpan bytes, Role role, const crypto::Ed25519Public& root) {
  OPENPCC_LET(ByteReader reader, open(format::kCertificate, bytes, "sim.certificate.format"));
  OPENPCC_LET(const uint8_t stated_role, reader.u8());
  if (stated_role != static_cast<uint8_t>(role))
    return fail(Code::verification_failed, "sim.certificate.role", "for the other kind of device");
  if (!signed_by(root, format::kCertificate, bytes))
    return fail(Code::verification_failed, "sim.certificate.root", "not signed by the root");
  Certificate out{};
  OPENPCC_LET(out.device_id, reader.array<32>());
  OPENPCC_LET(out.key, reader.array<32>());
  return out;
}

// Common are the fields that quotes and reports share.
struct Common {
  DeviceId device_id;
  Measurement measurement;
  uint16_t tcb;
  bool debug;
};

Result<Common> read_common(ByteReader& reader, Rule rule) {
  Common out{};
  OPENPCC_LET(const uint8_t debug, reader.u8());
  if (debug > 1) return fail(Code::malformed, rule, "debug is neither 0 nor 1");
  out.debug = debug == 1;
  OPENPCC_LET(out.tcb, reader.u16());
  OPENPCC_LET(out.device_id, reader.array<32>());
  OPENPCC_LET(out.measurement, reader.array<32>());
  return out;
}

}  // namespace

Result<VerifiedCpu> verify_cpu(ByteSpan quote, ByteSpan certificate, const CpuRoot& root) {
  OPENPCC_LET(ByteReader reader, open(format::kQuote, quote, "sim.cpu.format"));
  OPENPCC_LET(const Common common, read_common(reader, "sim.cpu.format"));
  OPENPCC_LET(const ReportData report_data, reader.array<64>());
  OPENPCC_LET(const Certificate chip, verify_certificate(certificate, Role::cpu, root.key));
  if (chip.device_id != common.device_id) return fail(Code::verification_failed, "sim.cpu.chip", "the certificate is another chip's");
  if (!signed_by(chip.key, format::kQuote, quote)) return fail(Code::verification_failed, "sim.cpu.signature", "not signed by the chip");
  return VerifiedCpu(CpuFields{common.device_id, common.measurement, common.tcb, common.debug, report_data});
}

Result<VerifiedGpu> verify_gpu(ByteSpan report, ByteSpan certificate, const GpuRoot& root) {
  OPENPCC_LET(ByteReader reader, open(format::kReport, report, "sim.gpu.format"));
  OPENPCC_LET(const Common common, read_common(reader, "sim.gpu.format"));
  OPENPCC_LET(const Nonce nonce, reader.array<32>());
  OPENPCC_LET(const Certificate device, verify_certificate(certificate, Role::gpu, root.key));
  if (device.device_id != common.device_id) return fail(Code::verification_failed, "sim.gpu.device", "the certificate is another device's");
  if (!signed_by(device.key, format::kReport, report))
    return fail(Code::verification_failed, "sim.gpu.signature", "not signed by the device");
  return VerifiedGpu(GpuFields{common.device_id, common.measurement, common.tcb, common.debug, nonce});
}

}  // namespace openpcc::sim
