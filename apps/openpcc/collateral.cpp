// `openpcc collateral`: fetches what vouches for a report, once, and writes it into one file that can be verified offline.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "collateral_pieces.h"
#include "commands.h"
#include "files.h"
#include "openpcc/attest/platform.h"
#include "openpcc/collateral/staple.h"
#include "openpcc/core/calendar.h"
#include "openpcc/core/describe.h"
#include "openpcc/daemon/outgoing.h"
#include "openpcc/daemon/tls.h"
#include "openpcc/fetch/file_store.h"
#include "openpcc/fetch/http_fetcher.h"

namespace openpcc::app {
namespace {

namespace bj = boost::json;
using collateral::Event;

std::string_view word_of(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::given: return "given";
    case Event::Kind::kept: return "cached";
    case Event::Kind::fetched: return "fetched";
    case Event::Kind::waiting: return "waiting";
  }
  return {};
}

// Progress says on standard error what happens, and remembers it for the summary.
class Progress {
 public:
  explicit Progress(const fetch::HttpFetcher* fetcher) : fetcher_(fetcher) {}

  void tell(const Event& event) {
    const std::string from = event.kind == Event::Kind::fetched || event.kind == Event::Kind::waiting ? fetcher_->url(event.request) : "";
    if (event.kind == Event::Kind::waiting) {
      fmt::print(stderr, "{:<8} {} s, then {} again: it is busy\n", word_of(event.kind), event.wait.count(), from);
      return;
    }
    fmt::print(stderr, "{:<8} {}, {} bytes{}{}\n", word_of(event.kind), event.request.what, event.bytes, from.empty() ? "" : ", from ",
               from);
    pieces_.push_back(bj::object{{"what", event.request.what}, {"source", word_of(event.kind)}, {"bytes", event.bytes}, {"from", from}});
  }
  bj::array take() { return std::move(pieces_); }

