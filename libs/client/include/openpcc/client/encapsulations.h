// Encapsulations made ahead of time, while nobody waits: three of them are most of what sealing a request costs. Each is used once and lives in
// memory alone; those of keys that are no longer in use are wiped. Pure but for randomness.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "openpcc/core/environment.h"
#include "openpcc/crypto/hash.h"
#include "openpcc/hpke/hpke.h"

namespace openpcc::client {

class Encapsulations {
 public:
  // Wanted is a key in use, and how many encapsulations to it are kept ready.
  struct Wanted {
    hpke::PublicKey key;
    size_t ready;
  };

  // keep says which keys are in use from now on.
  void keep(std::vector<Wanted> wanted);
  // take gives one to `key`; nullopt: none is ready, so one has to be made now.
  std::optional<hpke::Encapsulation> take(const hpke::PublicKey& key);
  // make_one makes one to the key that has the fewest of what is wanted; false: all are there.
  bool make_one(Random& random);

 private:
  struct Stock {
    hpke::PublicKey key;
    size_t wanted;
    std::vector<hpke::Encapsulation> ready = {};
  };
  std::map<crypto::Sha256Digest, Stock> stocks_;  // by the key's digest
};

}  // namespace openpcc::client
