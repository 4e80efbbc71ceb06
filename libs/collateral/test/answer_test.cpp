#include "openpcc/collateral/answer.h"

#include "services.h"

namespace openpcc::collateral {
namespace {

using snp::Product;
using snp::forge::Line;
using std::chrono::seconds;

Request request(Kind kind, Service service = Service::amd_kds) { return {service, kind, "/", "it"}; }
Answer good(std::string_view body) { return {200, {}, Bytes(body.begin(), body.end())}; }
Answer with_status(uint16_t status) { return {status, {}, {}}; }
Bytes bytes(std::string_view text) { return Bytes(text.begin(), text.end()); }

TEST(ReadAnswer, statuses_have_meanings) {
  const Request certificate = request(Kind::certificate);
  EXPECT_RULE(read_answer(certificate, with_status(404)), "collateral.answer.unknown");
  EXPECT_RULE(read_answer(certificate, with_status(410)), "collateral.answer.gone");
  for (const uint16_t status : std::initializer_list<uint16_t>{429, 503})
    EXPECT_RULE(read_answer(certificate, with_status(status)), "collateral.answer.busy");
  for (const uint16_t status : std::initializer_list<uint16_t>{301, 302, 304, 307})
    EXPECT_RULE(read_answer(certificate, with_status(status)), "collateral.answer.redirect");
  for (const uint16_t status : std::initializer_list<uint16_t>{204, 206, 400, 401, 500}) {
    EXPECT_RULE(read_answer(certificate, with_status(status)), "collateral.answer.status") << status;
  }
}

TEST(ReadAnswer, codings_are_refused) {
  Answer answer{200, {{"content-encoding", "gzip"}}, Line::one(Product::milan).ask_der()};
  EXPECT_RULE(read_answer(request(Kind::certificate), answer), "collateral.answer.encoding");
  answer.fields[0].value = "identity";
  EXPECT_OK(read_answer(request(Kind::certificate), answer));
}

TEST(ReadAnswer, sizes_are_bounded) {
  EXPECT_RULE(read_answer(request(Kind::certificate), {200, {}, Bytes(kAnswerBytesMax + 1)}), "collateral.answer.too_large");
}

TEST(ReadAnswer, each_kind_is_read) {
  const Line& line = Line::one(Product::milan);
  const Bytes ask = line.ask_der(), ark = line.ark_der(), crl = line.crl();
  EXPECT_EQ(*read_answer(request(Kind::certificate), {200, {}, ask}), std::vector<Bytes>{ask});
  EXPECT_EQ(*read_answer(request(Kind::revocation_list), {200, {}, crl}), std::vector<Bytes>{crl});
  EXPECT_EQ(*read_answer(request(Kind::certificate_chain), good(x509::forge::pem(ask) + x509::forge::pem(ark))),
            (std::vector<Bytes>{ask, ark}));
}

TEST(ReadAnswer, what_is_of_another_kind_is_refused) {
  const Line& line = Line::one(Product::milan);
  const std::string ask = x509::forge::pem(line.ask_der());
  for (const Kind kind : {Kind::certificate, Kind::certificate_chain, Kind::revocation_list, Kind::tcb_info, Kind::qe_identity}) {
    for (const std::string& body : {std::string(), std::string("<html>"), std::string("{}"), ask, ask + ask + ask}) {
      EXPECT_RULE(read_answer(request(kind), good(body)), "collateral.answer.syntax");
    }
  }
  EXPECT_RULE(read_answer(request(Kind::certificate), {200, {}, line.crl()}), "collateral.answer.syntax");
  EXPECT_RULE(read_answer(request(Kind::revocation_list), {200, {}, line.ask_der()}), "collateral.answer.syntax");
}

TEST(ReadAnswer, the_root_comes_last) {
  const Line& line = Line::one(Product::milan);
  const std::string swapped = x509::forge::pem(line.ark_der()) + x509::forge::pem(line.ask_der());
  EXPECT_RULE(read_answer(request(Kind::certificate_chain), good(swapped)), "collateral.answer.chain_order");
}

TEST(ReadAnswer, documents_and_their_signers_chain) {
  const tdx::test::World world;
  const tdx::test::Set set = world.set();
  const std::string chain = test::url_encoded(set.signing_chain);
  const Bytes info = test::document("tcbInfo", set.tcb_info), identity = test::document("enclaveIdentity", set.identity);
  EXPECT_EQ(*read_answer(request(Kind::tcb_info, Service::intel_pcs), {200, {{"tcb-info-issuer-chain", chain}}, info}),
            (std::vector{info, bytes(set.signing_chain)}));
  EXPECT_EQ(*read_answer(request(Kind::qe_identity, Service::intel_pcs), {200, {{"sgx-enclave-identity-issuer-chain", chain}}, identity}),
            (std::vector{identity, bytes(set.signing_chain)}));
  for (const std::string& bad : {std::string(), std::string("%"), std::string("%4"), std::string("%zz"), chain.substr(0, chain.size() / 2),
                                 test::url_encoded(x509::forge::pem(world.root_der()))}) {
    EXPECT_RULE(read_answer(request(Kind::tcb_info), {200, {{"tcb-info-issuer-chain", bad}}, info}), "collateral.answer.issuer_chain")
        << bad;
  }
  EXPECT_RULE(read_answer(request(Kind::tcb_info), {200, {{"sgx-enclave-identity-issuer-chain", chain}}, info}),
              "collateral.answer.issuer_chain");
}

TEST(UrlDecode, percent_alone) {
  EXPECT_EQ(*url_decode("a%20b+c%2B%0a"), bytes("a b+c+\n"));
  EXPECT_EQ(*url_decode(""), Bytes());
}

TEST(RetryAfter, in_seconds_or_as_we_think) {
  const auto after = [](uint16_t status, std::vector<Field> fields) { return retry_after({status, std::move(fields), {}}, seconds(8)); };
  EXPECT_EQ(after(429, {{"retry-after", "17"}}), seconds(17));
  EXPECT_EQ(after(503, {{"retry-after", "0"}}), seconds(1));
  EXPECT_EQ(after(503, {}), seconds(8));
  for (const char* text : {"", "-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999"}) {
    EXPECT_EQ(after(429, {{"retry-after", text}}), seconds(8)) << text;
  }
  EXPECT_EQ(after(200, {{"retry-after", "17"}}), std::nullopt);
  EXPECT_EQ(after(404, {}), std::nullopt);
}

}  // namespace
}  // namespace openpcc::collateral
