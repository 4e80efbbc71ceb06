#include "openpcc/nitro/describe.h"

#include <algorithm>

#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"
#include "openpcc/x509/x509.h"

namespace openpcc::nitro {
namespace {

constexpr UnixSeconds kMilliseconds = 1000;

std::string_view meaning_of_pcr(Source source, uint8_t index) {
  if (source == Source::nitro_tpm) return index == 4 ? "boot loader and kernel" : index == 7 ? "Secure Boot" : "";
  switch (index) {
    case 0: return "enclave image";
    case 1: return "kernel and bootstrap";
    case 2: return "application";
    case 3: return "IAM role of the parent instance";
    case 4: return "parent instance";
    case 8: return "certificate that signed the image";
    default: return "";
  }
}

std::string name_of(ByteSpan der) {
  const auto certificate = x509::Certificate::parse(der);
  return certificate ? std::string(certificate->common_name()) : "no certificate";
}

// List adds fields in the order in which they are asked for; at the end they stand as in the document.
class List {
 public:
  explicit List(ByteSpan bytes) : bytes_(bytes) {}

  void add(std::string name, ByteSpan place, std::string value, std::string_view meaning = {}) {
    out_.push_back(
        {std::move(name), static_cast<size_t>(place.data() - bytes_.data()), place.size(), std::move(value), std::string(meaning)});
  }
  void bytes(std::string name, ByteSpan value, std::string_view meaning = {}) { add(std::move(name), value, to_hex(value), meaning); }
  void maybe(std::string name, const std::optional<ByteSpan>& value, std::string_view meaning) {
    if (value) bytes(std::move(name), *value, meaning);
  }
  appraisal::Fields take() {
    std::ranges::sort(out_, {}, &appraisal::Field::offset);
    return std::move(out_);
  }

 private:
  ByteSpan bytes_;
  appraisal::Fields out_;
};

}  // namespace

appraisal::Fields describe(const Document& d, ByteSpan bytes) {
  List list(bytes);
  list.bytes("protected", d.protected_header, "ECDSA with SHA-384");
  list.add("module_id", as_bytes(d.module_id), std::string(d.module_id), to_string(d.source));
  list.add("timestamp", d.timestamp_bytes, std::to_string(d.timestamp_ms),
           utc_text(static_cast<UnixSeconds>(d.timestamp_ms / kMilliseconds)));
  for (const auto& [index, value] : d.pcrs) {
    const std::string_view meaning = meaning_of_pcr(d.source, index);
    const bool debug = d.source == Source::enclave && index < 3 && is_zero(value);
    list.bytes("PCR" + std::to_string(index), value, debug ? "zero: a debug enclave, whose console is open" : meaning);
  }
  for (size_t i = 0; i < d.cabundle.size(); ++i) {
    list.add("cabundle." + std::to_string(i), d.cabundle[i], name_of(d.cabundle[i]), i == 0 ? "the root" : "");
  }
  list.add("certificate", d.certificate, name_of(d.certificate), "of the key that signed");
  list.maybe("public_key", d.public_key, "to encrypt to, by the enclave's own word");
  list.maybe("user_data", d.user_data, "the enclave's own");
  list.maybe("nonce", d.nonce, "the asker's, if the enclave passed it on");
  list.bytes("signature", d.signature);
  return list.take();
}

}  // namespace openpcc::nitro
