// What an answer must be other than the report: a tool's call, or JSON for a schema.
#include <algorithm>

#include "prompt_reader.h"
#include "schema.h"

namespace openpcc::demo_engine {
namespace {

Parsed<std::string> instance(const json::value& schema, std::string_view param) {
  const auto made = minimal_instance(schema);
  if (!made) return bad("this engine makes no value for that schema", std::string(param));
  return json::serialize(*made);
}

}  // namespace

Parsed<void> choose_tool(const std::vector<Tool>& tools, const ToolChoice& choice, Prompt& out) {
  if (!choice.must_call) return {};
  if (tools.empty()) return bad("When using `tool_choice`, `tools` must be set.", "tool_choice");
  const auto tool = std::ranges::find_if(tools, [&](const Tool& t) { return choice.name.empty() || t.name == choice.name; });
  if (tool == tools.end()) {
    return bad("The tool specified in `tool_choice` does not match any of the specified `tools`", "tool_choice");
  }
  OPENPCC_LET(std::string arguments, instance(tool->schema, "tools"));
  out.call = ToolCall{.name = tool->name, .arguments = std::move(arguments)};
  return {};
}

Parsed<std::vector<Tool>> read_tools(const json::object& body, bool nested, std::string_view schema) {
  OPENPCC_LET(const json::array* const tools, list(body, "tools"));
  std::vector<Tool> out;
  if (tools == nullptr) return out;
  for (const json::value& tool : *tools) {
    const auto* object = tool.if_object();
    if (object == nullptr) return bad("a tool must be an object", "tools");
    const bool is_function = is_text(*object, "type", "function") || (member(*object, "type") == nullptr && !nested);
    if (nested && is_function) {
      OPENPCC_LET(object, object_of(*object, "function"));
      if (object == nullptr) return bad("a tool must have a function", "tools");
    } else if (!is_function && !is_text(*object, "type", "custom")) {
      continue;
    }
    OPENPCC_LET(std::string name, required_text(*object, "name"));
    const auto* parameters = member(*object, schema);
    out.push_back({.name = std::move(name), .schema = parameters == nullptr ? json::value(nullptr) : *parameters});
  }
  return out;
}

Parsed<ToolChoice> read_tool_choice(const json::object& body, bool nested) {
  const auto* choice = member(body, "tool_choice");
  if (choice == nullptr) return ToolChoice{};
  if (const auto* word = choice->if_string()) {
    if (*word == "none" || *word == "auto") return ToolChoice{};
    if (*word == "required") return ToolChoice{.must_call = true};
  }
  const auto* named = choice->if_object();
  if (named != nullptr && nested) {
    OPENPCC_LET(named, object_of(*named, "function"));
  }
  if (named == nullptr) return bad("tool_choice must be none, auto, required or a function", "tool_choice");
  OPENPCC_LET(std::string name, required_text(*named, "name"));
  return ToolChoice{.must_call = true, .name = std::move(name)};
}

Parsed<void> demand_json(const json::value* schema, std::string_view param, Prompt& out) {
  out.report_as_json = schema == nullptr;
  if (schema == nullptr) return {};
  OPENPCC_LET(out.document, instance(*schema, param));
  return {};
}

Parsed<void> read_format(const json::object* format, bool nested, std::string_view param, Prompt& out) {
  if (format == nullptr || is_text(*format, "type", "text")) return {};
  if (is_text(*format, "type", "json_object")) return demand_json(nullptr, param, out);
  if (!is_text(*format, "type", "json_schema")) return bad("the type must be text, json_object or json_schema", std::string(param));
  if (nested) {
    OPENPCC_LET(format, object_of(*format, "json_schema"));
  }
  const auto* schema = format == nullptr ? nullptr : member(*format, "schema");
  if (schema == nullptr || !schema->is_object()) return bad("json_schema needs a schema", std::string(param));
  return demand_json(schema, param, out);
}

}  // namespace openpcc::demo_engine
