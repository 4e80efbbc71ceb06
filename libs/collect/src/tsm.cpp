#include "openpcc/collect/tsm.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "openpcc/attest/hardware_types.h"

namespace openpcc::collect {
namespace {

constexpr int kAttempts = 5;
constexpr size_t kAttributeBytesMax = 4096;
constexpr std::string_view kSevProvider = "sev_guest";
constexpr std::string_view kTdxProvider = "tdx_guest";

bool passes(int error) { return error == EBUSY || error == EAGAIN; }

// Entry is a folder under kTsmFolder: a report of our own. It goes with the object.
class Entry {
 public:
  static Result<Entry> make(const Guest& guest) {
    std::array<uint8_t, 8> number;
    guest.random.fill(number);
    std::string path = std::string(kTsmFolder) + "/openpcc-" + to_hex(number);
    const auto made = guest.kernel.make_directory(path);
    if (made) return Entry(guest.kernel, std::move(path));
    if (made.error() == ENOENT) {
      return fail(Code::unsupported, "collect.tsm.absent",
                  "no " + std::string(kTsmFolder) +
                      ": it takes Linux 6.7, configfs mounted at /sys/kernel/config, and the module sev-guest or tdx-guest");
    }
    const std::string_view remedy = made.error() == ENXIO ? "no TEE stands behind it: load the module sev-guest or tdx-guest"
                                                          : "run the node as root, or let it write there";
    return fail(Code::unavailable, "collect.tsm.entry",
                std::string(kTsmFolder) + ": " + error_text(made.error()) + "; " + std::string(remedy));
  }
  Entry(Entry&& other) noexcept : kernel_(other.kernel_), path_(std::exchange(other.path_, {})) {}
  Entry& operator=(Entry&&) = delete;
  ~Entry() {
    if (!path_.empty()) static_cast<void>(kernel_.remove_directory(path_));
  }

  Called<Bytes> read(std::string_view attribute, size_t bytes_max) {
    return read_file(kernel_, path_ + "/" + std::string(attribute), bytes_max);
  }
  Called<void> write(std::string_view attribute, ByteSpan bytes) {
    return write_file(kernel_, path_ + "/" + std::string(attribute), bytes);
  }
  // word is an attribute of one line.
  Called<std::string> word(std::string_view attribute) {
    const auto bytes = read(attribute, kAttributeBytesMax);
    if (!bytes) return std::unexpected(bytes.error());
    std::string out(as_text(*bytes));
    while (out.ends_with('\n')) out.pop_back();
    return out;
  }
  Called<uint64_t> number(std::string_view attribute) {
    const auto text = word(attribute);
    if (!text) return std::unexpected(text.error());
    uint64_t out = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (error != std::errc() || end != text->data() + text->size()) return std::unexpected(EPROTO);
    return out;
  }

