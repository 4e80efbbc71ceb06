// `openpcc chat`: one question through the local proxy, the answer as it streams.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <iostream>
#include <iterator>

#include "commands.h"
#include "openpcc/daemon/options.h"
#include "openpcc/http/client.h"

namespace openpcc::app {
namespace {

namespace json = boost::json;

constexpr size_t kModelsBytesMax = 1u << 20;

// EventLines gathers the lines of an event stream, which may be cut anywhere.
class EventLines {
 public:
  // feed calls `event` with the data of each complete line "data: ...".
  template <class Use>
  void feed(ByteSpan bytes, const Use& event) {
    buffer_.append(as_text(bytes));
    for (size_t end; (end = buffer_.find('\n')) != std::string::npos; buffer_.erase(0, end + 1)) {
      const std::string_view line = std::string_view(buffer_).substr(0, end);
      if (line.starts_with("data: ")) event(line.substr(6));
    }
  }

 private:
  std::string buffer_;
};

struct Asker {
  const ChatOptions& options;
  http::Endpoint proxy;
  std::string key;
  http::Client& client;

  http::RequestHead head(std::string method, std::string target) const {
    http::RequestHead out;
    out.method = std::move(method);
    out.target = std::move(target);
    if (!key.empty()) out.fields.add("authorization", "Bearer " + key);
    return out;
  }

  http::Task<Result<std::string>> first_model() {
    const auto answer = co_await client.fetch(proxy, head("GET", "/v1/models"), Bytes{}, kModelsBytesMax);
    OPENPCC_CO_TRY(answer);
    boost::system::error_code failed;
    const json::value list = json::parse(as_text(answer->body), failed);
    const json::value* id = failed ? nullptr : list.find_pointer("/data/0/id", failed);
    if (id == nullptr || !id->is_string()) co_return fail(Code::unavailable, "chat.no_model", "no verified node serves any model");
    co_return std::string(id->as_string());
  }

  static void print_delta(std::string_view data) {
    if (data == "[DONE]") return;
    boost::system::error_code failed;
    const json::value event = json::parse(data, failed);
    if (failed) return;
    boost::system::error_code absent;
    const json::value* text = event.find_pointer("/choices/0/delta/content", absent);
    if (text != nullptr && text->is_string()) fmt::print("{}", std::string_view(text->as_string()));
    const json::value* error = event.find_pointer("/error/message", absent);
    if (error != nullptr && error->is_string()) fmt::print(stderr, "\nopenpcc chat: {}\n", std::string_view(error->as_string()));
    std::fflush(stdout);
  }

  http::Task<Result<>> ask(std::string prompt) {
    std::string model = options.model;
    if (model.empty()) {
      auto first = co_await first_model();
      OPENPCC_CO_TRY(first);
      model = std::move(*first);
    }
    const std::string body = json::serialize(
        json::value{{"model", model}, {"stream", true}, {"messages", json::array{json::value{{"role", "user"}, {"content", prompt}}}}});
    http::RequestHead request = head("POST", "/v1/chat/completions");
    request.fields.add("content-type", "application/json");
    auto opened = co_await client.open(proxy, std::move(request), body.size());
    OPENPCC_CO_TRY(opened);
    http::ClientExchange& exchange = **opened;
    const ByteSpan view = as_bytes(body);
    const auto written = co_await exchange.write(view);
    OPENPCC_CO_TRY(written);
    const auto finished = co_await exchange.finish_request();
    OPENPCC_CO_TRY(finished);
    const auto answer = co_await exchange.read_head();
    OPENPCC_CO_TRY(answer);
    if (answer->status != 200) {
      const auto text = co_await exchange.read_all(kModelsBytesMax);
      co_return fail(Code::rejected, "chat.refused", text ? std::string(as_text(*text)) : std::string());
    }
    EventLines lines;
    for (;;) {
      const auto piece = co_await exchange.read();
      OPENPCC_CO_TRY(piece);
      if (piece->empty()) break;
      lines.feed(*piece, print_delta);
    }
    fmt::print("\n");
    co_return Result<>{};
  }
};

http::Task<> run_asker(Asker& asker, std::string prompt, Result<>& outcome, http::Loop& loop) {
  outcome = co_await asker.ask(std::move(prompt));
  loop.stop();
}

}  // namespace

int run_chat(const ChatOptions& options) {
  http::Loop loop;
  const auto client = http::Client::create(loop, nullptr);
  const auto proxy = http::Endpoint::parse(options.proxy);
  if (!proxy) {
    fmt::print(stderr, "openpcc chat: {}\n", describe(proxy.error()));
    return kUsage;
  }
  Asker asker{options, *proxy, {}, *client};
  if (!options.api_key_file.empty()) {
    const auto key = daemon::read_secret(options.api_key_file);
    if (!key) {
      fmt::print(stderr, "openpcc chat: {}\n", describe(key.error()));
      return kUsage;
    }
    asker.key = as_text(key->reveal());
  }
  std::string prompt = options.prompt;
  if (prompt.empty()) prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  Result<> outcome;
  loop.spawn(run_asker(asker, std::move(prompt), outcome, loop));
  loop.run();
  if (outcome) return kAccept;
  fmt::print(stderr, "openpcc chat: {}\n", describe(outcome.error()));
  if (outcome.error().rule == Rule("http.client.connect"))
    fmt::print(stderr, "Is the proxy running? `openpcc up` starts a whole local deployment.\n");
  return kInternal;
}

}  // namespace openpcc::app
