#include "openpcc/measure/igvm.h"

#include <map>

#include "fields.h"
#include "mrtd.h"

namespace openpcc::measure {
namespace {

constexpr size_t kFixedBytes = 24, kHeadBytes = 8;
constexpr uint32_t kIgnorable = 0x80000000;
constexpr uint64_t kMemoryPagesMax = 1u << 16;

// The headers that count here (IGVM_VHT_*). Others that are known change nothing that is measured.
enum Type : uint32_t { supported_platform = 1, parameter_area = 0x301, page_data = 0x302, parameter_insert = 0x303, vp_context = 0x304 };
constexpr std::array<uint32_t, 17> kUnmeasuredTypes{0x101, 0x102, 0x103, 0x305, 0x306, 0x307, 0x308, 0x309, 0x30a,
                                                    0x30b, 0x30c, 0x30d, 0x30e, 0x30f, 0x310, 0x311, 0x312};

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "measure.igvm.directive", std::string(what)); }

// Spec: CRC-32 of ISO 3309, reflected, as in Ethernet.
uint32_t crc32(ByteSpan bytes, uint32_t crc = 0) {
  crc = ~crc;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

// Builder turns variable headers into platforms and steps.
class Builder {
 public:
  explicit Builder(ByteSpan file) : file_(file) {}

  Result<> add(uint32_t type, ByteSpan body) {
    switch (type) {
      case Type::supported_platform: return platform(body);
      case Type::parameter_area: return area(body);
      case Type::page_data: return page(body);
      case Type::parameter_insert: return insert(body);
      case Type::vp_context: return processor(body);
      default: break;
    }
    const bool known = std::ranges::find(kUnmeasuredTypes, type) != kUnmeasuredTypes.end();
    if (!known && (type & kIgnorable) == 0) return fail(Code::unsupported, "measure.igvm.type", "header " + std::to_string(type));
    return {};
  }
  Igvm take() { return std::move(out_); }

 private:
  Result<> platform(ByteSpan body) {
    if (body.size() != 16) return bad("supported platform");
    out_.platforms.push_back({le<uint32_t>(body), static_cast<IgvmPlatform>(body[5])});
    return {};
  }
  Result<> area(ByteSpan body) {
    if (body.size() != 16) return bad("parameter area");
    const uint64_t bytes = le<uint64_t>(body);
    if (bytes == 0 || bytes % kPageBytes != 0 || bytes / kPageBytes > kMemoryPagesMax) return bad("size of a parameter area");
    if (!areas_.emplace(le<uint32_t>(body.subspan(8)), bytes).second) return bad("a parameter area twice");
    return {};
  }
  Result<> page(ByteSpan body) {
    if (body.size() != 24) return bad("page data");
    IgvmStep step;
    step.gpa = le<uint64_t>(body);
    step.mask = le<uint32_t>(body.subspan(8));
    const uint32_t flags = le<uint32_t>(body.subspan(16));
    step.unmeasured = (flags & 2) != 0;
    step.shared = (flags & 4) != 0;
    step.data_type = le<uint16_t>(body.subspan(20));
    if ((flags & ~6u) != 0 || step.data_type > 3 || le<uint16_t>(body.subspan(22)) != 0) return bad("flags or type of a page");
    return finish(step, le<uint32_t>(body.subspan(12)));
  }
  Result<> insert(ByteSpan body) {
    if (body.size() != 16) return bad("parameter insert");
    const auto area = areas_.find(le<uint32_t>(body.subspan(12)));
    if (area == areas_.end()) return bad("an unknown parameter area");
    IgvmStep step;
    step.kind = IgvmStep::Kind::parameters;
    step.gpa = le<uint64_t>(body);
    step.mask = le<uint32_t>(body.subspan(8));
    step.bytes = area->second;
    step.unmeasured = true;
    return finish(step, 0);
  }
  Result<> processor(ByteSpan body) {
    if (body.size() != 24 && body.size() != 20) return bad("processor context");
    IgvmStep step;
    step.kind = IgvmStep::Kind::processor;
    step.gpa = le<uint64_t>(body);
    step.mask = le<uint32_t>(body.subspan(8));
    return finish(step, le<uint32_t>(body.subspan(12)));
  }
  // finish finds the data: a page of it, less at the end of the file.
  Result<> finish(IgvmStep step, uint32_t offset) {
    if (step.gpa % kPageBytes != 0 || offset > file_.size()) return bad("an address that is no page's, or data outside the file");
    pages_ += step.bytes / kPageBytes;
    if (pages_ > kMemoryPagesMax) return fail(Code::limit, "measure.igvm.directive", "more than 256 MiB");
    step.offset = offset;
    if (offset > 0) step.data = file_.subspan(offset, std::min(file_.size() - offset, kPageBytes));
    out_.steps.push_back(step);
    return {};
  }

  ByteSpan file_;
  Igvm out_;
  std::map<uint32_t, uint64_t> areas_;
  uint64_t pages_ = 0;
};

Result<Igvm> read_headers(ByteSpan file, ByteSpan headers) {
  Builder builder(file);
  for (size_t n = 0; !headers.empty(); ++n) {
    if (n == kIgvmHeadersMax || headers.size() < kHeadBytes) return bad("too many headers, or one cut short");
    const uint32_t length = le<uint32_t>(headers.subspan(4));
    const auto body = slice(headers, kHeadBytes, length);
    if (!body) return bad("a header's length");
    OPENPCC_TRY(builder.add(le<uint32_t>(headers), *body));
    const uint64_t padded = kHeadBytes + (uint64_t{length} + 7) / 8 * 8;
    headers = headers.subspan(static_cast<size_t>(std::min<uint64_t>(padded, headers.size())));
  }
  return builder.take();
}

Page snp_page(const IgvmStep& step, bool zero_pages) {
  Page out{PageType::normal, step.gpa, {}, "page", "igvm", step.offset};
  if (step.kind == IgvmStep::Kind::parameters) {
    out.type = PageType::unmeasured;
    out.what = "parameters, which the host writes";
  } else if (step.kind == IgvmStep::Kind::processor) {
    out.type = PageType::vmsa;
    out.what = "first state of a vCPU";
  } else if (step.data_type == 1) {
    out.type = PageType::secrets;
  } else if (step.data_type != 0) {
    out.type = PageType::cpuid;
  } else if (step.unmeasured) {
    out.type = PageType::unmeasured;
  } else if (step.data.empty() && zero_pages) {
    out.type = PageType::zero;
  }
  if (out.type == PageType::normal || out.type == PageType::vmsa) out.contents = crypto::sha384(page_of(step.data));
  return out;
}

}  // namespace