 private:
  Entry(Kernel& kernel, std::string path) : kernel_(kernel), path_(std::move(path)) {}
  Kernel& kernel_;
  std::string path_;
};

std::unexpected<Error> attribute_error(std::string_view attribute, int error) {
  const std::string detail = std::string(attribute) + ": " + error_text(error);
  if (passes(error)) return fail(Code::unavailable, "collect.tsm.busy", detail + "; the host throttles");
  if (error == ETIMEDOUT)
    return fail(Code::unavailable, "collect.tsm.timeout", detail + "; the host, for TDX its quoting service, does not answer");
  if (error == EFBIG) return fail(Code::limit, "collect.tsm.too_large", detail);
  if (attribute == "outblob" && (error == EINVAL || error == EIO)) {
    return fail(
        Code::unavailable, "collect.tsm.refused",
        detail + "; the kernel's log says why: a wrong privilege level, disabled keys (SEV-SNP), or no quoting service on the host (TDX)");
  }
  return fail(Code::unavailable, "collect.tsm.attribute", detail);
}

Result<std::string> provider_of(Entry& entry) {
  const auto provider = entry.word("provider");
  if (!provider) return attribute_error("provider", provider.error());
  if (*provider != kSevProvider && *provider != kTdxProvider) {
    return fail(Code::unsupported, "collect.tsm.provider",
                "evidence of \"" + *provider + "\" is not verified here; sev_guest and tdx_guest are");
  }
  return *provider;
}

// write_request writes what is asked for, and returns how often it wrote.
Result<uint64_t> write_request(Entry& entry, const attest::Binding& binding) {
  uint64_t writes = 1;
  const auto floor = entry.number("privlevel_floor");
  if (!floor && floor.error() != ENOENT) return attribute_error("privlevel_floor", floor.error());
  if (floor && *floor > 0) {
    const auto level = entry.write("privlevel", as_bytes(std::to_string(*floor)));
    if (!level) return attribute_error("privlevel", level.error());
    ++writes;
  }
  const auto asked = entry.write("inblob", binding);
  if (!asked) return attribute_error("inblob", asked.error());
  return writes;
}

// read_beside reads what the host gave beside the report; TDX has no such attribute.
Result<std::vector<Bytes>> read_beside(Entry& entry) {
  auto table = entry.read("auxblob", kAuxblobBytesMax);
  if (!table && table.error() == ENOENT) return std::vector<Bytes>{};
  if (!table) return attribute_error("auxblob", table.error());
  const bool says_nothing = std::ranges::all_of(*table, [](uint8_t b) { return b == 0; });
  return says_nothing ? std::vector<Bytes>{} : std::vector<Bytes>{std::move(*table)};
}

attest::Item item_of(std::string_view provider, Bytes outblob) {
  return {std::string(provider == kSevProvider ? attest::kSnpReportType : attest::kTdxQuoteType), std::move(outblob)};
}

Result<Collected> attempt(Entry& entry, std::string_view provider, const attest::Binding& binding) {
  const auto before = entry.number("generation");
  if (!before) return attribute_error("generation", before.error());
  OPENPCC_LET(const uint64_t writes, write_request(entry, binding));
  auto outblob = entry.read("outblob", kOutblobBytesMax);
  if (!outblob) return attribute_error("outblob", outblob.error());
  OPENPCC_LET(std::vector<Bytes> beside, read_beside(entry));
  OPENPCC_LET(const std::string same, provider_of(entry));
  if (same != provider) return fail(Code::rejected, "collect.tsm.provider", "it was " + std::string(provider) + ", now it is " + same);
  const auto after = entry.number("generation");
  if (!after) return attribute_error("generation", after.error());
  if (*after != *before + writes) {
    return fail(
        Code::unavailable, "collect.tsm.conflict",
        "somebody else wrote to the entry: " + std::to_string(*after - *before) + " writes, " + std::to_string(writes) + " of them ours");
  }
  return Collected{item_of(provider, std::move(*outblob)), std::move(beside)};
}

bool passes(const Error& error) { return error.rule == Rule("collect.tsm.busy") || error.rule == Rule("collect.tsm.conflict"); }

}  // namespace

Result<std::unique_ptr<Source>> Tsm::open(const Guest& guest) {
  OPENPCC_LET(Entry entry, Entry::make(guest));
  OPENPCC_LET(std::string provider, provider_of(entry));
  return std::unique_ptr<Source>(new Tsm(guest, std::move(provider)));
}

Word Tsm::name() const { return provider_ == kSevProvider ? Word("configfs-tsm/sev_guest") : Word("configfs-tsm/tdx_guest"); }

Result<Collected> Tsm::collect(const attest::Binding& binding) {
  for (int left = kAttempts - 1;; --left) {
    OPENPCC_LET(Entry entry, Entry::make(guest_));
    auto collected = attempt(entry, provider_, binding);
    if (collected || left == 0 || !passes(collected.error())) return collected;
  }
}

}  // namespace openpcc::collect
