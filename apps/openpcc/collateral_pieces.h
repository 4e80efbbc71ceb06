// What is in a bundle, for people. Nothing is verified.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "openpcc/attest/evidence.h"
#include "openpcc/x509/x509.h"

namespace openpcc::app {

struct Piece {
  std::string label;  // "report", "chain.0", "crl"
  std::string media_type;
  size_t bytes;
  std::string what;                    // "certificate of SEV-VCEK"
  std::optional<x509::Window> window;  // when it holds; none where it says nothing of that, or cannot be read
};
std::vector<Piece> pieces_of(const attest::Device& device);

}  // namespace openpcc::app
