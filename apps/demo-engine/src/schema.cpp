#include "schema.h"

#include <cmath>
#include <string>

namespace openpcc::demo_engine {
namespace {

namespace json = boost::json;
using Made = std::optional<json::value>;

constexpr size_t kDepthMax = 24;
constexpr size_t kValuesMax = 4096;  // schemas can describe exponentially much in a few lines
constexpr int64_t kCharactersMax = 4096;

const json::value* find(const json::object& schema, std::string_view name) { return schema.if_contains(name); }

const json::object* find_object(const json::object& schema, std::string_view name) {
  const auto* value = find(schema, name);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* find_array(const json::object& schema, std::string_view name) {
  const auto* value = find(schema, name);
  return value == nullptr ? nullptr : value->if_array();
}

int64_t whole_number(const json::object& schema, std::string_view name) {
  const auto* value = find(schema, name);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::optional<double> number(const json::object& schema, std::string_view name) {
  const auto* value = find(schema, name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

class Maker {
 public:
  explicit Maker(const json::value& root) : root_(root) {}

  Made make(const json::value& schema, size_t depth) {
    if (depth > kDepthMax || ++made_ > kValuesMax) return std::nullopt;
    const auto* object = schema.if_object();
    if (object == nullptr) return json::value(json::object{});  // `true`, or none: anything is valid
    if (const auto* constant = find(*object, "const")) return *constant;
    if (const auto* choices = find_array(*object, "enum"); choices != nullptr && !choices->empty()) return choices->front();
    if (const auto* reference = find(*object, "$ref")) return follow(*reference, depth);
    for (const std::string_view name : {"anyOf", "oneOf"}) {
      const auto* choices = find_array(*object, name);
      if (choices != nullptr && !choices->empty()) return make(choices->front(), depth + 1);
    }
    if (const auto* all = find_array(*object, "allOf"); all != nullptr && !all->empty()) return make_all(*object, *all, depth);
    return make_typed(*object, depth);
  }

 private:
  Made follow(const json::value& reference, size_t depth) {
    if (!reference.is_string() || !reference.get_string().starts_with('#')) return std::nullopt;
    boost::system::error_code error;
    const auto* target = root_.find_pointer(json::string_view(reference.get_string()).substr(1), error);
    return target == nullptr ? std::nullopt : make(*target, depth + 1);
  }

  // make_all joins what each of the schemas demands of an object; of anything else the first one counts.
  Made make_all(const json::object& schema, const json::array& all, size_t depth) {
    json::object joined;
    if (find(schema, "properties") != nullptr) {
      const Made own = make_object(schema, depth);
      if (!own) return std::nullopt;
      joined = own->get_object();
    }
    for (const json::value& one : all) {
      Made part = make(one, depth + 1);
      if (!part) return std::nullopt;
      if (!part->is_object()) return part;
      for (const auto& pair : part->get_object()) joined.insert_or_assign(pair.key(), pair.value());
    }
    return json::value(std::move(joined));
  }

  static std::string type_of(const json::object& schema) {
    const auto* type = find(schema, "type");
    if (const auto* types = type == nullptr ? nullptr : type->if_array()) type = types->empty() ? nullptr : &types->front();
    if (type != nullptr && type->is_string()) return std::string(type->get_string());
    return find(schema, "items") != nullptr ? "array" : "object";
  }

  Made make_typed(const json::object& schema, size_t depth) {
    const std::string type = type_of(schema);
    if (type == "string") return make_string(schema);
    if (type == "integer" || type == "number") return make_number(schema, type == "integer");
    if (type == "boolean") return json::value(false);
    if (type == "null") return json::value(nullptr);
    if (type == "array") return make_array(schema, depth);
    return make_object(schema, depth);
  }

  static Made make_string(const json::object& schema) {
    static constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
        {"date-time", "2000-01-01T00:00:00Z"},
        {"date", "2000-01-01"},
        {"time", "00:00:00Z"},
        {"duration", "PT0S"},
        {"email", "nobody@example.com"},
        {"hostname", "localhost"},
        {"ipv4", "127.0.0.1"},
        {"ipv6", "::1"},
        {"uri", "https://example.com/"},
        {"uuid", "00000000-0000-4000-8000-000000000000"},
    };
    for (const auto& [format, text] : kFormats) {
      const auto* wanted = find(schema, "format");
      if (wanted != nullptr && *wanted == json::string_view(format)) return json::value(json::string_view(text));
    }
    const int64_t least = whole_number(schema, "minLength");
    if (least > kCharactersMax) return std::nullopt;
    return json::value(json::string(static_cast<size_t>(std::max<int64_t>(least, 0)), 'x'));
  }

  // make_number takes the number nearest to 0 that the bounds allow.
  static Made make_number(const json::object& schema, bool whole) {
    double least = number(schema, "minimum").value_or(-HUGE_VAL);
    double most = number(schema, "maximum").value_or(HUGE_VAL);
    const double step = whole ? 1 : 0.5;
    if (const auto above = number(schema, "exclusiveMinimum")) least = std::max(least, whole ? std::floor(*above) + 1 : *above + step);
    if (const auto below = number(schema, "exclusiveMaximum")) most = std::min(most, whole ? std::ceil(*below) - 1 : *below - step);
    double value = std::clamp(0.0, least, std::max(least, most));
    if (const auto multiple = number(schema, "multipleOf"); multiple && *multiple > 0) value = std::ceil(value / *multiple) * *multiple;
    if (!(std::abs(value) <= 9e15)) return std::nullopt;  // infinities and what is no number, too
    if (!whole) return json::value(value);
    value = value > 0 ? std::ceil(value) : std::floor(value);
    if (value < least) value = std::ceil(least);
    return json::value(static_cast<int64_t>(value));
  }

  Made make_array(const json::object& schema, size_t depth) {
    json::array out;
    const json::array none;
    const auto* first = find_array(schema, "prefixItems");
    for (const json::value& item : first == nullptr ? none : *first) {
      Made made = make(item, depth + 1);
      if (!made) return std::nullopt;
      out.push_back(std::move(*made));
    }
    const auto* items = find(schema, "items");
    const json::value anything(true);
    while (static_cast<int64_t>(out.size()) < whole_number(schema, "minItems")) {
      Made made = make(items == nullptr ? anything : *items, depth + 1);
      if (!made) return std::nullopt;
      out.push_back(std::move(*made));
    }
    return json::value(std::move(out));
  }

  Made make_object(const json::object& schema, size_t depth) {
    json::object out;
    const json::array none;
    const auto* required = find_array(schema, "required");
    const auto* properties = find_object(schema, "properties");
    const json::value anything(true);
    for (const json::value& name : required == nullptr ? none : *required) {
      if (!name.is_string()) continue;
      const auto* property = properties == nullptr ? nullptr : find(*properties, std::string_view(name.get_string()));
      Made made = make(property == nullptr ? anything : *property, depth + 1);
      if (!made) return std::nullopt;
      out.insert_or_assign(name.get_string(), std::move(*made));
    }
    return json::value(std::move(out));
  }

  const json::value& root_;
  size_t made_ = 0;
};

}  // namespace

std::optional<boost::json::value> minimal_instance(const boost::json::value& schema) { return Maker(schema).make(schema, 0); }

}  // namespace openpcc::demo_engine
