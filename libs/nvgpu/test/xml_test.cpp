// The reader of XML beside libxml2: what ours takes, libxml2 takes, and the canonical forms are the same bytes.
#include "xml.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "openpcc/testkit/testkit.h"

namespace openpcc::nvgpu::xml {
namespace {

// Other is libxml2's reading of a document.
class Other {
 public:
  explicit Other(std::string_view text)
      : document_(xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, "UTF-8",
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)) {}
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() { xmlFreeDoc(document_); }

  bool good() const { return document_ != nullptr; }
  std::string canonical() const { return canonical(nullptr, nullptr); }
  // canonical_of is that of the first element of a local name, with what it inherits; canonical_without leaves it out.
  std::string canonical_of(const char* name) const { return canonical(in_part, find(xmlDocGetRootElement(document_), name)); }
  std::string canonical_without(const char* name) const { return canonical(not_in_part, find(xmlDocGetRootElement(document_), name)); }

 private:
  static xmlNode* find(xmlNode* node, const char* name) {
    for (; node != nullptr; node = node->next) {
      if (node->type == XML_ELEMENT_NODE && std::string_view(reinterpret_cast<const char*>(node->name)) == name) return node;
      if (xmlNode* below = find(node->children, name)) return below;
    }
    return nullptr;
  }
  static int in_part(void* part, xmlNode* node, xmlNode* parent) {
    const xmlNode* at = node != nullptr && node->type == XML_NAMESPACE_DECL ? parent : node;
    for (; at != nullptr; at = at->parent) {
      if (at == part) return 1;
    }
    return 0;
  }
  static int not_in_part(void* part, xmlNode* node, xmlNode* parent) { return in_part(part, node, parent) == 0 ? 1 : 0; }
  std::string canonical(xmlC14NIsVisibleCallback visible, void* part) const {
    xmlOutputBuffer* output = xmlAllocOutputBuffer(nullptr);
    EXPECT_GE(xmlC14NExecute(document_, visible, part, XML_C14N_1_1, nullptr, 0, output), 0);
    std::string out(reinterpret_cast<const char*>(xmlOutputBufferGetContent(output)), xmlOutputBufferGetSize(output));
    xmlOutputBufferClose(output);
    return out;
  }

  xmlDoc* document_;
};

std::string canonical(std::string_view text) {
  const auto document = Document::parse(as_bytes(text));
  EXPECT_OK(document);
  return document ? std::string(as_text(document->canonical())) : std::string();
}

constexpr std::string_view kDocuments[] = {
    "<a/>",
    "<a ></a >",
    "\n<a>\n <b x='1'  y = \"2\"/>text</a>\n",
    "<a z=\"1\" y=\"2\" b=\"3\"/>",
    "<a xmlns=\"http://one\"><b xmlns=\"http://one\"><c xmlns=\"http://two\"/></b></a>",
    "<p:a xmlns:p=\"http://one\" xmlns:q=\"http://two\"><q:b xmlns:p=\"http://one\" q:x='1' p:y='2' z='3'/></p:a>",
    "<a xmlns:z=\"http://aa\" xmlns:b=\"http://zz\" z:q=\"1\" b:a=\"2\" c=\"3\"/>",
    "<p:a xmlns:p=\"http://one\"><p:b xmlns:p=\"http://two\"><p:c xmlns:p=\"http://one\"/></p:b></p:a>",
    "<a xmlns=\"http://one\" x=\"a'b &gt;\"/>",
    "<a x=\"1>2\"/>",
};

TEST(NvgpuXml, canonical_as_libxml2) {
  for (const std::string_view text : kDocuments) {
    if (text.find('&') != std::string_view::npos) continue;
    const Other other(text);
    ASSERT_TRUE(other.good()) << text;
    EXPECT_EQ(canonical(text), other.canonical()) << text;
    EXPECT_EQ(canonical(canonical(text)), canonical(text)) << text;
  }
}

TEST(NvgpuXml, parts_with_what_they_inherit) {
  constexpr std::string_view kText =
      "<a xmlns=\"http://d\" xmlns:z=\"http://z\" xmlns:b=\"http://b\"><m xmlns:z=\"http://other\" xmlns:k=\"http://k\"><z:part k:x=\"1\" "
      "y=\"2\">"
      "<b:c xmlns:z=\"http://other\" xmlns:b=\"http://b\"/>text</z:part></m> after</a>";
  const auto document = Document::parse(as_bytes(kText));
  ASSERT_OK(document);
  const Node* part = document->root().elements()[0]->elements()[0];
  const Other other(kText);
  EXPECT_EQ(as_text(Document::canonical_of(*part)), other.canonical_of("part"));
  EXPECT_EQ(as_text(document->canonical(part)), other.canonical_without("part"));
}

TEST(NvgpuXml, manifests_of_the_corpus) {
  const auto folder = testkit::shared_file("evidence/nvidia/rim");
  if (!folder) GTEST_SKIP() << "no shared evidence";
  int compared = 0;
  for (const auto& file : std::filesystem::directory_iterator(*folder)) {
    if (file.path().extension() == ".crt") continue;
    const Bytes bytes = testkit::read_file(file.path());
    const auto document = Document::parse(bytes);
    ASSERT_OK(document) << file.path();
    const Other other(as_text(bytes));
    const Node* signature = document->root().elements().back();
    EXPECT_EQ(as_text(document->canonical()), other.canonical()) << file.path();
    EXPECT_EQ(as_text(document->canonical(signature)), other.canonical_without("Signature")) << file.path();
    EXPECT_EQ(as_text(Document::canonical_of(*signature->elements()[0])), other.canonical_of("SignedInfo")) << file.path();
    ++compared;
  }
  EXPECT_EQ(compared, 16);
}

// What ours takes, however damaged, libxml2 takes too and sees the same in.
TEST(NvgpuXml, damaged_documents) {
  testkit::TestRandom random(7);
  size_t taken = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string text(kDocuments[random.below(std::size(kDocuments))]);
    for (uint64_t n = random.below(4); n > 0; --n) {
      constexpr std::string_view kPieces[] = {
          "<",   ">",    "/",    "\"", "'",       "=", " ", ":", "a", "b", "p:", "xmlns", "xmlns:p=\"http://p\"",
          "<b>", "</b>", "<b/>", "\n", "x=\"1\"", "-", "."};
      const size_t at = random.below(text.size() + 1);
      if (random.below(2) == 0) {
        text.insert(at, kPieces[random.below(std::size(kPieces))]);
      } else {
        text.erase(at, 1 + random.below(3));
      }
    }
    const auto document = Document::parse(as_bytes(text));
    if (!document) continue;
    ++taken;
    const Other other(text);
    ASSERT_TRUE(other.good()) << text;
    EXPECT_EQ(as_text(document->canonical()), other.canonical()) << text;
  }
  EXPECT_GT(taken, 2000u);
}

