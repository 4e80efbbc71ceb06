// What the scanner passes, Boost.JSON reads the same way: the same members in the same order.
#include "openpcc/node/json_members.h"

#include <boost/json.hpp>

#include "openpcc/api/api.h"
#include "openpcc/core/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace openpcc;
  const std::string_view text = as_text({data, size});
  const auto members = node::scan_members(text, [](const node::JsonString&) -> Result<> { return {}; });
  if (!members) return 0;
  boost::json::parse_options options;
  options.max_depth = 64;
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse(text, failed, {}, options);
  if (failed == boost::json::error::exponent_overflow) return 0;  // a limit of its numbers, not of the grammar
  OPENPCC_CHECK(!failed && value.is_object() && value.get_object().size() == members->size());
  auto other = value.get_object().begin();
  for (const node::JsonMember& member : *members) {
    OPENPCC_CHECK(member.key == std::string_view(other->key()));
    OPENPCC_CHECK((member.kind == node::JsonKind::string) == other->value().is_string());
    if (member.kind == node::JsonKind::string) {
      const std::string content = node::json_unescape(member.value.substr(1, member.value.size() - 2));
      OPENPCC_CHECK(content == std::string_view(other->value().get_string()));
      const std::string quoted = api::quote(content);
      OPENPCC_CHECK(node::json_unescape(std::string_view(quoted).substr(1, quoted.size() - 2)) == content);
    }
    ++other;
  }
  return 0;
}
