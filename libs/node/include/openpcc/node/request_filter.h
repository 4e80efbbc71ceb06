// What of a decrypted request may reach the engine. Pure functions: nothing of a request is acted on before it passed here.
//
// The engine's request is made anew from a closed list of methods, paths and fields; the body is the application's own bytes except for the
// members that the node owns.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "openpcc/bhttp/bhttp.h"
#include "openpcc/core/environment.h"
#include "openpcc/envelope/envelope.h"

namespace openpcc::node {

inline constexpr std::string_view kInnerAuthority = "node.invalid";

// Model is one that this node serves: `name` stands in its evidence, `engine_name` is what the engine calls it.
struct Model {
  std::string name;
  std::string engine_name;
};

// EngineRequest is sent by POST.
struct EngineRequest {
  std::string path;
  std::string content_type;
  SecretBytes body;
};
// ListModels asks for the node's own list: no engine is asked.
struct ListModels {};
using Filtered = std::variant<ListModels, EngineRequest>;

// check_not_after reads the field openpcc-not-after. Spec: envelope s1.
//   node.not_after.missing   it is not there
//   node.not_after.form      not one decimal number of seconds
//   node.not_after.passed    too late
//   node.not_after.ahead     more than 10 min ahead
Result<> check_not_after(const bhttp::Fields& fields, UnixSeconds now);

// profile_of reads the field openpcc-profile; `balanced` without it.
//   node.filter.profile   no such profile, or named more than once
Result<envelope::Profile> profile_of(const bhttp::Fields& fields);

// filter_request turns an inner request into the engine's.
//   node.filter.scheme, node.filter.authority   not https, not kInnerAuthority
//   node.filter.path          a path (with its query) that is not on the list
//   node.filter.method        not the path's method
//   node.filter.content_type  not application/json, or multipart/form-data where files are uploaded
//   node.json.*               the body is not a JSON object that every parser reads alike
//   form.*                    the body is not a form that every parser reads alike
//   node.filter.no_model      no model is named
//   node.filter.model         the model is not served here
//   node.filter.media         an image, a sound, a video or a server by reference: the node makes no connections, and reads no files
//   node.filter.state         it continues something that an engine would have had to keep, or asks it to go on alone
//   node.filter.shared_cache  (Node's own) the engine does not keep requests of this path apart
//   node.filter.form          a form with two models or files, or a field of a name that is not plain
Result<Filtered> filter_request(const bhttp::RequestHead& head, ByteSpan content, const Secret<32>& salt, std::span<const Model> models);

}  // namespace openpcc::node
