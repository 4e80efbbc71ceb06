#include "openpcc/measure/snp.h"

#include "fields.h"
#include "openpcc/measure/published.h"

namespace openpcc::measure {
namespace {

constexpr uint64_t kVmsaGpa = 0xfffffffff000;  // KVM gives every VMSA page this address
constexpr uint32_t kBootEip = 0xfffffff0;

constexpr Guid kHashesTable = guid("9438d606-4f22-4cc9-b479-a793d411fd21");
constexpr Guid kCmdlineEntry = guid("97d02dd8-bd20-4c94-aa78-e7714d36ab2a");
constexpr Guid kInitrdEntry = guid("44baf731-3a2f-4bd7-9af1-41e29169781d");
constexpr Guid kKernelEntry = guid("4de79437-abd2-427f-b835-d5b172d2045b");
constexpr size_t kHashesBytes = 176;

constexpr uint32_t signature_of(uint32_t family, uint32_t model, uint32_t stepping) {
  return (family - 15) << 20 | (model >> 4) << 16 | 15u << 8 | (model & 15) << 4 | stepping;
}

constexpr std::array<CpuType, 10> kCpuTypes{{{"EPYC-v4", signature_of(23, 1, 2)},
                                             {"EPYC", signature_of(23, 1, 2)},
                                             {"EPYC-v1", signature_of(23, 1, 2)},
                                             {"EPYC-v2", signature_of(23, 1, 2)},
                                             {"EPYC-v3", signature_of(23, 1, 2)},
                                             {"EPYC-IBPB", signature_of(23, 1, 2)},
                                             {"EPYC-Rome", signature_of(23, 49, 0)},
                                             {"EPYC-Milan", signature_of(25, 1, 1)},
                                             {"EPYC-Genoa", signature_of(25, 17, 0)},
                                             {"EPYC-Turin", signature_of(26, 0, 0)}}};

std::string_view name_of(PageType type) {
  switch (type) {
    case PageType::normal: return "normal page";
    case PageType::vmsa: return "VMSA page";
    case PageType::zero: return "zero page";
    case PageType::unmeasured: return "unmeasured page";
    case PageType::secrets: return "secrets page";
    case PageType::cpuid: return "CPUID page";
  }
  return "page";
}

void put_segment(Bytes& page, size_t at, uint16_t attributes, uint16_t selector = 0, uint64_t base = 0) {
  const MutableByteSpan out(page.data() + at, 16);
  put_le<uint16_t>(out, selector);
  put_le<uint16_t>(out.subspan(2), attributes);
  put_le<uint32_t>(out.subspan(4), 0xffff);
  put_le<uint64_t>(out.subspan(8), base);
}

void put(Bytes& page, size_t at, uint64_t value) { put_le<uint64_t>(MutableByteSpan(page.data() + at, 8), value); }

void add_entry(Bytes& out, const Guid& name, ByteSpan hash) {
  append(out, name);
  append_le<uint16_t>(out, static_cast<uint16_t>(kGuidBytes + 2 + hash.size()));
  append(out, hash);
}

Result<Page> hashes_page(const SnpLaunch& launch, const SevSection& section) {
  const auto& gpa = launch.firmware.metadata.hashes_gpa;
  const size_t at = gpa ? *gpa % kPageBytes : kPageBytes;
  if (at + kHashesBytes > kPageBytes)
    return fail(Code::rejected, "measure.snp.no_hashes", "the firmware's table of hashes does not lie in its section");
  Bytes page(kPageBytes);
  std::ranges::copy(hashes_table(*launch.kernel), page.begin() + static_cast<ptrdiff_t>(at));
  return Page{PageType::normal, section.gpa, crypto::sha384(page), "hashes of kernel, initrd and command line", "kernel hashes", 0};
}

PageType type_of(const SevSection& section, Vmm vmm) {
  if (section.type == SevSectionType::secrets) return PageType::secrets;
  if (section.type == SevSectionType::cpuid) return PageType::cpuid;
  return section.type == SevSectionType::sec_mem && vmm == Vmm::gce ? PageType::unmeasured : PageType::zero;
}

std::string_view name_of(SevSectionType type) {
  switch (type) {
    case SevSectionType::sec_mem: return "firmware's memory";
    case SevSectionType::secrets: return "secrets";
    case SevSectionType::cpuid: return "CPUID table";
    case SevSectionType::svsm_caa: return "SVSM calling area";
    case SevSectionType::kernel_hashes: return "kernel hashes: none";
  }
  return "section";
}

std::vector<SevSection> cpuid_last(const std::vector<SevSection>& sections) {
  std::vector<SevSection> out, last;
  for (const SevSection& section : sections) (section.type == SevSectionType::cpuid ? last : out).push_back(section);
  out.insert(out.end(), last.begin(), last.end());
  return out;
}

Result<> add_section(std::vector<Page>& out, const SnpLaunch& launch, const SevSection& section) {
  if (section.type == SevSectionType::kernel_hashes && launch.kernel) {
    OPENPCC_LET(Page page, hashes_page(launch, section));
    out.push_back(std::move(page));
    return {};
  }
  for (uint32_t at = 0; at < section.size; at += kPageBytes) {
    out.push_back(
        {type_of(section, launch.vmm), uint64_t{section.gpa} + at, {}, std::string(name_of(section.type)), "firmware's metadata", at});
  }
  return {};
}

}  // namespace

crypto::Sha384Digest extend_digest(const crypto::Sha384Digest& before, const Page& page) {
  std::array<uint8_t, 0x70> info{};
  const MutableByteSpan out(info);
  std::ranges::copy(before, info.begin());
  std::ranges::copy(page.contents, info.begin() + 0x30);
  put_le<uint16_t>(out.subspan(0x60), 0x70);
  info[0x62] = static_cast<uint8_t>(page.type);  // then no IMI, and no permissions for VMPL 1 to 3
  put_le<uint64_t>(out.subspan(0x68), page.gpa);
  return crypto::sha384(info);
}

Measurement launch_digest(const std::vector<Page>& pages) {
  Measurement out;
  out.technology = "snp";
  crypto::Sha384Digest value{};
  out.trace.reserve(pages.size());
  for (const Page& page : pages) {
    value = extend_digest(value, page);
    out.trace.push_back({"MEASUREMENT", std::string(name_of(page.type)) + ": " + page.what, page.input, page.offset, kPageBytes, page.gpa,
                         Bytes(page.contents.begin(), page.contents.end()), Bytes(value.begin(), value.end())});
  }
  out.registers.push_back({"MEASUREMENT", Bytes(value.begin(), value.end())});
  return out;
}

std::string_view to_string(Vmm vmm) {
  switch (vmm) {
    case Vmm::qemu: return "qemu";
    case Vmm::ec2: return "ec2";
    case Vmm::gce: return "gce";
  }
  return "unknown";
}

std::optional<Vmm> vmm_of(std::string_view name) {
  for (const Vmm vmm : {Vmm::qemu, Vmm::ec2, Vmm::gce}) {
    if (name == to_string(vmm)) return vmm;
  }
  return std::nullopt;
}

std::span<const CpuType> cpu_types() { return kCpuTypes; }

std::optional<uint32_t> cpu_signature(std::string_view name) {
  const auto found = std::ranges::find(kCpuTypes, name, &CpuType::name);
  if (found == kCpuTypes.end()) return std::nullopt;
  return found->signature;
}

KernelHashes KernelHashes::of(ByteSpan kernel, ByteSpan initrd, std::string_view cmdline) {
  return {crypto::sha256({as_bytes(cmdline), as_bytes(std::string_view("\0", 1))}), crypto::sha256(initrd), crypto::sha256(kernel)};
}

Bytes hashes_table(const KernelHashes& hashes) {
  Bytes entries;
  add_entry(entries, kCmdlineEntry, hashes.cmdline);
  add_entry(entries, kInitrdEntry, hashes.initrd);
  add_entry(entries, kKernelEntry, hashes.kernel);
  Bytes out;
  add_entry(out, kHashesTable, entries);
  out.resize(kHashesBytes);
  return out;
}

// Spec: AMD64 Architecture Programmer's Manual, volume 2, appendix B, table B-4; the values are those of a processor after reset as KVM and the
// two clouds set them.
Bytes vmsa_page(Vmm vmm, const Vcpu& vcpu) {
  const bool ec2 = vmm == Vmm::ec2;
  Bytes page(kPageBytes);
  for (const size_t data : {0x00u, 0x30u, 0x40u, 0x50u}) put_segment(page, data, 0x93);  // ES, DS, FS, GS
  put_segment(page, 0x10, ec2 && vcpu.eip == kBootEip ? 0x9a : 0x9b, 0xf000, vcpu.eip & 0xffff0000);
  put_segment(page, 0x20, ec2 ? 0x92 : 0x93);                           // SS
  put_segment(page, 0x60, 0);                                           // GDTR
  put_segment(page, 0x70, 0x82);                                        // LDTR
  put_segment(page, 0x80, 0);                                           // IDTR
  put_segment(page, 0x90, ec2 ? 0x83 : 0x8b);                           // TR
  put(page, 0xd0, 0x1000);                                              // EFER: SVME
  put(page, 0x148, 0x40);                                               // CR4: MCE
  put(page, 0x158, 0x10);                                               // CR0: ET
  put(page, 0x160, 0x400);                                              // DR7
  put(page, 0x168, 0xffff0ff0);                                         // DR6
  put(page, 0x170, 2);                                                  // RFLAGS
  put(page, 0x178, vcpu.eip & 0xffff);                                  // RIP
  put(page, 0x268, vmm == Vmm::gce ? 0x00070106 : 0x0007040600070406);  // G_PAT
  put(page, 0x310, vcpu.rdx.value_or(vmm == Vmm::qemu ? vcpu.signature : 0x600));
  put(page, 0x3b0, vcpu.sev_features);
  put(page, 0x3e8, 1);  // XCR0: x87
  if (vmm == Vmm::qemu) {
    put(page, 0x408, 0x1f80);                                          // MXCSR
    put_le<uint16_t>(MutableByteSpan(page.data() + 0x410, 2), 0x37f);  // x87 FCW
  }
  return page;
}

Result<SnpFirmware> SnpFirmware::of(ByteSpan firmware) {
  SnpFirmware out;
  OPENPCC_LET(out.metadata, parse_sev_metadata(firmware));
  out.base = (uint64_t{1} << 32) - firmware.size();
  for (; !firmware.empty(); firmware = firmware.subspan(kPageBytes)) out.pages.push_back(crypto::sha384(firmware.first(kPageBytes)));
  return out;
}

Result<std::vector<Page>> pages_before_vcpus(const SnpLaunch& launch) {
  std::vector<Page> out;
  out.reserve(launch.firmware.pages.size());
  for (size_t i = 0; i < launch.firmware.pages.size(); ++i) {
    out.push_back(
        {PageType::normal, launch.firmware.base + i * kPageBytes, launch.firmware.pages[i], "firmware", "firmware", i * kPageBytes});
  }
  std::vector<SevSection> sections = launch.firmware.metadata.sections;
  if (launch.vmm == Vmm::ec2) sections = cpuid_last(sections);
  const bool takes_hashes = std::ranges::find(sections, SevSectionType::kernel_hashes, &SevSection::type) != sections.end();
  if (launch.kernel && !takes_hashes) {
    return fail(Code::rejected, "measure.snp.no_hashes",
                "this firmware would run whatever kernel it is given: it has no section for hashes");
  }
  for (const SevSection& section : sections) {
    OPENPCC_TRY(add_section(out, launch, section));
  }
  return out;
}

Page vcpu_page(const SnpLaunch& launch, uint32_t n) {
  const uint32_t eip = n == 0 ? kBootEip : launch.firmware.metadata.reset_eip;
  const Bytes page = vmsa_page(launch.vmm, {eip, launch.signature, launch.sev_features, launch.rdx});
  return {PageType::vmsa, kVmsaGpa, crypto::sha384(page), "first state of vCPU " + std::to_string(n), "vmm", 0};
}

Result<Measurement> measure_snp(const SnpLaunch& launch) {
  if (launch.vcpus == 0 || launch.vcpus > kVcpusMax) return fail(Code::limit, "measure.snp.vcpus", std::to_string(launch.vcpus) + " vCPUs");
  OPENPCC_LET(std::vector<Page> pages, pages_before_vcpus(launch));
  for (uint32_t n = 0; n < launch.vcpus; ++n) pages.push_back(vcpu_page(launch, n));
  Measurement out = launch_digest(pages);
  out.proofs = snp_proofs(launch);
  return out;
}

Bytes id_block_bytes(const IdBlock& block) {
  Bytes out;
  append(out, block.launch_digest);
  append(out, block.family_id);
  append(out, block.image_id);
  append_le<uint32_t>(out, 1);  // VERSION
  append_le<uint32_t>(out, block.guest_svn);
  append_le<uint64_t>(out, block.policy);
  return out;
}

Bytes id_key_bytes(std::span<const uint8_t, 96> xy) {
  Bytes out;
  append_le<uint32_t>(out, 2);  // P-384
  for (const ByteSpan half : {ByteSpan(xy.first<48>()), ByteSpan(xy.last<48>())}) {
    out.insert(out.end(), half.rbegin(), half.rend());
    out.insert(out.end(), 72 - 48, 0);
  }
  out.resize(kIdKeyBytes);
  return out;
}

crypto::Sha384Digest key_digest(ByteSpan key) { return crypto::sha384(key); }

}  // namespace openpcc::measure
