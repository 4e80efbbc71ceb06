// A path, a line feed, a body, to any of the APIs: whatever is accepted can be answered, and whatever is JSON stays JSON.
#include <boost/json.hpp>

#include "api.h"
#include "sse.h"

using namespace openpcc;
using namespace openpcc::demo_engine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = as_text({data, size});
  const size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const Served served{.name = "openpcc-demo", .max_model_len = 512};
  const http::Fields fields{{"content-type", "multipart/form-data; boundary=xyz"}};
  for (const Route& route : routes()) {
    if (route.path != input.substr(0, line)) continue;
    const auto job = route.api(as_bytes(input.substr(line + 1)), {.served = served, .fields = fields, .number = 1, .now = 0});
    if (!job) {
      OPENPCC_CHECK(job.error().status >= 400 && boost::json::parse(route.error(job.error())).is_object());
      return 0;
    }
    if (!job->stream) {
      const std::string answer = job->writer->whole();
      OPENPCC_CHECK(job->content_type != kJson || boost::json::parse(answer).is_object());
      return 0;
    }
    size_t bytes = job->writer->opening().size();
    for (size_t step = 0; step < job->steps.size(); ++step) bytes += job->writer->token(step).size();
    bytes += job->writer->ending().size();
    OPENPCC_CHECK(bytes > 0);
  }
  return 0;
}