TEST(NvgpuXml, what_is_not_taken) {
  const auto parsed = [](std::string_view text) { return Document::parse(as_bytes(text)); };
  EXPECT_RULE(parsed("<!DOCTYPE a><a/>"), "rim.xml.dtd");
  EXPECT_RULE(parsed("<a><![CDATA[b]]></a>"), "rim.xml.dtd");
  EXPECT_RULE(parsed("<a>&lt;</a>"), "rim.xml.entity");
  EXPECT_RULE(parsed("<a>&b;</a>"), "rim.xml.entity");
  for (const std::string_view text : {"",
                                      " ",
                                      "text",
                                      "<",
                                      "<a",
                                      "<a>",
                                      "</a>",
                                      "<a></b>",
                                      "<a></a",
                                      "<a/",
                                      "<a/>text",
                                      "<a/><b/>",
                                      "<a><b></a></b>",
                                      "<1/>",
                                      "<:a/>",
                                      "<a:/>",
                                      "<a:b:c/>",
                                      "<p:a/>",
                                      "<a p:x='1'/>",
                                      "<a x/>",
                                      "<a x=1/>",
                                      "<a x='1/>",
                                      "<a x='1'y='2'/>",
                                      "<a x='1' x='2'/>",
                                      "<a x='<'/>",
                                      "<a x='\"'/>",
                                      "<a x='\t'/>",
                                      "<a x='\n'/>",
                                      "<a>></a>",
                                      "<a xmlns=''/>",
                                      "<a xmlns='b'/>",
                                      "<a xmlns:xml='http://b'/>",
                                      "<a xmlns:xmlns='http://b'/>",
                                      "<a xml:base='b'/>",
                                      "<a xmlns:p='http://p' xmlns:p='http://q'/>",
                                      "<a xmlns:p='http://p' xmlns:q='http://p' p:x='1' q:x='2'/>",
                                      "<?xml version='1.0'?><a/>",
                                      "<a><?b?></a>",
                                      "<a><!-- b --></a>",
                                      "<a>\r</a>",
                                      "<a>\x7f</a>",
                                      "<a>\xc3\xa4</a>",
                                      "\xef\xbb\xbf<a/>",
                                      "< a/>",
                                      "<a / >"}) {
    EXPECT_RULE(parsed(text), "rim.xml.syntax") << text;
  }
  EXPECT_RULE(Document::parse(Bytes{'<', 'a', '/', '>', 0}), "rim.xml.syntax");
}

TEST(NvgpuXml, limits) {
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "<a>";
    for (size_t i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  EXPECT_OK(Document::parse(as_bytes(nested(kDepthMax))));
  EXPECT_RULE(Document::parse(as_bytes(nested(kDepthMax + 1))), "rim.xml.syntax");
  const auto many = [](size_t n) {
    std::string text = "<a>";
    for (size_t i = 1; i < n; ++i) text += "<b/>";
    return text + "</a>";
  };
  EXPECT_OK(Document::parse(as_bytes(many(kElementsMax))));
  EXPECT_RULE(Document::parse(as_bytes(many(kElementsMax + 1))), "rim.xml.syntax");
  const auto attributes = [](size_t n) {
    std::string text = "<a";
    for (size_t i = 0; i < n; ++i) text += " b" + std::to_string(i) + "=\"\"";
    return text + "/>";
  };
  EXPECT_OK(Document::parse(as_bytes(attributes(kAttributesMax))));
  EXPECT_RULE(Document::parse(as_bytes(attributes(kAttributesMax + 1))), "rim.xml.syntax");
}

}  // namespace
}  // namespace openpcc::nvgpu::xml
