#include <memory>

#include "handles.h"

using openpcc::Code;
using openpcc::Error;
using openpcc::Result;
using openpcc::abi::guarded;

namespace appraisal = openpcc::appraisal;
namespace attest = openpcc::attest;
namespace snp = openpcc::snp;

namespace {

static_assert(OPENPCC_ITEMS_MAX == attest::kPlatformItemsMax);

constexpr std::array<std::pair<uint32_t, snp::Product>, 3> kProducts{
    {{OPENPCC_SNP_MILAN, snp::Product::milan}, {OPENPCC_SNP_GENOA, snp::Product::genoa}, {OPENPCC_SNP_TURIN, snp::Product::turin}}};
constexpr uint32_t kAllProducts = OPENPCC_SNP_MILAN | OPENPCC_SNP_GENOA | OPENPCC_SNP_TURIN;

std::set<snp::Product> products_of(uint32_t bits) {
  std::set<snp::Product> out;
  for (const auto& [bit, product] : kProducts) {
    if ((bits & bit) != 0) out.insert(product);
  }
  return out;
}

// refused is the verdict on a set of items that cannot be judged as one platform's evidence: its outcome is the exit code of `openpcc verify`.
attest::PlatformVerdict refused(const Error& error) {
  attest::PlatformVerdict out;
  out.outcome = error.code == Code::unsupported ? attest::Outcome::unsupported
                : error.code == Code::rejected  ? attest::Outcome::reject
                                                : attest::Outcome::malformed;
  out.findings.push_back({appraisal::Aspect::genuine, appraisal::State::failed, error.rule, "one report or quote, and what vouches for it",
                          error.detail, "give the evidence of one machine, and nothing else"});
  return out;
}

std::unique_ptr<openpcc_verdict> handle_of(const attest::PlatformVerdict& verdict) {
  auto out = std::make_unique<openpcc_verdict>();
  out->outcome = static_cast<int32_t>(verdict.outcome);
  out->genuine = verdict.genuine;
  out->kind = verdict.kind;
  out->window = verdict.window;
  for (const appraisal::Finding& finding : verdict.findings) {
    out->findings.push_back({openpcc::abi::state_number(finding.state), finding.state == appraisal::State::failed,
                             std::string(to_string(finding.aspect)), std::string(to_string(finding.state)), std::string(finding.rule.id()),
                             finding.expected, finding.seen, finding.remedy});
  }
  out->json = verdict.json();
  return out;
}

}  // namespace

