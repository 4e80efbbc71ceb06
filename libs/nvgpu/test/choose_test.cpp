#include "openpcc/nvgpu/choose.h"

#include "nvgpu_forge.h"

namespace openpcc::nvgpu {
namespace {

namespace x = x509::forge;

class ChooseTest : public testing::Test {
 protected:
  forge::Device device_;
  std::vector<x509::Certificate> chain_ = *read_chain(device_.chain());

  // list_of is in the name of the certificate at this place.
  x509::Crl list_of(size_t place) const {
    const ByteSpan name = chain_[place].subject();
    x::CrlFields fields;
    fields.issuer.assign(name.begin(), name.end());
    return *x509::Crl::parse(x::crl(fields, device_.maker->root_key));
  }
};

TEST_F(ChooseTest, a_response_about_a_certificate_of_the_chain) {
  for (size_t place = 0; place + 1 < chain_.size(); ++place) {
    const auto response = x509::OcspResponse::parse(device_.answer(place));
    ASSERT_OK(response);
    EXPECT_EQ(about(*response, chain_), &chain_[place]);
    EXPECT_EQ(about(*response, std::span(chain_).subspan(place + 1)), nullptr) << "the certificate is not there";
    EXPECT_EQ(about(*response, std::span(chain_).first(place + 1)), nullptr) << "its issuer is not there";
  }
}

TEST_F(ChooseTest, a_list_of_an_issuer_of_the_chain) {
  EXPECT_EQ(about(list_of(0), chain_), nullptr) << "the leaf issues nothing";
  for (size_t place = 1; place < chain_.size(); ++place) EXPECT_EQ(about(list_of(place), chain_), &chain_[place]);
  EXPECT_EQ(about(list_of(4), std::span(chain_).first(4)), nullptr);
  EXPECT_EQ(about(list_of(1), {}), nullptr);
}

}  // namespace
}  // namespace openpcc::nvgpu
