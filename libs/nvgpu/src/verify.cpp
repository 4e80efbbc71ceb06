#include "openpcc/nvgpu/verify.h"

#include "links.h"

namespace openpcc::nvgpu {
namespace {

using x509::Certificate;

constexpr size_t kPemCertificatesMax = 16;

constexpr ChainRules kRules{"nvgpu.chain.syntax", "nvgpu.chain.root",  "nvgpu.chain.issuer", "nvgpu.chain.signature",
                            "nvgpu.chain.ca",     "nvgpu.chain.early", "nvgpu.chain.expired"};

}  // namespace

Result<std::vector<Certificate>> read_chain(ByteSpan pem) {
  if (pem.size() > kChainBytesMax) return fail(Code::limit, "nvgpu.chain.pem", std::to_string(pem.size()) + " bytes");
  auto chain = Certificate::parse_pem(pem, kPemCertificatesMax);
  if (!chain) {
    const bool text = chain.error().rule == Rule("x509.pem.syntax");
    return std::unexpected(renamed(chain.error(), text ? Rule("nvgpu.chain.pem") : Rule("nvgpu.chain.syntax")));
  }
  if (chain->size() != kDeviceCertificates) {
    return fail(Code::verification_failed, "nvgpu.chain.count", std::to_string(chain->size()) + " certificates instead of 5");
  }
  return chain;
}

// Verifier collects what fails. Each step looks only at what the steps before it could read.
class Verifier {
 public:
  Verifier(UnixSeconds now, std::span<const PinnedKey> roots, CheckedLinks* links) : now_(now), roots_(roots), links_(links) {}

  Verification run(ByteSpan report_bytes, ByteSpan chain_pem, const Statements& statements) {
    auto report = keep(parse_report(report_bytes));
    const auto chain = keep(read_chain(chain_pem));
    std::optional<Device> device;
    Revocation revocation;
    if (chain) {
      const size_t before = failures_.size();
      ChainCheck(kRules, roots_, now_, links_, failures_).run(*chain);
      const bool vouched = failures_.size() == before;
      auto read = read_device(*chain);
      if (read) device = std::move(*read);
      // What the leaf vouches for is said after what vouches for the leaf.
      if (!read && read.error().rule != Rule("nvgpu.fwid.syntax")) failures_.push_back(read.error());
      if (device && report) check_kind(*device, *report);
      // Of a chain that nobody vouches for, anybody could have lists looked at, each for every issuer.
      if (vouched) revocation = check_revocation(*chain, statements, now_, failures_);
      if (report) check_signature(chain->front(), *report, report_bytes);
      if (!read && read.error().rule == Rule("nvgpu.fwid.syntax")) failures_.push_back(std::move(read).error());
      if (device && report) {
        check_fwid(*device, *report);
        check_id(*device, *report);
      }
    }
    if (!failures_.empty()) return {std::move(failures_), std::nullopt};
    return {{}, VerifiedReport(std::move(*report), std::move(*device), revocation.window, revocation.checked)};
  }

 private:
  void add(std::unexpected<Error> failure) { failures_.push_back(std::move(failure).error()); }
  template <class T>
  std::optional<T> keep(Result<T> result) {
    if (result) return std::move(*result);
    failures_.push_back(std::move(result).error());
    return std::nullopt;
  }

  // The chip comes from the certificates alone; the report must have what such a chip reports.
  void check_kind(const Device& device, const Report& report) {
    const bool right =
        device.is_switch() ? !report.driver_version && report.switch_pdis.size() == 1 : report.driver_version && report.nvdec0_enabled;
    if (!right) return add(fail(Code::verification_failed, "nvgpu.chip.mismatch", "the report has not the fields of " + device.chip));
  }

  void check_signature(const Certificate& leaf, const Report& report, ByteSpan bytes) {
    const auto key = p384_key(leaf);
    if (!key) return add(fail(Code::verification_failed, "nvgpu.chain.key", "no key on P-384"));
    if (!key->verify(bytes.first(report.signed_bytes), report.signature)) {
      add(fail(Code::verification_failed, "nvgpu.signature", "the certified key did not sign this report"));
    }
  }

  void check_fwid(const Device& device, const Report& report) {
    if (!report.fwid || *report.fwid == device.fwid) return;
    add(fail(Code::verification_failed, "nvgpu.fwid",
             "the report says firmware " + to_hex(ByteSpan(*report.fwid).first(8)) + "..., the leaf is of " +
                 to_hex(ByteSpan(device.fwid).first(8)) + "..."));
  }

  // A switch says its own id as well.
  void check_id(const Device& device, const Report& report) {
    if (!device.is_switch() || report.switch_pdis.size() != 1 || report.switch_pdis.front() == device.id) return;
    add(fail(Code::verification_failed, "nvgpu.switch.pdi",
             "it says " + to_hex(report.switch_pdis.front()) + ", its certificate " + to_hex(device.id)));
  }

  UnixSeconds now_;
  std::span<const PinnedKey> roots_;
  CheckedLinks* links_;
  std::vector<Error> failures_;
};

Verification verify(ByteSpan report, ByteSpan chain, const Statements& statements, UnixSeconds now, std::span<const PinnedKey> roots,
                    CheckedLinks* links) {
  return Verifier(now, roots, links).run(report, chain, statements);
}

}  // namespace openpcc::nvgpu
