#include "openpcc/sim_maker/tee.h"

#include <algorithm>

#include "openpcc/sim/format.h"

namespace openpcc::sim_maker {
namespace {

using sim::format::Kind;
using sim::format::Role;

Bytes sign(const Kind& kind, ByteWriter& body, const crypto::Ed25519Private& key) {
  const auto signature = key.sign(sim::format::signed_message(kind, body.view()));
  Bytes out = body.bytes(signature).take();
  OPENPCC_CHECK(out.size() == kind.bytes);
  return out;
}

Bytes certify(Role role, const sim::DeviceId& id, const crypto::Ed25519Public& key, const crypto::Ed25519Private& root) {
  ByteWriter body;
  body.text(sim::format::kCertificate.magic).u8(sim::format::kVersion).u8(static_cast<uint8_t>(role)).bytes(id).bytes(key);
  return sign(sim::format::kCertificate, body, root);
}

template <class Fields>
ByteWriter begin(const Kind& kind, const sim::DeviceId& id, const Fields& fields) {
  ByteWriter body;
  body.text(kind.magic).u8(sim::format::kVersion).u8(fields.debug ? 1 : 0).u16(fields.tcb).bytes(id).bytes(fields.measurement);
  return body;
}

crypto::Ed25519Private new_key(Random& random) {
  Secret<32> seed;
  random.fill(seed.reveal_mutable());
  return crypto::Ed25519Private(seed.reveal());
}

sim::DeviceId gpu_id_of(const sim::DeviceId& chip, size_t index) {
  const std::array<uint8_t, 1> number = {static_cast<uint8_t>(index)};
  return crypto::sha256({as_bytes("openpcc sim gpu id v1"), chip, number});
}

attest::Device device(std::string_view type, Bytes report, const Bytes& certificate) {
  return {{std::string(type), std::move(report)}, {{std::string(sim::kCertificateType), certificate}}, {}};
}

}  // namespace

RootKeys::RootKeys(Secret<64> seeds) : seeds_(std::move(seeds)), cpu_(seeds_.reveal().first<32>()), gpu_(seeds_.reveal().last<32>()) {}

RootKeys RootKeys::generate(Random& random) {
  Secret<64> seeds;
  random.fill(seeds.reveal_mutable());
  return RootKeys(std::move(seeds));
}

RootKeys RootKeys::from_seeds(std::span<const uint8_t, 64> seeds) { return RootKeys(Secret<64>::copy_of(seeds)); }

SecretBytes RootKeys::reveal_for_export() const { return SecretBytes::copy_of(seeds_.reveal()); }

sim::CpuRoot RootKeys::cpu_root() const { return {cpu_.public_key()}; }
sim::GpuRoot RootKeys::gpu_root() const { return {gpu_.public_key()}; }

Bytes RootKeys::certify_cpu(const sim::DeviceId& id, const crypto::Ed25519Public& key) const { return certify(Role::cpu, id, key, cpu_); }
Bytes RootKeys::certify_gpu(const sim::DeviceId& id, const crypto::Ed25519Public& key) const { return certify(Role::gpu, id, key, gpu_); }

Bytes sign_cpu(const sim::CpuFields& fields, const crypto::Ed25519Private& key) {
  ByteWriter body = begin(sim::format::kQuote, fields.chip_id, fields);
  body.bytes(fields.report_data);
  return sign(sim::format::kQuote, body, key);
}

Bytes sign_gpu(const sim::GpuFields& fields, const crypto::Ed25519Private& key) {
  ByteWriter body = begin(sim::format::kReport, fields.device_id, fields);
  body.bytes(fields.nonce);
  return sign(sim::format::kReport, body, key);
}

SoftwareTee::SoftwareTee(const TeeConfig& config, const RootKeys& roots, Random& random)
    : config_(config), chip_key_(new_key(random)), chip_certificate_(roots.certify_cpu(config.chip_id, chip_key_.public_key())) {
  OPENPCC_CHECK(config.gpus <= attest::kGpusMax);
  for (size_t i = 0; i < config.gpus; ++i) {
    const sim::DeviceId id = gpu_id_of(config.chip_id, i);
    crypto::Ed25519Private key = new_key(random);
    Bytes certificate = roots.certify_gpu(id, key.public_key());
    gpus_.push_back({id, std::move(key), std::move(certificate)});
  }
  std::ranges::sort(gpus_, {}, &Gpu::id);
}

Bytes SoftwareTee::gpu_id(size_t rank) const {
  const sim::DeviceId& id = gpus_.at(rank).id;
  return Bytes(id.begin(), id.end());
}

Result<attest::Device> SoftwareTee::gpu_report(size_t rank, const attest::GpuNonce& nonce) {
  const Gpu& gpu = gpus_.at(rank);
  const sim::GpuFields fields{gpu.id, config_.gpu_measurement, config_.gpu_tcb, false, nonce};
  return device(sim::kGpuType, sign_gpu(fields, gpu.key), gpu.certificate);
}

Result<attest::Device> SoftwareTee::cpu_quote(const attest::Binding& binding) {
  const sim::CpuFields fields{config_.chip_id, config_.measurement, config_.tcb, config_.debug, binding};
  return device(sim::kCpuType, sign_cpu(fields, chip_key_), chip_certificate_);
}

}  // namespace openpcc::sim_maker
