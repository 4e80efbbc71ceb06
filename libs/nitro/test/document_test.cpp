#include "openpcc/nitro/document.h"

#include "nitro_forge.h"

namespace openpcc::nitro {
namespace {

using forge::Maker;

Result<Document> parsed(const Bytes& bytes) { return parse_document(bytes); }

TEST(NitroDocument, every_field_is_read) {
  Maker maker;
  const Bytes bytes = maker.document();
  const auto document = parse_document(bytes);
  ASSERT_OK(document);
  EXPECT_EQ(document->source, Source::enclave);
  EXPECT_EQ(document->module_id, "i-0123-enc4567");
  EXPECT_EQ(document->timestamp_ms, uint64_t{forge::kNow} * 1000);
  EXPECT_EQ(document->pcrs.size(), 16u);
  EXPECT_TRUE(equal(document->pcrs.at(2), Bytes(kPcrBytes, 0x12)));
  EXPECT_EQ(document->cabundle.size(), 4u);
  EXPECT_EQ(x509::Certificate::parse(document->certificate)->common_name(), "leaf");
  EXPECT_TRUE(equal(*document->nonce, Bytes(32, 0xcc)));
  EXPECT_TRUE(equal(*document->user_data, Bytes(64, 0xbb)));
  EXPECT_TRUE(equal(*document->public_key, Bytes(90, 0xaa)));
}

TEST(NitroDocument, what_genuine_documents_do_is_taken) {
  Maker maker;
  maker.tagged = true;
  EXPECT_OK(parsed(maker.document()));
  maker.open_map = true;
  EXPECT_OK(parsed(maker.document()));
  for (const char* name : {"nonce", "user_data", "public_key"}) maker.set(name, forge::null());
  const Bytes bytes = maker.document();
  const auto document = parse_document(bytes);
  ASSERT_OK(document);
  EXPECT_FALSE(document->nonce || document->user_data || document->public_key);
  maker.set("nonce", forge::bytes({}));
  const Bytes empty = maker.document();
  EXPECT_TRUE(parse_document(empty)->nonce) << "an empty nonce is there";
  for (const char* name : {"nonce", "user_data", "public_key"}) maker.remove(name);
  EXPECT_OK(parsed(maker.document()));
}

TEST(NitroDocument, registers_of_an_instance) {
  Maker maker;
  maker.pcrs_name = "nitrotpm_pcrs";
  for (uint8_t i = 16; i < 24; ++i) maker.pcrs[i] = Bytes(kPcrBytes, 0xff);
  const Bytes bytes = maker.document();
  const auto document = parse_document(bytes);
  ASSERT_OK(document);
  EXPECT_EQ(document->source, Source::nitro_tpm);
  EXPECT_EQ(document->pcrs.size(), 24u);
}

TEST(NitroDocument, cose_has_one_form) {
  const Maker maker;
  const Bytes whole = maker.document();
  EXPECT_RULE(parsed({}), "nitro.size");
  EXPECT_RULE(parsed(Bytes(kDocumentBytesMax + 1, 0x84)), "nitro.size");
  for (const size_t left : {size_t{1}, size_t{5}, size_t{6}, size_t{9}, whole.size() - 1}) {
    EXPECT_RULE(parsed(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(left))), "nitro.cbor.syntax");
  }
  EXPECT_RULE(parsed(concat({whole, Bytes{0}})), "nitro.trailing");
  Bytes other = whole;
  other[0] = 0x83;  // three items
  EXPECT_RULE(parsed(other), "nitro.cose.shape");
  other[0] = 0x9f;  // as many as follow
  EXPECT_RULE(parsed(other), "nitro.cbor.syntax");
  EXPECT_RULE(parsed(concat({Bytes{0xd3}, whole})), "nitro.cose.shape");        // another tag
  EXPECT_RULE(parsed(concat({Bytes{0xd2, 0xd2}, whole})), "nitro.cose.shape");  // twice
  EXPECT_RULE(parsed(concat({Bytes{0xd8, 0x12}, whole})), "nitro.cose.shape");  // in a longer form
  // A payload whose length is not in the shortest form, one of 2^64 - 1 bytes, and one in pieces.
  const ByteSpan before = ByteSpan(whole).first(7), after = ByteSpan(whole).subspan(8);
  EXPECT_RULE(parsed(concat({before, Bytes{0x5a, 0, 0}, after})), "nitro.cbor.syntax");
  EXPECT_RULE(parsed(concat({before, Bytes{0x5b}, Bytes(8, 0xff), after})), "nitro.cbor.syntax");
  EXPECT_RULE(parsed(concat({before, Bytes{0x5f}, after})), "nitro.cbor.syntax");
}

TEST(NitroDocument, signature_of_another_size) {
  const Bytes whole = Maker().document();
  const ByteSpan before = ByteSpan(whole).first(whole.size() - 98);
  for (const size_t size : {0u, 64u, 95u, 97u}) EXPECT_RULE(parsed(concat({before, forge::bytes(Bytes(size, 1))})), "nitro.cose.shape");
}

TEST(NitroDocument, only_es384) {
  for (const char* header : {"a10126", "a1013823", "", "a0", "a2013822044101", "a101382200"}) {
    Maker maker;
    maker.protected_header = testkit::hex(header);
    EXPECT_RULE(parsed(maker.document()), "nitro.cose.alg");
  }
  Maker maker;
  maker.unprotected = testkit::hex("a1044101");
  EXPECT_RULE(parsed(maker.document()), "nitro.cose.shape");
}

struct Wrong {
  const char* name;
  Bytes item;
  const char* rule;
};

TEST(NitroDocument, members_of_other_types_or_sizes) {
  const char* const member = "nitro.payload.member";
  const char* const syntax = "nitro.cbor.syntax";
  const Wrong all[] = {
      {"module_id", forge::number(1), member},
      {"module_id", forge::text(""), member},
      {"module_id", forge::text(std::string(256, 'a')), member},
      {"module_id", forge::text("a\x1b[2J"), syntax},
      {"digest", forge::bytes(as_bytes("SHA384")), member},
      {"digest", forge::text("SHA512"), "nitro.payload.digest"},
      {"timestamp", forge::text("now"), member},
      {"timestamp", testkit::hex("1800"), syntax},  // not in the shortest form
      {"timestamp", testkit::hex("1c"), syntax},    // no length that there is
      {"certificate", forge::bytes({}), member},
      {"certificate", forge::bytes(Bytes(kCertificateBytesMax + 1, 0x30)), member},
      {"certificate", forge::null(), member},
      {"cabundle", forge::array({}), "nitro.chain.count"},
      {"cabundle", forge::array(std::vector<Bytes>(kBundleCertificatesMax + 1, forge::bytes(Bytes{1}))), "nitro.chain.count"},
      {"cabundle", forge::head(4, UINT64_MAX), "nitro.chain.count"},
      {"cabundle", testkit::hex("9fff"), syntax},
      {"pcrs", testkit::hex("bfff"), syntax},
      {"pcrs", forge::head(5, UINT64_MAX), "nitro.payload.pcrs"},
      {"public_key", forge::bytes({}), member},
      {"public_key", forge::bytes(Bytes(kPublicKeyBytesMax + 1, 1)), member},
      {"user_data", forge::bytes(Bytes(kUserDataBytesMax + 1, 1)), member},
      {"nonce", forge::bytes(Bytes(kNonceBytesMax + 1, 1)), member},
      {"nonce", testkit::hex("f7"), member},  // undefined
      {"nonce", testkit::hex("5f4101ff"), syntax}};
  for (const Wrong& wrong : all) {
    SCOPED_TRACE(std::string(wrong.name) + " " + to_hex(ByteSpan(wrong.item).first(std::min<size_t>(8, wrong.item.size()))));
    Maker maker;
    maker.set(wrong.name, wrong.item);
    EXPECT_RULE(parsed(maker.document()), wrong.rule);
  }
}

TEST(NitroDocument, the_payload_is_one_map) {
  const Maker maker;
  const Bytes payload = maker.payload_bytes();
  Bytes open = payload;
  open.front() = 0xbf;
  EXPECT_RULE(parsed(maker.document_of(Bytes(payload.begin(), payload.end() - 1))), "nitro.cbor.syntax");
  EXPECT_RULE(parsed(maker.document_of(open)), "nitro.cbor.syntax") << "no end";
  EXPECT_RULE(parsed(maker.document_of(concat({payload, Bytes{0}}))), "nitro.trailing");
  EXPECT_RULE(parsed(maker.document_of(concat({payload, Bytes{0xff}}))), "nitro.trailing");
  EXPECT_RULE(parsed(maker.document_of(concat({open, Bytes{0xff, 0xff}}))), "nitro.trailing");
  EXPECT_RULE(parsed(maker.document_of(Bytes{0x80})), "nitro.payload.member");
  EXPECT_RULE(parsed(maker.document_of(forge::head(5, 17))), "nitro.payload.member");
  EXPECT_RULE(parsed(maker.document_of(Bytes{0xbf, 0xff})), "nitro.payload.member");
}

TEST(NitroDocument, every_member_once) {
  Maker twice;
  twice.payload.push_back(twice.payload.front());
  EXPECT_RULE(parsed(twice.document()), "nitro.cbor.duplicate");
  Maker null_twice;
  null_twice.set("nonce", forge::null());
  null_twice.payload.emplace_back("nonce", forge::bytes(Bytes{1}));
  EXPECT_RULE(parsed(null_twice.document()), "nitro.cbor.duplicate");
  Maker same_register;
  same_register.set("pcrs", forge::map({{forge::number(0), forge::bytes(Bytes(48, 1))}, {forge::number(0), forge::bytes(Bytes(48, 2))}}));
  EXPECT_RULE(parsed(same_register.document()), "nitro.cbor.duplicate");
  Maker both;
  both.set("nitrotpm_pcrs", forge::map({{forge::number(0), forge::bytes(Bytes(48, 1))}}));
  EXPECT_RULE(parsed(both.document()), "nitro.cbor.duplicate");
}

TEST(NitroDocument, the_members_that_are_known) {
  Maker unknown;
  unknown.set("debug", forge::number(0));
  EXPECT_RULE(parsed(unknown.document()), "nitro.payload.member");
  for (const char* name : {"module_id", "digest", "timestamp"}) {
    Maker maker;
    maker.remove(name);
    EXPECT_RULE(parsed(maker.document()), "nitro.payload.member");
  }
  Maker no_registers;
  no_registers.pcrs.clear();
  EXPECT_RULE(parsed(no_registers.document()), "nitro.payload.member");
  no_registers.open_map = true;
  EXPECT_RULE(parsed(no_registers.document()), "nitro.payload.member");
}

TEST(NitroDocument, registers_in_their_sizes) {
  for (const Bytes& registers :
       {forge::map({}), forge::map({{forge::number(32), forge::bytes(Bytes(48, 1))}}),
        forge::map({{forge::number(0), forge::bytes(Bytes(32, 1))}}), forge::map({{forge::number(0), forge::bytes({})}})}) {
    Maker maker;
    maker.set("pcrs", registers);
    EXPECT_RULE(parsed(maker.document()), "nitro.payload.pcrs");
  }
}

}  // namespace
}  // namespace openpcc::nitro
