// Spec: RFC 5280 s5.
#include <algorithm>

#include "fields.h"

namespace openpcc::x509 {
namespace {

constexpr uint64_t kVersion2 = 1;

std::unexpected<Error> bad_crl(std::string_view what) { return fail(Code::malformed, "x509.crl.syntax", std::string(what)); }

Result<> refuse_critical(ByteSpan explicit_content, Rule rule) {
  OPENPCC_LET(const std::vector<Extension> extensions, read_extensions(explicit_content, "x509.crl.syntax"));
  if (std::ranges::any_of(extensions, &Extension::critical)) return fail(Code::unsupported, rule, "an extension that limits the list");
  return {};
}

}  // namespace

Result<Crl> Crl::parse(ByteSpan der) {
  if (der.size() > kCrlBytesMax) return fail(Code::limit, "x509.crl.too_large", std::to_string(der.size()) + " bytes");
  Crl out;
  out.der_.assign(der.begin(), der.end());
  OPENPCC_TRY(out.read(out.der_));
  return out;
}

Result<> Crl::read(ByteSpan der) {
  OPENPCC_LET(Envelope envelope, open_envelope(der));
  signed_ = std::move(envelope.signature);
  der::Reader reader(envelope.to_be_signed);
  OPENPCC_LET(const ByteSpan version, reader.content(der::kInteger));
  OPENPCC_LET(const uint64_t number, der::unsigned_integer(version));
  if (number != kVersion2) return bad_crl("not of version 2");
  OPENPCC_LET(const der::Element algorithm, reader.next());
  if (!equal(algorithm.whole, envelope.algorithm_identifier)) {
    return fail(Code::malformed, "x509.certificate.algorithm", "inside another one than outside");
  }
  OPENPCC_LET(const der::Element issuer, reader.next());
  if (issuer.tag != der::kSequence) return bad_crl("no issuer");
  issuer_ = issuer.whole;
  OPENPCC_LET(window_.from, read_time(reader));
  if (!reader.next_is(der::kUtcTime) && !reader.next_is(der::kGeneralizedTime)) return bad_crl("no nextUpdate");
  OPENPCC_LET(const UnixSeconds next_update, read_time(reader));
  window_.to = next_update - 1;
  if (reader.next_is(der::kSequence)) {
    OPENPCC_LET(const ByteSpan list, reader.content(der::kSequence));
    OPENPCC_TRY(read_revoked(list));
  }
  if (!reader.empty()) {
    OPENPCC_LET(const ByteSpan extensions, reader.content(der::context(0)));
    OPENPCC_TRY(refuse_critical(extensions, "x509.crl.critical"));
  }
  return reader.end();
}

Result<> Crl::read_revoked(ByteSpan list) {
  der::Reader entries(list);
  ByteSpan harmless;  // entries have the same extensions, one after the other
  while (!entries.empty()) {
    OPENPCC_LET(const ByteSpan entry, entries.content(der::kSequence));
    der::Reader fields(entry);
    OPENPCC_LET(const ByteSpan serial, fields.content(der::kInteger));
    OPENPCC_LET(const ByteSpan magnitude, der::magnitude(serial));
    OPENPCC_LET(const UnixSeconds date, read_time(fields));
    static_cast<void>(date);  // whatever the date, the certificate does not count
    if (!fields.empty()) {
      OPENPCC_LET(const der::Element extensions, fields.next());
      if (!equal(extensions.whole, harmless)) {
        OPENPCC_TRY(refuse_critical(extensions.whole, "x509.crl.critical"));
      }
      harmless = extensions.whole;
    }
    OPENPCC_TRY(fields.end());
    revoked_.push_back(magnitude);
  }
  return {};
}

// A list is asked for two or three certificates: sorting it would cost more.
bool Crl::revokes(ByteSpan serial) const {
  return std::ranges::any_of(revoked_, [&](ByteSpan revoked) { return equal(revoked, serial); });
}

}  // namespace openpcc::x509
