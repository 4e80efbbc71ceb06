// XML as NVIDIA's manifests use it, which is little of XML: elements, attributes and text of printable ASCII. Whatever could make two readers see
// different documents is refused: declarations, references, comments, instructions. What is left has one reading, and a canonical form that is
// the same text put in order. Private to this library.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "openpcc/core/bytes.h"

namespace openpcc::nvgpu::xml {

inline constexpr size_t kDepthMax = 16;
inline constexpr size_t kElementsMax = 4096;
inline constexpr size_t kAttributesMax = 64;  // of one element, declarations of namespaces included

struct Namespace {
  std::string_view prefix;  // empty: of names without one
  std::string_view uri;
};

struct Attribute {
  std::string_view prefix, name, value;
  std::string_view name_space;  // empty: none, as without a prefix
};

// Node is an element. Views show the document's bytes.
struct Node {
  struct Child {
    std::string_view text;
    const Node* element = nullptr;  // null: text
  };
  std::string_view prefix, name, name_space;
  std::vector<Namespace> declared;
  std::vector<Attribute> attributes;
  std::vector<Child> children;
  const Node* parent = nullptr;

  bool is(std::string_view of_name_space, std::string_view of_name) const { return name == of_name && name_space == of_name_space; }
  std::vector<const Node*> elements() const;
  // only takes the children, which must be elements of these names in this order and this namespace, and no text but white space; empty where
  // they are not.
  std::vector<const Node*> only(std::string_view of_name_space, std::initializer_list<std::string_view> names) const;
  bool has_text() const;  // other than white space
  // text is that of an element without others in it; empty where there are some.
  std::string_view text() const;
  std::optional<std::string_view> attribute(std::string_view of_name, std::string_view of_name_space = {}) const;
};

// Document owns its bytes. Moving it keeps what its views show.
class Document {
 public:
  //   rim.xml.dtd      a declaration that begins with <!        rim.xml.entity   an ampersand
  //   rim.xml.syntax   anything else than one well-formed element of the above, with its namespaces declared, within the limits
  static Result<Document> parse(ByteSpan text);

  const Node& root() const { return nodes_->front(); }
  // count is how many elements of a name there are, in whatever namespace.
  size_t count(std::string_view name) const;

  // canonical is Canonical XML 1.1 of the document, without one element where that is named.
  Bytes canonical(const Node* without = nullptr) const;
  // canonical_of is that of a part, with the namespaces that it inherits.
  static Bytes canonical_of(const Node& part);

 private:
  friend class Parser;
  Document() = default;
  std::unique_ptr<std::string> text_;
  std::unique_ptr<std::deque<Node>> nodes_;  // in document order, root first
};

}  // namespace openpcc::nvgpu::xml
