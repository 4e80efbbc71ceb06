// Answers that the node gives by itself, in the JSON of the API that was asked; they travel sealed, like an engine's.
#pragma once

#include <span>
#include <string>

#include "openpcc/api/api.h"
#include "openpcc/node/request_filter.h"

namespace openpcc::node {

// InnerAnswer is a whole answer of type application/json.
struct InnerAnswer {
  uint16_t status;
  std::string body;
};

// error_answer tells the user why the node or its engine did not answer. `error` is one of request_filter.h, json_members.h, form.h, or
//   node.engine.unreachable (503)  node.engine.failed, node.engine.unframed, node.engine.encoded (502)
//   node.answer.too_long (504)
// and anything else becomes a plain 500.
InnerAnswer error_answer(const Error& error, api::Dialect dialect = api::Dialect::openai);

// models_answer is the list of GET /v1/models.
InnerAnswer models_answer(std::span<const Model> models);

}  // namespace openpcc::node
