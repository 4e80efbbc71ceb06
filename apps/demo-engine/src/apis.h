// The APIs. Each function reads a request's body and says how it is answered.
#pragma once

#include "api.h"

namespace openpcc::demo_engine {

Parsed<Job> chat(ByteSpan body, const Context& context);
Parsed<Job> completions(ByteSpan body, const Context& context);
Parsed<Job> embeddings(ByteSpan body, const Context& context);
Parsed<Job> responses(ByteSpan body, const Context& context);
Parsed<Job> messages(ByteSpan body, const Context& context);
Parsed<Job> count_tokens(ByteSpan body, const Context& context);
Parsed<Job> tokenize_text(ByteSpan body, const Context& context);
Parsed<Job> detokenize(ByteSpan body, const Context& context);

Parsed<Job> transcriptions(ByteSpan body, const Context& context);
Parsed<Job> translations(ByteSpan body, const Context& context);
Parsed<Job> speech(ByteSpan body, const Context& context);
Parsed<Job> images(ByteSpan body, const Context& context);
Parsed<Job> score(ByteSpan body, const Context& context);
Parsed<Job> rerank(ByteSpan body, const Context& context);

// anthropic_error is {"type":"error","error":{"type":…,"message":…}}.
std::string anthropic_error(const ApiError& error);

}  // namespace openpcc::demo_engine
