// Spec: XML 1.0, Namespaces in XML 1.0, Canonical XML 1.1, each for what xml.h lets through.
#include "xml.h"

#include <algorithm>

namespace openpcc::nvgpu::xml {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n";

std::unexpected<Error> bad(std::string_view why) { return fail(Code::malformed, "rim.xml.syntax", std::string(why)); }

// refuse_markup looks for what is not used here before anything is parsed.
Result<> refuse_markup(std::string_view text) {
  if (const size_t at = text.find("<!"); at != std::string_view::npos) {
    if (text.substr(at).starts_with("<!--")) return bad("a comment");
    return fail(Code::malformed, "rim.xml.dtd", "a declaration");
  }
  if (text.find('&') != std::string_view::npos) return fail(Code::malformed, "rim.xml.entity", "a reference");
  const auto allowed = [](char c) { return (c >= ' ' && c <= '~') || c == '\t' || c == '\n'; };
  if (!std::ranges::all_of(text, allowed)) return bad("a character that is not printable ASCII");
  return {};
}

bool begins_name(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool in_name(char c) { return begins_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

struct Name {
  std::string_view prefix, local;
};

// names_namespace: an absolute URI of the web, as all names of namespaces are that are used here. Others have no canonical form.
bool names_namespace(std::string_view uri) {
  const size_t scheme = uri.starts_with("https://") ? 8 : 7;
  if ((!uri.starts_with("http://") && !uri.starts_with("https://")) || uri.size() == scheme) return false;
  const std::string_view rest = uri.substr(scheme);
  return begins_name(rest.front()) && std::ranges::count(rest, '#') <= 1 &&
         std::ranges::all_of(rest, [](char c) { return in_name(c) || c == '/' || c == '#'; });
}

}  // namespace

// Parser reads from the front; `at_` is the open element.
class Parser {
 public:
  explicit Parser(std::string_view text, std::deque<Node>& nodes) : rest_(text), nodes_(nodes) {}

  Result<> run() {
    skip_space();
    do {
      OPENPCC_TRY(rest_.starts_with("</") ? close() : rest_.starts_with('<') ? open() : read_text());
    } while (at_ != nullptr);
    skip_space();
    return rest_.empty() ? Result<>() : bad("something after the root");
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kWhiteSpace), rest_.size())); }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string_view take_while(bool (*fits)(char)) {
    const auto end = std::ranges::find_if_not(rest_, fits);
    const std::string_view out = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(out.size());
    return out;
  }
  Result<std::string_view> simple_name() {
    if (rest_.empty() || !begins_name(rest_.front())) return bad("no name");
    return take_while(in_name);
  }
  Result<Name> name() {
    OPENPCC_LET(const std::string_view first, simple_name());
    if (!take(":")) return Name{{}, first};
    OPENPCC_LET(const std::string_view local, simple_name());
    return Name{first, local};
  }

  Result<> read_text() {
    const size_t end = rest_.find('<');
    if (at_ == nullptr || end == std::string_view::npos) return bad("text outside the root, or no end");
    const std::string_view text = rest_.substr(0, end);
    if (text.find('>') != std::string_view::npos) return bad("'>' in text");  // whose canonical form is a reference
    at_->children.push_back({text, nullptr});
    rest_.remove_prefix(end);
    return {};
  }

  Result<> open() {
    if (++depth_ > kDepthMax || nodes_.size() == kElementsMax) return bad("too deep, or too many elements");
    take("<");
    Node& node = nodes_.emplace_back();
    node.parent = at_;
    OPENPCC_LET(const Name named, name());
    node.prefix = named.prefix;
    node.name = named.local;
    bool empty = false;
    while (!take(">")) {
      if (take("/>")) {
        empty = true;
        break;
      }
      OPENPCC_TRY(read_attribute(node));
    }
    OPENPCC_TRY(resolve(node));
    if (at_ != nullptr) at_->children.push_back({{}, &node});
    at_ = &node;
    return empty ? leave() : Result<>();
  }

  Result<> read_attribute(Node& node) {
    const size_t before = rest_.size();
    skip_space();
    if (rest_.size() == before) return bad("no space before an attribute");
    if (rest_.starts_with('>') || rest_.starts_with('/')) return {};
    if (node.attributes.size() + node.declared.size() == kAttributesMax) return bad("too many attributes");
    OPENPCC_LET(const Name named, name());
    skip_space();
    if (!take("=")) return bad("no value of an attribute");
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    const size_t end = quote == '"' || quote == '\'' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) return bad("no value of an attribute");
    const std::string_view value = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    // Of these the canonical form is a reference, or is not what stands here.
    if (value.find_first_of("<\"\t\n") != std::string_view::npos) return bad("a character that attributes do not have here");
    const bool declares_default = named.prefix.empty() && named.local == "xmlns";
    if (!declares_default && named.prefix != "xmlns") {
      node.attributes.push_back({named.prefix, named.local, value, {}});
      return {};
    }
    const std::string_view prefix = declares_default ? std::string_view() : named.local;
    if (!names_namespace(value) || prefix == "xml" || prefix == "xmlns") return bad("a declaration of a namespace");
    if (std::ranges::find(node.declared, prefix, &Namespace::prefix) != node.declared.end()) return bad("a namespace declared twice");
    node.declared.push_back({prefix, value});
    return {};
  }

  // resolve finds the namespaces of names. Attributes of xml: have rules of their own in canonical forms, and are not used.
  Result<> resolve(Node& node) {
    const auto find = [&](std::string_view prefix) -> std::optional<std::string_view> {
      for (const Node* at = &node; at != nullptr; at = at->parent) {
        const auto found = std::ranges::find(at->declared, prefix, &Namespace::prefix);
        if (found != at->declared.end()) return found->uri;
      }
      return prefix.empty() ? std::optional<std::string_view>("") : std::nullopt;
    };
    const auto name_space = find(node.prefix);
    if (!name_space) return bad("an undeclared prefix");
    node.name_space = *name_space;
    for (Attribute& attribute : node.attributes) {
      if (attribute.prefix.empty()) continue;
      const auto of_attribute = find(attribute.prefix);
      if (!of_attribute) return bad("an undeclared prefix");
      attribute.name_space = *of_attribute;
    }
    for (size_t i = 0; i < node.attributes.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const Attribute &a = node.attributes[i], &b = node.attributes[j];
        if (a.name == b.name && a.name_space == b.name_space) return bad("an attribute twice");
      }
    }
    return {};
  }

  Result<> close() {
    take("</");
    OPENPCC_LET(const Name named, name());
    if (at_ == nullptr || named.prefix != at_->prefix || named.local != at_->name) return bad("an end without its beginning");
    skip_space();
    if (!take(">")) return bad("an end that is none");
    return leave();
  }

  Result<> leave() {
    --depth_;
    at_ = const_cast<Node*>(at_->parent);  // NOLINT(cppcoreguidelines-pro-type-const-cast): it is in nodes_
    return {};
  }

  std::string_view rest_;
  std::deque<Node>& nodes_;
  Node* at_ = nullptr;
  size_t depth_ = 0;
};

