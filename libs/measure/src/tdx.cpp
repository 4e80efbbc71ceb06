#include "openpcc/measure/tdx.h"

#include "mrtd.h"

namespace openpcc::measure {
namespace {

constexpr uint64_t kLowMemoryMax = 0xb0000000, kLowMemoryOfLarge = 0x80000000, kHighMemory = uint64_t{1} << 32;
constexpr Bank kBank = Bank::sha384;

// data_of is a page of a section whose contents are measured, zeros where the file has no more.
Bytes data_of(ByteSpan firmware, const TdvfSection& section, uint64_t at) {
  const uint64_t bytes = section.raw > at ? std::min<uint64_t>(section.raw - at, kPageBytes) : 0;
  return page_of(firmware.subspan(section.offset + (bytes > 0 ? at : 0), bytes));
}

void note(Trace& trace, ByteSpan firmware, const TdvfSection& section, uint64_t at) {
  const bool data = section.extended();
  if (section.augmented() && !data) return;
  trace.push_back({"MRTD",
                   data ? "page added and extended" : "page added",
                   data ? "firmware" : "firmware's metadata",
                   data ? section.offset + at : 0,
                   kPageBytes,
                   section.gpa + at,
                   data ? digest(kBank, data_of(firmware, section, at)) : Bytes(digest_bytes(kBank)),
                   {}});
}

struct Range {
  bool accepted;
  uint64_t start;
  uint64_t end;
};

// memory_ranges cuts memory from zero on into what the sections have and what is left between them; the last reaches to the end of low memory.
std::vector<Range> memory_ranges(const std::vector<TdvfSection>& sections, uint64_t low) {
  std::vector<Range> taken;
  for (const TdvfSection& section : sections) {
    const bool counts = section.type == TdvfType::td_hob || section.type == TdvfType::temp_mem;
    if (counts && section.size > 0) taken.push_back({true, section.gpa, section.gpa + section.size});
  }
  std::ranges::sort(taken, {}, &Range::start);
  std::vector<Range> out;
  uint64_t at = 0;
  for (const Range& range : taken) {
    if (at < range.start) out.push_back({false, at, range.start});
    out.push_back(range);
    at = range.end;
  }
  out.push_back({false, at, low});
  return out;
}

void add_resource(Bytes& out, bool accepted, uint64_t start, uint64_t bytes) {
  append_le<uint16_t>(out, 3);  // EFI_HOB_TYPE_RESOURCE_DESCRIPTOR
  append_le<uint16_t>(out, 48);
  out.insert(out.end(), 4 + kGuidBytes, 0);
  append_le<uint32_t>(out, accepted ? 0 : 7);  // system memory, or memory that is not accepted yet
  append_le<uint32_t>(out, 7);                 // present, initialised, tested
  append_le<uint64_t>(out, start);
  append_le<uint64_t>(out, bytes);
}

Extend part_step(std::string reg, std::string what, const Part& part) {
  return {std::move(reg), std::move(what), part.input, 0, part.bytes, std::nullopt, part.digest, {}};
}

Extend text_step(std::string reg, std::string_view text) {
  return data_step(kBank, std::move(reg), std::string(text), "constant", as_bytes(text));
}
Extend separator_step(std::string reg) { return data_step(kBank, std::move(reg), "separator", "constant", kSeparator); }

}  // namespace

Bytes mrtd(ByteSpan firmware, const std::vector<TdvfSection>& sections, Passes passes, Trace& trace) {
  MrtdStream stream;
  const auto add = [&](const TdvfSection& section, uint64_t at) {
    if (!section.augmented()) stream.add(section.gpa + at);
    note(trace, firmware, section, at);
  };
  const auto extend = [&](const TdvfSection& section, uint64_t at) {
    if (section.extended()) stream.extend(section.gpa + at, data_of(firmware, section, at));
  };
  for (const TdvfSection& section : sections) {
    for (uint64_t at = 0; at < section.size; at += kPageBytes) {
      add(section, at);
      if (passes == Passes::one) extend(section, at);
    }
    for (uint64_t at = 0; passes == Passes::two && at < section.size; at += kPageBytes) extend(section, at);
  }
  return stream.finish();
}

Result<Bytes> td_hob(const std::vector<TdvfSection>& sections, uint64_t memory_bytes) {
  const auto block = std::ranges::find(sections, TdvfType::td_hob, &TdvfSection::type);
  if (block == sections.end()) return fail(Code::unsupported, "measure.fw.tdx_section", "no section for the hand-off block");
  const bool large = memory_bytes >= kLowMemoryMax;
  const uint64_t low = large ? kLowMemoryOfLarge : memory_bytes;
  const std::vector<Range> ranges = memory_ranges(sections, low);
  if (memory_bytes % kPageBytes != 0 || memory_bytes >> 52 != 0 || ranges.back().end <= ranges.back().start) {
    return fail(Code::rejected, "measure.tdx.memory", std::to_string(memory_bytes) + " bytes of memory");
  }
  Bytes resources;
  for (const Range& range : ranges) add_resource(resources, range.accepted, range.start, range.end - range.start);
  if (large) add_resource(resources, false, kHighMemory, memory_bytes - low);
  Bytes out;
  append_le<uint16_t>(out, 1);  // EFI_HOB_TYPE_HANDOFF
  append_le<uint16_t>(out, 56);
  append_le<uint32_t>(out, 0);
  append_le<uint32_t>(out, 9);  // version
  out.resize(48);
  append_le<uint64_t>(out, block->gpa + 56 + resources.size() + 8);  // after the end marker, which is not measured
  append(out, resources);
  return out;
}

std::vector<Extend> variable_steps(Bank bank, const std::string& reg, const Variables& variables) {
  constexpr Guid kGlobal = guid(kGlobalVariable), kSecurity = guid(kImageSecurity);
  const auto step = [&](const Guid& vendor, std::string_view name, const Bytes& data) {
    return data_step(bank, reg, "variable " + std::string(name), std::string(name), variable_event(vendor, name, data));
  };
  return {step(kGlobal, "SecureBoot", variables.secure_boot), step(kGlobal, "PK", variables.pk), step(kGlobal, "KEK", variables.kek),
          step(kSecurity, "db", variables.db), step(kSecurity, "dbx", variables.dbx)};
}

void extend_firmware(Replayer& registers, const FirmwareBoot& boot) {
  registers.extend(part_step("RTMR0", "hand-off block", boot.td_hob));
  registers.extend(part_step("RTMR0", "configuration volume", boot.cfv));
  for (Extend& step : variable_steps(kBank, "RTMR0", boot.variables)) registers.extend(std::move(step));
  registers.extend(separator_step("RTMR0"));
  registers.extend(part_step("RTMR0", "ACPI loader", boot.acpi_loader));
  registers.extend(part_step("RTMR0", "ACPI RSDP", boot.acpi_rsdp));
  registers.extend(part_step("RTMR0", "ACPI tables", boot.acpi_tables));
  registers.extend(part_step("RTMR0", "variable BootOrder", boot.boot_order));
  for (const Part& option : boot.boot_options) registers.extend(part_step("RTMR0", "boot option", option));
}

Bytes ovmf_boot_order() { return {0, 0}; }

Bytes ovmf_ui_app() {
  constexpr uint32_t kActiveHiddenApplication = 0x109;
  return boot_option(
      {kActiveHiddenApplication, "UiApp", guid("7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1"), guid("462caa21-7614-4503-836e-8ab6f4662331")});
}

void extend_direct(Replayer& registers, const DirectBoot& boot) {
  registers.extend(part_step("RTMR1", "kernel as QEMU patched it", boot.kernel));
  registers.extend(text_step("RTMR1", kCallingApplication));
  registers.extend(separator_step("RTMR1"));
  registers.extend(text_step("RTMR1", kExitBootServices));
  registers.extend(text_step("RTMR1", kExitedBootServices));
  registers.extend(part_step("RTMR2", "command line", boot.cmdline));
  registers.extend(part_step("RTMR2", "initrd", boot.initrd));
}

Bytes cmdline_bytes(std::string_view cmdline) {
  Bytes out = utf16(cmdline);
  append_le<uint16_t>(out, 0);
  return out;
}

void extend_disk(Replayer& registers, const DiskBoot& boot) {
  registers.extend(text_step("RTMR1", kCallingApplication));
  registers.extend(separator_step("RTMR1"));
  if (boot.gpt) registers.extend(part_step("RTMR1", "partition table", *boot.gpt));
  for (const Part& application : boot.applications) registers.extend(part_step("RTMR1", "executable", application));
  registers.extend(text_step("RTMR1", kExitBootServices));
  registers.extend(text_step("RTMR1", kExitedBootServices));
  for (const Extend& step : boot.uki_sections) registers.extend(step);
}

crypto::Sha384Digest release_digest(const Measurement& measurement) {
  Bytes out;
  append(out, as_bytes(std::string_view("openpcc tdx release v1\0", 23)));
  for (const std::string_view name : {"MRTD", "RTMR0", "RTMR1", "RTMR2", "RTMR3"}) {
    const ByteSpan value = measurement.value(name);
    append(out, value);
    out.insert(out.end(), digest_bytes(kBank) - value.size(), 0);
  }
  return crypto::sha384(out);
}

}  // namespace openpcc::measure
