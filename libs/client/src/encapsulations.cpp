#include "openpcc/client/encapsulations.h"

#include <algorithm>

namespace openpcc::client {

void Encapsulations::keep(std::vector<Wanted> wanted) {
  std::map<crypto::Sha256Digest, Stock> kept;
  for (Wanted& one : wanted) {
    const crypto::Sha256Digest digest = crypto::sha256(one.key.bytes());
    Stock stock{std::move(one.key), one.ready};
    if (const auto old = stocks_.find(digest); old != stocks_.end()) stock.ready = std::move(old->second.ready);
    kept.insert_or_assign(digest, std::move(stock));
  }
  stocks_ = std::move(kept);
}

std::optional<hpke::Encapsulation> Encapsulations::take(const hpke::PublicKey& key) {
  const auto found = stocks_.find(crypto::sha256(key.bytes()));
  if (found == stocks_.end() || found->second.ready.empty()) return std::nullopt;
  std::optional<hpke::Encapsulation> out(std::move(found->second.ready.back()));
  found->second.ready.pop_back();
  return out;
}

bool Encapsulations::make_one(Random& random) {
  // Compared by what is missing of what is wanted, without dividing: a / b < c / d.
  const auto poorer = [](const auto& a, const auto& b) {
    return a.second.ready.size() * b.second.wanted < b.second.ready.size() * a.second.wanted;
  };
  const auto poorest = std::min_element(stocks_.begin(), stocks_.end(), poorer);
  if (poorest == stocks_.end() || poorest->second.ready.size() >= poorest->second.wanted) return false;
  poorest->second.ready.push_back(hpke::encapsulate(poorest->second.key, random));
  return true;
}

}  // namespace openpcc::client
