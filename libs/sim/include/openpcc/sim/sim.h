// The simulated TEE's verifier: checks reports made by software for development. They prove nothing about hardware, and no production
// policy can accept them: it has no CpuRoot or GpuRoot to give.
//
//   CPU root --endorses--> chip key --signs--> quote          GPU root --endorses--> device key --signs--> report
#pragma once

#include "openpcc/crypto/sign.h"

namespace openpcc::sim {

inline constexpr std::string_view kCpuType = "application/vnd.openpcc.sim-cpu";
inline constexpr std::string_view kGpuType = "application/vnd.openpcc.sim-gpu";
inline constexpr std::string_view kCertificateType = "application/vnd.openpcc.sim-certificate";

using DeviceId = std::array<uint8_t, 32>;
using Measurement = std::array<uint8_t, 32>;
using ReportData = std::array<uint8_t, 64>;
using Nonce = std::array<uint8_t, 32>;

// The roots are different types, so that none can stand in for the other.
struct CpuRoot {
  crypto::Ed25519Public key;
  friend bool operator==(const CpuRoot&, const CpuRoot&) = default;
};
struct GpuRoot {
  crypto::Ed25519Public key;
  friend bool operator==(const GpuRoot&, const GpuRoot&) = default;
};

// CpuFields and GpuFields are what a quote and a report say.
struct CpuFields {
  DeviceId chip_id;
  Measurement measurement;
  uint16_t tcb;
  bool debug;
  ReportData report_data;
};
struct GpuFields {
  DeviceId device_id;
  Measurement measurement;
  uint16_t tcb;
  bool debug;
  Nonce nonce;
};

// VerifiedCpu and VerifiedGpu are fields whose chain of signatures up to the root is good.
class VerifiedCpu {
 public:
  const CpuFields& fields() const { return fields_; }

 private:
  friend Result<VerifiedCpu> verify_cpu(ByteSpan quote, ByteSpan certificate, const CpuRoot& root);
  explicit VerifiedCpu(const CpuFields& fields) : fields_(fields) {}
  CpuFields fields_;
};
class VerifiedGpu {
 public:
  const GpuFields& fields() const { return fields_; }

 private:
  friend Result<VerifiedGpu> verify_gpu(ByteSpan report, ByteSpan certificate, const GpuRoot& root);
  explicit VerifiedGpu(const GpuFields& fields) : fields_(fields) {}
  GpuFields fields_;
};

//   sim.cpu.format, sim.gpu.format                  not a quote (report) of version 1
//   sim.certificate.format                          not a certificate of version 1
//   sim.certificate.role                            of the other kind of device
//   sim.certificate.root                            not signed by this root
//   sim.cpu.chip, sim.gpu.device                    the certificate is another device's
//   sim.cpu.signature, sim.gpu.signature            not signed by the certified key
Result<VerifiedCpu> verify_cpu(ByteSpan quote, ByteSpan certificate, const CpuRoot& root);
Result<VerifiedGpu> verify_gpu(ByteSpan report, ByteSpan certificate, const GpuRoot& root);

}  // namespace openpcc::sim
