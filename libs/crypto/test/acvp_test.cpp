// NIST's ACVP vectors of ML-KEM-768 key generation, in BoringSSL's text form: paragraphs of lines "name: hex".
// Its decapsulation vectors start from expanded private keys, which we never import: ours are seeds.
#include <algorithm>
#include <fstream>
#include <map>

#include "openpcc/crypto/kem.h"
#include "openpcc/testkit/testkit.h"

namespace openpcc::crypto {
namespace {

TEST(Acvp, ml_kem_768_key_generation) {
  const auto path = testkit::shared_file("vectors/mlkem/boringssl/mlkem768_nist_keygen_tests.txt");
  if (!path) GTEST_SKIP() << "SHARED VECTORS ABSENT: ML-KEM key generation by NIST's vectors is not checked";
  std::ifstream in(*path);
  std::map<std::string, Bytes> fields;
  int ran = 0;
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    fields[line.substr(0, colon)] = testkit::hex(std::string_view(line).substr(colon + 2));
    if (!line.starts_with("dk")) continue;  // the last of its paragraph
    const auto seed = to_array<64>(concat({fields.at("d"), fields.at("z")}), "test.size");
    ASSERT_OK(seed);
    EXPECT_TRUE(equal(MlKem768Private(*seed).public_key(), fields.at("ek")));
    fields.clear();
    ++ran;
  }
  EXPECT_EQ(ran, 25);
}

}  // namespace
}  // namespace openpcc::crypto