namespace {

// Canonical writes the canonical form. Nothing that was let through needs escaping.
class Canonical {
 public:
  explicit Canonical(const Node* without) : without_(without) {}

  // write puts down an element, with `more` namespaces in scope that nothing around it declared. Its depth is bounded by the parser.
  void write(const Node& node, std::vector<Namespace> declared) {
    const auto known = [&](const Namespace& ns) {
      const auto found = std::ranges::find(scope_.rbegin(), scope_.rend(), ns.prefix, &Namespace::prefix);
      return found != scope_.rend() && found->uri == ns.uri;
    };
    std::erase_if(declared, known);
    std::ranges::sort(declared, {}, &Namespace::prefix);
    put("<");
    put_name(node.prefix, node.name);
    for (const Namespace& ns : declared) put_attribute(ns.prefix.empty() ? "" : "xmlns", ns.prefix.empty() ? "xmlns" : ns.prefix, ns.uri);
    std::vector<const Attribute*> attributes;
    for (const Attribute& attribute : node.attributes) attributes.push_back(&attribute);
    std::ranges::sort(attributes, {}, [](const Attribute* a) { return std::pair(a->name_space, a->name); });
    for (const Attribute* attribute : attributes) put_attribute(attribute->prefix, attribute->name, attribute->value);
    put(">");
    const size_t outer = scope_.size();
    scope_.insert(scope_.end(), declared.begin(), declared.end());
    for (const Node::Child& child : node.children) {
      if (child.element == nullptr) {
        put(child.text);
      } else if (child.element != without_) {
        write(*child.element, child.element->declared);
      }
    }
    scope_.resize(outer);
    put("</");
    put_name(node.prefix, node.name);
    put(">");
  }
  Bytes take() { return std::move(out_); }

