// Spec: Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5.
#include "openpcc/tdx/pck.h"

#include <algorithm>

#include "openpcc/x509/der.h"

namespace openpcc::tdx {
namespace {

namespace der = x509::der;

constexpr std::array<uint8_t, 9> kSgxExtension{0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};  // 1.2.840.113741.1.13.1
constexpr uint64_t kTcb = 2;
constexpr uint64_t kPcesvn = 17;
constexpr uint64_t kCpusvn = 18;

std::unexpected<Error> bad(std::string_view what) { return fail(Code::malformed, "tdx.pck.extension", std::string(what)); }

// Member is SEQUENCE { OBJECT IDENTIFIER, value }; its last arc says which.
struct Member {
  uint64_t arc;
  der::Element value;
};

// next_member takes one whose identifier is `prefix` and one arc below 128.
Result<Member> next_member(der::Reader& list, ByteSpan prefix) {
  OPENPCC_LET(const ByteSpan content, list.content(der::kSequence));
  der::Reader reader(content);
  OPENPCC_LET(const ByteSpan oid, reader.content(der::kOid));
  if (oid.size() != prefix.size() + 1 || !equal(oid.first(prefix.size()), prefix) || oid.back() >= 0x80) return bad("an identifier");
  OPENPCC_LET(const der::Element value, reader.next());
  OPENPCC_TRY(reader.end());
  return Member{oid.back(), value};
}

// mark notes that a member was there, once.
Result<> mark(uint32_t& seen, uint64_t arc, uint64_t last) {
  if (arc < 1 || arc > last) return bad("unknown member " + std::to_string(arc));
  if ((seen >> arc & 1) != 0) return bad("member " + std::to_string(arc) + " twice");
  seen |= 1u << arc;
  return {};
}

template <size_t N>
Result<> octets(const Member& member, std::array<uint8_t, N>& out) {
  if (member.value.tag != der::kOctetString || member.value.content.size() != N) return bad("member " + std::to_string(member.arc));
  std::ranges::copy(member.value.content, out.begin());
  return {};
}

Result<uint64_t> number(const Member& member, uint8_t tag, uint64_t max) {
  if (member.value.tag != tag) return bad("member " + std::to_string(member.arc) + " is no number");
  OPENPCC_LET(const uint64_t value, der::unsigned_integer(member.value.content));
  if (value > max) return bad("member " + std::to_string(member.arc) + " out of range");
  return value;
}

Result<ByteSpan> list_of(const Member& member) {
  if (member.value.tag != der::kSequence) return bad("member " + std::to_string(member.arc) + " is no list");
  return member.value.content;
}

Bytes below(uint8_t arc) { return concat({kSgxExtension, ByteSpan(&arc, 1)}); }

Result<> read_tcb(ByteSpan list, PckClaims& out) {
  const Bytes prefix = below(kTcb);
  der::Reader reader(list);
  uint32_t seen = 0;
  while (!reader.empty()) {
    OPENPCC_LET(const Member member, next_member(reader, prefix));
    OPENPCC_TRY(mark(seen, member.arc, kCpusvn));
    if (member.arc == kCpusvn) {
      OPENPCC_TRY(octets(member, out.cpusvn));
      continue;
    }
    OPENPCC_LET(const uint64_t svn, number(member, der::kInteger, member.arc == kPcesvn ? 0xffff : 0xff));
    if (member.arc == kPcesvn) {
      out.pcesvn = static_cast<uint16_t>(svn);
    } else {
      out.components[member.arc - 1] = static_cast<uint8_t>(svn);
    }
  }
  if (seen != (1u << (kCpusvn + 1)) - 2) return bad("not all of the TCB");
  return {};
}

Result<> read_configuration(ByteSpan list, PckConfiguration& out) {
  const Bytes prefix = below(7);
  der::Reader reader(list);
  uint32_t seen = 0;
  while (!reader.empty()) {
    OPENPCC_LET(const Member member, next_member(reader, prefix));
    OPENPCC_TRY(mark(seen, member.arc, 3));
    if (member.value.tag != der::kBoolean) return bad("a configuration that is neither true nor false");
    OPENPCC_LET(const bool value, der::boolean(member.value.content));
    (member.arc == 1 ? out.dynamic_platform : member.arc == 2 ? out.cached_keys : out.smt_enabled) = value;
  }
  return {};
}

Result<> read_member(const Member& member, PckClaims& out) {
  switch (member.arc) {
    case 1: return octets(member, out.ppid);
    case 3: return octets(member, out.pceid);
    case 4: return octets(member, out.fmspc);
    case 6: return octets(member, out.platform_instance_id.emplace());
    case 5: {
      OPENPCC_LET(const uint64_t type, number(member, der::kEnumerated, 2));
      out.sgx_type = static_cast<SgxType>(type);
      return {};
    }
    default: break;
  }
  OPENPCC_LET(const ByteSpan list, list_of(member));
  return member.arc == kTcb ? read_tcb(list, out) : read_configuration(list, out.configuration.emplace());
}

Result<PckClaims> read_members(ByteSpan value) {
  OPENPCC_LET(const ByteSpan list, der::only(value, der::kSequence));
  der::Reader reader(list);
  PckClaims out;
  uint32_t seen = 0;
  while (!reader.empty()) {
    OPENPCC_LET(const Member member, next_member(reader, kSgxExtension));
    OPENPCC_TRY(mark(seen, member.arc, 7));
    OPENPCC_TRY(read_member(member, out));
  }
  constexpr uint32_t kAlways = 0b11'1110;      // 1 to 5
  constexpr uint32_t kTogether = 0b1100'0000;  // 6 and 7
  if ((seen & kAlways) != kAlways) return bad("a member is missing");
  if ((seen & kTogether) != 0 && (seen & kTogether) != kTogether) return bad("platform instance without configuration, or the reverse");
  return out;
}

}  // namespace

Result<PckClaims> read_pck(const x509::Certificate& pck) {
  const x509::Extension* extension = pck.extension(kSgxExtension);
  if (extension == nullptr) return bad("it is not there");
  Result<PckClaims> claims = read_members(extension->value);
  if (!claims) return bad(claims.error().detail);
  return claims;
}

}  // namespace openpcc::tdx
