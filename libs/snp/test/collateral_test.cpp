#include "openpcc/snp/collateral.h"

#include "openpcc/x509/der.h"
#include "snp_forge.h"

namespace openpcc::snp {
namespace {

using forge::Machine;
namespace x = x509::forge;

Result<VekFields> read(const Machine& machine) { return read_vek(*x509::Certificate::parse(machine.vek_der())); }

TEST(SnpVek, of_each_product) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    const Machine machine = Machine::of(product);
    const auto fields = read(machine);
    ASSERT_OK(fields);
    EXPECT_EQ(fields->product, product);
    EXPECT_EQ(fields->kind, SigningKey::vcek);
    EXPECT_EQ(fields->tcb, machine.options.tcb);
    EXPECT_EQ(fields->hwid, machine.options.hwid);
  }
}

TEST(SnpVek, of_a_cloud_provider) {
  forge::VekOptions options;
  options.kind = SigningKey::vlek;
  options.product_name = "Milan-B0";
  const auto fields = read(Machine(forge::Line::one(Product::milan), options));
  ASSERT_OK(fields);
  EXPECT_EQ(fields->csp_id, "CN=cc.example");
  EXPECT_EQ(fields->product_name, "Milan-B0");
  EXPECT_EQ(fields->product, Product::milan);
}

// replaced puts another extension in the place of the one that `below` names; none: it is left out.
Machine replaced(std::initializer_list<uint8_t> below, std::optional<Bytes> value, Product product = Product::milan) {
  Machine machine = Machine::of(product);
  const Bytes oid = forge::oid(below);
  const Bytes named = x::tlv(x509::der::kOid, oid);
  std::erase_if(machine.vek.extensions, [&](const Bytes& e) { return std::ranges::search(e, named).size() != 0; });
  if (value) machine.vek.extensions.push_back(x::extension(oid, false, *value));
  return machine;
}

TEST(SnpVek, extensions_are_there_and_of_their_type) {
  for (uint8_t which = 1; which <= 8; ++which) EXPECT_RULE(read(replaced({3, which}, std::nullopt)), "snp.vek.extension") << +which;
  EXPECT_RULE(read(replaced({3, 9}, std::nullopt, Product::turin)), "snp.vek.extension");
  EXPECT_OK(read(replaced({3, 4}, x::integer(0), Product::turin)));
  EXPECT_RULE(read(replaced({3, 9}, x::integer(0))), "snp.vek.extension") << "FMC is Turin's";
  EXPECT_RULE(read(replaced({1}, std::nullopt)), "snp.vek.extension");
  EXPECT_RULE(read(replaced({1}, x::integer(1))), "snp.vek.extension");
  EXPECT_RULE(read(replaced({1}, x::integer(2))), "snp.vek.extension");
  EXPECT_RULE(read(replaced({2}, std::nullopt)), "snp.vek.extension");
  EXPECT_RULE(read(replaced({3, 8}, x::integer(256))), "snp.vek.extension");
  EXPECT_RULE(read(replaced({3, 8}, testkit::hex("0201ff"))), "snp.vek.extension") << "a negative number";
  EXPECT_RULE(read(replaced({3, 8}, testkit::hex("0401ff"))), "snp.vek.extension");
  EXPECT_RULE(read(replaced({3, 5}, x::integer(1))), "snp.vek.extension");
  EXPECT_RULE(read(replaced({2}, x::tlv(x509::der::kUtf8String, as_bytes("Milan")))), "snp.vek.extension");
}

TEST(SnpVek, hwid_is_raw) {
  EXPECT_RULE(read(replaced({4}, x::tlv(x509::der::kOctetString, Bytes(64, 0x5a)))), "snp.vek.extension");
  EXPECT_RULE(read(replaced({4}, Bytes(8, 0x5a))), "snp.vek.extension");
}

TEST(SnpVek, a_critical_extension_of_amds_is_refused) {
  Machine machine = Machine::of(Product::milan);
  machine.vek.extensions.back() = x::extension(forge::oid({4}), true, Bytes(64, 0x5a));
  EXPECT_RULE(read(machine), "snp.vek.extension");
}

TEST(SnpVek, kinds_and_products) {
  Machine machine = Machine::of(Product::milan);
  machine.vek.subject = x::name("SEV-VLEK");
  EXPECT_RULE(read(machine), "snp.vek.kind");
  EXPECT_RULE(read(replaced({4}, std::nullopt)), "snp.vek.kind");
  for (const char* name : {"Venice", "milan", "Milano", "-Milan"}) {
    EXPECT_RULE(read(replaced({2}, x::tlv(x509::der::kIa5String, as_bytes(name)))), "snp.product.unknown") << name;
  }
}

// A table of the given entries, each GUID, offset and length, and `tail` after its end.
Bytes table(std::initializer_list<std::tuple<std::string_view, uint32_t, uint32_t>> entries, ByteSpan tail) {
  Bytes out;
  const auto u32 = [&](uint32_t v) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(v >> shift));
  };
  for (const auto& [guid, offset, length] : entries) {
    const Bytes id = testkit::hex(guid);
    out.insert(out.end(), id.begin(), id.end());
    u32(offset);
    u32(length);
  }
  out.resize(out.size() + 24);
  return concat({out, tail});
}

constexpr std::string_view kVcek = "63da758de6644564adc5f4b93be8accd";
constexpr std::string_view kAsk = "4ab7b379bbac4fe4a02f05aef327c782";
constexpr std::string_view kVlek = "a8074bc2a25a483eaae639c045a0b8a1";

TEST(SnpCertificateTable, gives_what_its_entries_say) {
  const Bytes bytes = table({{kVcek, 72, 3}, {"00112233445566778899aabbccddeeff", 75, 1}}, testkit::hex("0102030405"));
  const auto parsed = parse_certificate_table(bytes);
  ASSERT_OK(parsed);
  ASSERT_TRUE(parsed->vcek);
  EXPECT_EQ(to_hex(*parsed->vcek), "010203");
  EXPECT_FALSE(parsed->ask || parsed->ark || parsed->vlek);
  const auto others = parse_certificate_table(table({{kAsk, 72, 1}, {kVlek, 73, 1}}, testkit::hex("0102")));
  ASSERT_OK(others);
  EXPECT_TRUE(others->ask && others->vlek);
  EXPECT_OK(parse_certificate_table(Bytes(24, 0)));
}

TEST(SnpCertificateTable, is_bounded) {
  const Bytes tail(8, 1);
  for (const Bytes& bad : {Bytes(), Bytes(23, 0), table({{kVcek, 48, 9}}, tail), table({{kVcek, 57, 0}}, tail),
                           table({{kVcek, 47, 1}}, tail), table({{kVcek, 0, 8}}, tail), table({{kVcek, 0xffffffff, 2}}, tail),
                           table({{kVcek, 48, 0xffffffff}}, tail), table({{kVcek, 72, 1}, {kVcek, 73, 1}}, tail),
                           table({{kVcek, 72, 4}, {kVlek, 75, 2}}, tail), Bytes(100, 7), Bytes(kCertificateTableBytesMax + 1, 0)}) {
    EXPECT_RULE(parse_certificate_table(bad), "snp.table.syntax");
  }
  Bytes many;
  for (size_t i = 0; i <= kTableEntriesMax; ++i) {
    const Bytes entry = testkit::hex("00112233445566778899aabbccddeeff0000000000000000");
    many.insert(many.end(), entry.begin(), entry.end());
  }
  many.resize(many.size() + 24);
  EXPECT_RULE(parse_certificate_table(many), "snp.table.syntax");
}

}  // namespace
}  // namespace openpcc::snp