 private:
  void put(std::string_view text) { out_.insert(out_.end(), text.begin(), text.end()); }
  void put_name(std::string_view prefix, std::string_view name) {
    if (!prefix.empty()) {
      put(prefix);
      put(":");
    }
    put(name);
  }
  void put_attribute(std::string_view prefix, std::string_view name, std::string_view value) {
    put(" ");
    put_name(prefix, name);
    put("=\"");
    put(value);
    put("\"");
  }

  const Node* without_;
  std::vector<Namespace> scope_;  // what was written down, innermost last
  Bytes out_;
};

}  // namespace

std::vector<const Node*> Node::elements() const {
  std::vector<const Node*> out;
  for (const Child& child : children) {
    if (child.element != nullptr) out.push_back(child.element);
  }
  return out;
}

std::vector<const Node*> Node::only(std::string_view of_name_space, std::initializer_list<std::string_view> names) const {
  std::vector<const Node*> out = elements();
  const auto fits = [&](const Node* node, std::string_view of_name) { return node->is(of_name_space, of_name); };
  return !has_text() && std::ranges::equal(out, names, fits) ? out : std::vector<const Node*>();
}

bool Node::has_text() const {
  return std::ranges::any_of(children, [](const Child& c) { return c.text.find_first_not_of(kWhiteSpace) != std::string_view::npos; });
}

std::string_view Node::text() const { return children.size() == 1 ? children.front().text : std::string_view(); }

std::optional<std::string_view> Node::attribute(std::string_view of_name, std::string_view of_name_space) const {
  const auto found =
      std::ranges::find_if(attributes, [&](const Attribute& a) { return a.name == of_name && a.name_space == of_name_space; });
  return found == attributes.end() ? std::nullopt : std::optional(found->value);
}

Result<Document> Document::parse(ByteSpan text) {
  OPENPCC_TRY(refuse_markup(as_text(text)));
  Document out;
  out.text_ = std::make_unique<std::string>(as_text(text));
  out.nodes_ = std::make_unique<std::deque<Node>>();
  OPENPCC_TRY(Parser(*out.text_, *out.nodes_).run());
  return out;
}

size_t Document::count(std::string_view name) const { return static_cast<size_t>(std::ranges::count(*nodes_, name, &Node::name)); }

Bytes Document::canonical(const Node* without) const {
  Canonical canonical(without);
  canonical.write(root(), root().declared);
  return canonical.take();
}

Bytes Document::canonical_of(const Node& part) {
  std::vector<Namespace> in_scope;
  for (const Node* at = &part; at != nullptr; at = at->parent) {
    for (const Namespace& ns : at->declared) {
      if (std::ranges::find(in_scope, ns.prefix, &Namespace::prefix) == in_scope.end()) in_scope.push_back(ns);
    }
  }
  Canonical canonical(nullptr);
  canonical.write(part, std::move(in_scope));
  return canonical.take();
}

}  // namespace openpcc::nvgpu::xml