 private:
  const fetch::HttpFetcher* fetcher_;
  bj::array pieces_;
};

struct Files {
  std::filesystem::path report_file;
  Bytes report;
  std::vector<Bytes> given;
};

Result<Files> read_files(const std::vector<std::filesystem::path>& paths) {
  Files out;
  for (const auto& path : paths) {
    OPENPCC_LET(Bytes bytes, read_bounded(path, attest::kEvidenceBytesMax));
    const attest::PlatformItem kind = attest::recognise(bytes);
    if (kind != attest::PlatformItem::snp_report && kind != attest::PlatformItem::intel_quote) {
      out.given.push_back(std::move(bytes));
      continue;
    }
    if (!out.report.empty()) return fail(Code::rejected, "app.collateral.several", "give one report at a time, with what its host gave");
    out.report_file = path;
    out.report = std::move(bytes);
  }
  return out;
}

// cache_folder is where a user's programs keep what can be had again (XDG Base Directory Specification).
Result<std::filesystem::path> cache_folder(const CollateralOptions& options) {
  if (!options.cache.empty()) return options.cache;
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  std::filesystem::path base = variable("XDG_CACHE_HOME");
  if (!base.is_absolute() && variable("HOME").is_absolute()) base = variable("HOME") / ".cache";
  if (base.is_absolute()) return base / "openpcc" / "collateral";
  return fail(Code::rejected, "app.collateral.cache",
              "neither XDG_CACHE_HOME nor HOME is set: name a folder with --cache, or say --no-cache");
}

Result<std::unique_ptr<fetch::HttpFetcher>> make_fetcher(const CollateralOptions& options, const daemon::Environment& environment) {
  if (options.offline) return std::unique_ptr<fetch::HttpFetcher>();
  daemon::TlsSettings tls;
  tls.ca_file = options.ca_file;
  fetch::HttpSettings settings;
  settings.amd_url = options.amd_url;
  settings.intel_url = options.intel_url;
  settings.timeout = std::chrono::seconds(options.timeout_s);
  settings.connect_timeout = std::min(settings.connect_timeout, settings.timeout);
  OPENPCC_LET(settings.tls, tls.client(environment));
  OPENPCC_LET(settings.proxies, daemon::OutgoingSettings{}.rules(environment));
  return fetch::HttpFetcher::create(std::move(settings));
}

collateral::TcbChoice choice_of(const CollateralOptions& options) {
  if (options.tcb_number) return *options.tcb_number;
  return options.early ? collateral::TcbUpdate::early : collateral::TcbUpdate::standard;
}

void print_summary(const CollateralOptions& options, const std::filesystem::path& out, const attest::PlatformVerdict& verdict,
                   bj::array pieces) {
  if (options.json) {
    bj::object summary{
        {"out", out.string()}, {"kind", verdict.kind}, {"pieces", std::move(pieces)}, {"valid_from", nullptr}, {"valid_to", nullptr}};
    if (verdict.window) {
      summary["valid_from"] = utc_text(verdict.window->from);
      summary["valid_to"] = utc_text(verdict.window->to);
    }
    fmt::print("{}\n", bj::serialize(summary));
    return;
  }
  fmt::print("{}: {}\n", out.string(), verdict.kind);
  if (verdict.window) fmt::print("All that was signed holds until {}.\n", utc_text(verdict.window->to));
  fmt::print("openpcc verify {} judges it, without a network.\n", out.string());
}

Result<> fetch_bundle(const CollateralOptions& options) {
  OPENPCC_LET(const Files files, read_files(options.files));
  const daemon::Environment environment = daemon::current_environment();
  std::unique_ptr<fetch::FileStore> store;
  if (!options.no_cache) {
    OPENPCC_LET(const std::filesystem::path folder, cache_folder(options));
    OPENPCC_LET(store, fetch::FileStore::open(folder));
  }
  OPENPCC_LET(const std::unique_ptr<fetch::HttpFetcher> fetcher, make_fetcher(options, environment));
  Progress progress(fetcher.get());
  collateral::Source source;
  source.fetcher = fetcher.get();
  source.store = store.get();
  source.tcb = choice_of(options);
  source.pause = [](std::chrono::seconds duration) { std::this_thread::sleep_for(duration); };
  source.tell = [&progress](const Event& event) { progress.tell(event); };
  const UnixSeconds now = options.at ? *options.at : std::time(nullptr);
  OPENPCC_LET(const attest::Device device, collateral::staple(files.report, files.given, source, now));
  const Bytes bundle = attest::encode_platform(device);
  OPENPCC_LET(const attest::PlatformVerdict verdict, attest::verify_platform(std::vector<Bytes>{bundle}, now, {}));
  std::filesystem::path out = options.out;
  if (out.empty()) {
    out = files.report_file;
    out += ".bundle.json";
  }
  OPENPCC_TRY(replace_file(out, bundle));
  print_summary(options, out, verdict, progress.take());
  return {};
}

std::string_view remedy_of(std::string_view rule) {
  if (rule == "collateral.offline") return "run it again without --offline, or name the cache that has it with --cache";
  if (rule == "http.client.connect" || rule.starts_with("http.client.proxy")) {
    return "is there a way to it? HTTPS_PROXY and NO_PROXY count as they do for curl; --amd and --intel name a service of your own";
  }
  if (rule == "http.client.tls") return "who vouches for the server: --ca-file, SSL_CERT_FILE and SSL_CERT_DIR, or the system's store";
  if (rule == "fetch.timeout" || rule == "http.client.timeout") return "try again, or give it longer with --timeout";
  if (rule == "tdx.collateral.rollback") return "the service is behind, or somebody replays old answers; another --cache begins anew";
  if (rule == "collateral.report.none") return "name the report: outblob of configfs-tsm, or what /dev/sev-guest answered";
  if (rule.ends_with(".expired") || rule.ends_with(".early")) return "is the clock right? --at judges as of another time";
  return {};
}

// Only what is said of the evidence and its collateral decides between rejected, unsupported and malformed; the way there has one code.
int exit_code_of(const Error& error) {
  const std::string_view rule = error.rule.id();
  if (rule.starts_with("app.collateral.") || rule == "fetch.url") return kUsage;
  const bool of_evidence =
      std::ranges::any_of(std::initializer_list<std::string_view>{"collateral.", "snp.", "tdx.", "attest.", "platform."},
                          [&](std::string_view prefix) { return rule.starts_with(prefix); });
  if (!of_evidence) return kInternal;
  switch (error.code) {
    case Code::malformed:
    case Code::limit: return kMalformed;
    case Code::unsupported: return kUnsupported;
    case Code::rejected:
    case Code::verification_failed: return kReject;
    default: return kInternal;
  }
}

int finish(const char* command, const Result<>& result) {
  if (result) return kAccept;
  fmt::print(stderr, "openpcc collateral {}: {}\n", command, told(result.error()));
  const std::string_view remedy = remedy_of(result.error().rule.id());
  if (!remedy.empty()) fmt::print(stderr, "remedy: {}\n", remedy);
  return exit_code_of(result.error());
}

Result<> show_bundle(const CollateralShowOptions& options) {
  OPENPCC_LET(const Bytes bytes, read_bounded(options.file, attest::kEvidenceBytesMax));
  OPENPCC_LET(const attest::Device device, attest::parse_platform(bytes));
  const std::vector<Piece> pieces = pieces_of(device);
  if (options.json) {
    bj::array out;
    for (const Piece& piece : pieces) {
      bj::object entry{{"label", piece.label}, {"media_type", piece.media_type}, {"bytes", piece.bytes}, {"what", piece.what}};
      entry["valid_from"] = piece.window ? bj::value(utc_text(piece.window->from)) : bj::value();
      entry["valid_to"] = piece.window ? bj::value(utc_text(piece.window->to)) : bj::value();
      out.push_back(std::move(entry));
    }
    fmt::print("{}\n", bj::serialize(out));
    return {};
  }
  for (const Piece& piece : pieces) {
    const std::string window = piece.window ? utc_text(piece.window->from) + " to " + utc_text(piece.window->to) : "";
    fmt::print("{:<18} {:>6} bytes  {:<44} {}\n", piece.label, piece.bytes, window, piece.what);
  }
  fmt::print("Nothing was verified: openpcc verify does that.\n");
  return {};
}

}  // namespace

int run_collateral_fetch(const CollateralOptions& options) { return finish("fetch", fetch_bundle(options)); }

int run_collateral_show(const CollateralShowOptions& options) { return finish("show", show_bundle(options)); }

}  // namespace openpcc::app
