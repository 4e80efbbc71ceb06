// When a quote and the values beside it belong together: with PCRs that somebody extends in between, and with answers that are none of a TPM's.
#include "openpcc/testkit/testkit.h"
#include "openpcc/tpm_collect/tpm.h"
#include "tpm_forge.h"

namespace openpcc::tpm_collect {
namespace {

// Racing is a TPM whose PCR 7 is extended after each of the next quotes.
struct Racing final : Quoter {
  tpm::forge::Machine machine;
  int extensions = 0, quotes = 0;
  Bytes signature;  // in place of its own

  Result<Quoted> sign_pcrs(ByteSpan nonce, const tpm::Selections& selections) override {
    ++quotes;
    machine.nonce.assign(nonce.begin(), nonce.end());
    machine.selections = selections;
    const Bytes quote = machine.quote();
    Quoted out{quote, signature.empty() ? machine.signature_of(quote) : signature, machine.public_area()};
    if (extensions > 0) {
      --extensions;
      ++machine.pcrs[tpm::Hash::sha256][7][0];
    }
    return out;
  }
  Result<tpm::Banks> read_pcrs(const tpm::Selections&) override { return machine.pcrs; }
};

const tpm::Selections kSelections{{tpm::Hash::sha256, 0x97}};

TEST(CollectQuote, values_are_those_that_were_quoted) {
  for (const int extensions : {0, 1, kQuoteTries - 1}) {
    Racing tpm;
    tpm.extensions = extensions;
    const auto collected = collect_quote(tpm, Bytes{1, 2}, kSelections);
    ASSERT_OK(collected);
    EXPECT_EQ(tpm.quotes, extensions + 1);
    const auto verification = tpm::verify(collected->quote, collected->signature, tpm.machine.ak(), collected->values);
    ASSERT_TRUE(verification.verified) << describe(verification.failures.front());
    EXPECT_EQ(verification.verified->quote().extra_data, (Bytes{1, 2}));
  }
}

TEST(CollectQuote, ends_where_pcrs_never_stand_still) {
  Racing tpm;
  tpm.extensions = kQuoteTries;
  const auto collected = collect_quote(tpm, Bytes{1}, kSelections);
  EXPECT_RULE(collected, "tpm_collect.racing");
  EXPECT_EQ(collected.error().code, Code::unavailable);
  EXPECT_EQ(tpm.quotes, kQuoteTries);
}

TEST(CollectQuote, what_is_no_quote_is_not_asked_for_again) {
  Racing magic, signature;
  magic.machine.magic = 0;
  EXPECT_RULE(collect_quote(magic, Bytes{1}, kSelections), "tpm_collect.quote");
  EXPECT_EQ(magic.quotes, 1);
  signature.signature = Bytes(2000, 0x14);
  const auto refused = collect_quote(signature, Bytes{1}, kSelections);
  EXPECT_RULE(refused, "tpm_collect.quote");
  EXPECT_NE(refused.error().detail.find("tpm.signature.syntax"), std::string::npos) << refused.error().detail;
}

}  // namespace
}  // namespace openpcc::tpm_collect