uint32_t Igvm::mask_of(IgvmPlatform platform) const {
  const auto found = std::ranges::find(platforms, platform, &Platform::platform);
  return found == platforms.end() ? 0 : found->mask;
}

Result<Igvm> parse_igvm(ByteSpan file) {
  if (file.size() > kIgvmBytesMax) return fail(Code::limit, "measure.igvm.size", "over 64 MiB");
  if (file.size() < kFixedBytes || as_text(file.first(4)) != "IGVM" || le<uint32_t>(file.subspan(4)) != 1) {
    return fail(Code::malformed, "measure.igvm.header", "magic or version");
  }
  if (le<uint32_t>(file.subspan(16)) != file.size()) return fail(Code::malformed, "measure.igvm.size", "another total size");
  const uint32_t at = le<uint32_t>(file.subspan(8));
  const auto headers = slice(file, at, le<uint32_t>(file.subspan(12)));
  if (!headers || at != kFixedBytes) return fail(Code::malformed, "measure.igvm.header", "variable headers");
  const Bytes zero(4);
  if (crc32(concat({file.first(20), zero, *headers})) != le<uint32_t>(file.subspan(20))) {
    return fail(Code::malformed, "measure.igvm.checksum", "CRC-32 of the headers");
  }
  return read_headers(file, *headers);
}

Result<Measurement> igvm_snp(const Igvm& igvm, bool zero_pages) {
  const uint32_t mask = igvm.mask_of(IgvmPlatform::sev_snp);
  if (mask == 0) return fail(Code::rejected, "measure.igvm.platform", "this file is not for SEV-SNP");
  std::vector<Page> pages;
  for (const IgvmStep& step : igvm.steps) {
    if ((step.mask & mask) == 0 || step.shared) continue;
    Page page = snp_page(step, zero_pages);
    for (uint64_t at = 0; at < step.bytes; at += kPageBytes, page.gpa += kPageBytes) pages.push_back(page);
  }
  Measurement out = launch_digest(pages);
  out.proofs.push_back({"IGVM: self-made samples only", ""});
  return out;
}

Result<Measurement> igvm_mrtd(const Igvm& igvm) {
  const uint32_t mask = igvm.mask_of(IgvmPlatform::tdx);
  if (mask == 0) return fail(Code::rejected, "measure.igvm.platform", "this file is not for TDX");
  Measurement out;
  out.technology = "tdx";
  MrtdStream stream;
  uint64_t measured_pages = 0;
  for (const IgvmStep& step : igvm.steps) {
    if ((step.mask & mask) == 0 || step.shared || step.kind == IgvmStep::Kind::processor) continue;
    for (uint64_t at = 0; at < step.bytes; at += kPageBytes) {
      stream.add(step.gpa + at);
      const bool measured = !step.unmeasured;
      if (measured && ++measured_pages > kExtendedPagesMax)
        return fail(Code::limit, "measure.igvm.directive", "more than 16 MiB that is measured");
      const Bytes page = page_of(step.data);
      if (measured) stream.extend(step.gpa + at, page);
      out.trace.push_back({"MRTD",
                           measured ? "page added and extended" : "page added",
                           "igvm",
                           step.offset,
                           kPageBytes,
                           step.gpa + at,
                           measured ? digest(Bank::sha384, page) : Bytes(48),
                           {}});
    }
  }
  out.registers.push_back({"MRTD", stream.finish()});
  out.proofs.push_back({"IGVM: self-made samples only", ""});
  return out;
}

}  // namespace openpcc::measure
