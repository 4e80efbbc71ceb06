// The members that several APIs have in common.
#pragma once

#include "prompt.h"
#include "read.h"

namespace openpcc::demo_engine {

void read_field_names(const json::object& body, Prompt& out);
Parsed<void> read_stream(const json::object& body, Prompt& out);
Parsed<void> read_choices(const json::object& body, Prompt& out);
// read_lengths reads the longest answer from the first of `names` that is there; the prompt's own tokens are counted before.
Parsed<void> read_lengths(const json::object& body, std::initializer_list<std::string_view> names, const Served& served, Prompt& out);
Parsed<void> read_stops(const json::object& body, std::string_view name, Prompt& out);
Parsed<void> read_cache_salt(const json::object& body, Prompt& out);

// add_message counts one message. `content` is text, a list of parts, or nothing (as beside tool calls). Parts are those of OpenAI's chat
// and Responses APIs and of Anthropic's Messages alike: their types do not overlap. Media are read where the request brings them along:
// an engine beside other people's prompts fetches nothing.
Parsed<void> add_message(std::string_view role, const json::value* content, std::string_view param, Prompt& out);
// finish_messages says in words how many there were, and refuses none at all.
Parsed<void> finish_messages(std::string_view param, Prompt& out);

// Tool is a function that the answer may call, Choice whether it must.
struct Tool {
  std::string name;
  json::value schema;  // of its arguments; null: none given
};
struct ToolChoice {
  bool must_call = false;
  std::string name = {};  // of the one tool that must be called; empty: any
};
Parsed<void> choose_tool(const std::vector<Tool>& tools, const ToolChoice& choice, Prompt& out);
// read_tools reads a list of functions. `nested`: name and parameters stand in a member "function" (chat), else in the tool itself;
// `schema`: the name of the parameters' member. Tools that are no functions (they would run beside the engine) are passed over.
Parsed<std::vector<Tool>> read_tools(const json::object& body, bool nested, std::string_view schema);
// read_tool_choice is for OpenAI's two APIs.
Parsed<ToolChoice> read_tool_choice(const json::object& body, bool nested);
// demand_json makes the answer JSON for a schema. `schema`: nullptr for any object, which then holds the report.
Parsed<void> demand_json(const json::value* schema, std::string_view param, Prompt& out);
// read_format reads OpenAI's description of the answer's form: {"type": "text"|"json_object"|"json_schema", …}. `nested`: the schema stands
// in a member "json_schema" (chat).
Parsed<void> read_format(const json::object* format, bool nested, std::string_view param, Prompt& out);

}  // namespace openpcc::demo_engine
