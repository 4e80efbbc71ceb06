// Chat requests, which /tokenize reads too.
#pragma once

#include "prompt_reader.h"

namespace openpcc::demo_engine {

Parsed<Prompt> parse_chat(ByteSpan body, const Served& served);
Parsed<void> read_chat_messages(const json::object& body, Prompt& out);

}  // namespace openpcc::demo_engine
