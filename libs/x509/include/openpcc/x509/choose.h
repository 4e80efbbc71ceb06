// Which of several certificates and lists belongs to a chain. Nothing is verified here but whose key signed: time, purpose and root are for whoever
// takes what was chosen.
#pragma once

#include <optional>
#include <ranges>
#include <span>

#include "openpcc/x509/x509.h"

namespace openpcc::x509 {

// best_of finds the element of the highest rank, the first of several; null where no element has one (nullopt).
template <std::ranges::forward_range List, class RankOf>
const std::ranges::range_value_t<List>* best_of(const List& list, RankOf rank_of) {
  const std::ranges::range_value_t<List>* found = nullptr;
  decltype(rank_of(*std::ranges::begin(list))) highest;
  for (const auto& one : list) {
    auto rank = rank_of(one);
    if (!rank || (found != nullptr && !(*highest < *rank))) continue;
    found = &one;
    highest = std::move(rank);
  }
  return found;
}

// issued: `issuer` has the name that the other one's issuer has, and its key signed it.
bool issued(const Certificate& issuer, const Certificate& subject);
bool issued(const Certificate& issuer, const Crl& list);

using Certificates = std::span<const Certificate* const>;
// CrlView is a list with its exact bytes.
struct CrlView {
  const Crl* list = nullptr;
  ByteSpan der;
};

// issuer_of finds who issued `subject`, of several the newest: the name alone would not tell an issuer from its predecessor. Where nobody did, the
// newest that has the name at least; null where none has.
const Certificate* issuer_of(const Certificate& subject, Certificates among);
// list_of finds an issuer's revocation list in the same way.
const CrlView* list_of(const Certificate& issuer, std::span<const CrlView> among);

}  // namespace openpcc::x509
