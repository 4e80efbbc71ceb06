#include "openpcc/x509/choose.h"

#include <tuple>

namespace openpcc::x509 {
namespace {

bool signed_by(const Signed& statement, const Certificate& issuer) {
  const auto key = issuer.key();
  return key && statement.check(*key);
}

// rank_of: who signed comes before namesakes, then the newer before the older.
template <class Statement>
std::optional<std::tuple<bool, UnixSeconds>> rank_of(bool same_name, const Certificate& issuer, const Statement& statement,
                                                     UnixSeconds from) {
  if (!same_name) return std::nullopt;
  return std::tuple(signed_by(statement.signature(), issuer), from);
}

}  // namespace

bool issued(const Certificate& issuer, const Certificate& subject) {
  return equal(issuer.subject(), subject.issuer()) && signed_by(subject.signature(), issuer);
}

bool issued(const Certificate& issuer, const Crl& list) {
  return equal(issuer.subject(), list.issuer()) && signed_by(list.signature(), issuer);
}

const Certificate* issuer_of(const Certificate& subject, Certificates among) {
  const auto* found = best_of(
      among, [&](const Certificate* one) { return rank_of(equal(one->subject(), subject.issuer()), *one, subject, one->window().from); });
  return found == nullptr ? nullptr : *found;
}

const CrlView* list_of(const Certificate& issuer, std::span<const CrlView> among) {
  return best_of(among, [&](const CrlView& one) {
    return rank_of(equal(one.list->issuer(), issuer.subject()), issuer, *one.list, one.list->window().from);
  });
}

}  // namespace openpcc::x509