openpcc_status openpcc_evidence_create(openpcc_evidence** out) {
  if (out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = nullptr;
  return guarded([&] {
    *out = std::make_unique<openpcc_evidence>().release();
    return OPENPCC_OK;
  });
}

openpcc_status openpcc_evidence_add(openpcc_evidence* evidence, const uint8_t* bytes, size_t size) {
  if (evidence == nullptr || bytes == nullptr || size == 0) return OPENPCC_ERROR_ARGUMENT;
  if (size > OPENPCC_ITEM_BYTES_MAX || evidence->items.size() >= OPENPCC_ITEMS_MAX) return OPENPCC_ERROR_LIMIT;
  return guarded([&] {
    evidence->items.emplace_back(bytes, bytes + size);
    return OPENPCC_OK;
  });
}

void openpcc_evidence_free(openpcc_evidence* evidence) { std::unique_ptr<openpcc_evidence>{evidence}.reset(); }

openpcc_status openpcc_demands_create(openpcc_demands** out) {
  if (out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = nullptr;
  return guarded([&] {
    *out = std::make_unique<openpcc_demands>().release();
    return OPENPCC_OK;
  });
}

openpcc_status openpcc_demands_expect_measurement(openpcc_demands* demands, const uint8_t* bytes, size_t size) {
  if (demands == nullptr || bytes == nullptr || (size != 32 && size != 48)) return OPENPCC_ERROR_ARGUMENT;
  if (demands->demands.tdx.measurements.size() >= OPENPCC_MEASUREMENTS_MAX) return OPENPCC_ERROR_LIMIT;
  return guarded([&] {
    // Where memory ends in between, one technology expects more than another, and none less than was asked for before.
    demands->demands.expect_measurement(openpcc::Bytes(bytes, bytes + size));
    return OPENPCC_OK;
  });
}

openpcc_status openpcc_demands_expect_report_data(openpcc_demands* demands, const uint8_t* bytes, size_t size) {
  if (demands == nullptr || bytes == nullptr || size != OPENPCC_REPORT_DATA_BYTES) return OPENPCC_ERROR_ARGUMENT;
  std::array<uint8_t, OPENPCC_REPORT_DATA_BYTES> data;
  std::copy_n(bytes, size, data.begin());
  return guarded([&] {
    demands->demands.expect_report_data(data);
    return OPENPCC_OK;
  });
}

openpcc_status openpcc_demands_expect_nonce(openpcc_demands* demands, const uint8_t* bytes, size_t size) {
  if (demands == nullptr || bytes == nullptr || size != OPENPCC_NONCE_BYTES) return OPENPCC_ERROR_ARGUMENT;
  std::copy_n(bytes, size, demands->demands.nvidia.device.nonce.emplace().begin());
  return OPENPCC_OK;
}

openpcc_status openpcc_demands_require_manifests(openpcc_demands* demands) {
  if (demands == nullptr) return OPENPCC_ERROR_ARGUMENT;
  demands->demands.nvidia.device.require_manifests = true;
  return OPENPCC_OK;
}

openpcc_status openpcc_demands_require_revocation(openpcc_demands* demands) {
  if (demands == nullptr) return OPENPCC_ERROR_ARGUMENT;
  demands->demands.snp.require_revocation = true;
  demands->demands.nvidia.device.require_revocation = true;
  return OPENPCC_OK;
}

openpcc_status openpcc_demands_snp_products(openpcc_demands* demands, uint32_t products) {
  if (demands == nullptr || products == 0 || (products & ~kAllProducts) != 0) return OPENPCC_ERROR_ARGUMENT;
  return guarded([&] {
    demands->demands.snp.products = products_of(products);
    return OPENPCC_OK;
  });
}

openpcc_status openpcc_demands_snp_min_tcb(openpcc_demands* demands, uint32_t product, const openpcc_snp_tcb* min) {
  if (demands == nullptr || min == nullptr) return OPENPCC_ERROR_ARGUMENT;
  return guarded([&]() -> openpcc_status {
    const std::set<snp::Product> named = products_of(product);
    if (named.size() != 1 || (product & ~kAllProducts) != 0) return OPENPCC_ERROR_ARGUMENT;
    if (min->fmc != 0 && product != OPENPCC_SNP_TURIN) return OPENPCC_ERROR_ARGUMENT;
    demands->demands.snp.min_tcb[*named.begin()] = {min->fmc, min->boot_loader, min->tee, min->snp, min->microcode};
    return OPENPCC_OK;
  });
}

void openpcc_demands_free(openpcc_demands* demands) { std::unique_ptr<openpcc_demands>{demands}.reset(); }

openpcc_status openpcc_verify_platform(const openpcc_evidence* evidence, const openpcc_demands* demands, int64_t unix_seconds,
                                       openpcc_verdict** out) {
  if (out == nullptr) return OPENPCC_ERROR_ARGUMENT;
  *out = nullptr;
  if (evidence == nullptr || demands == nullptr || !openpcc::abi::in_time(unix_seconds)) return OPENPCC_ERROR_ARGUMENT;
  return guarded([&] {
    const auto verdict = attest::verify_platform(evidence->items, unix_seconds, demands->demands);
    *out = handle_of(verdict ? *verdict : refused(verdict.error())).release();
    return OPENPCC_OK;
  });
}
