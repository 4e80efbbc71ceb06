// Which URLs are taken. What servers do is in tests/e2e/test_collateral.py.
#include "openpcc/fetch/http_fetcher.h"

#include "openpcc/testkit/testkit.h"

namespace openpcc::fetch {
namespace {

using collateral::Kind;
using collateral::Request;
using collateral::Service;

const Request kRequest{Service::amd_kds, Kind::revocation_list, "/vcek/v1/Milan/crl", "it"};

Result<std::unique_ptr<HttpFetcher>> in_place_of_amd(std::string url) {
  HttpSettings settings;
  settings.amd_url = std::move(url);
  return HttpFetcher::create(std::move(settings));
}

Result<std::unique_ptr<HttpFetcher>> in_place_of_intel(std::string url) {
  HttpSettings settings;
  settings.intel_url = std::move(url);
  return HttpFetcher::create(std::move(settings));
}

TEST(HttpFetcher, urls) {
  for (const char* url : {"http://example.org", "ftp://127.0.0.1:1", "unix:/x", "example.org", "https://"}) {
    EXPECT_RULE(in_place_of_amd(url), "fetch.url") << url;
    EXPECT_RULE(in_place_of_intel(url), "fetch.url") << url;
  }
  for (const char* url : {"https://example.org/base", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"}) {
    EXPECT_OK(in_place_of_amd(url)) << url;
  }
  const auto own = HttpFetcher::create({});
  ASSERT_OK(own);
  EXPECT_EQ((*own)->url(kRequest), "https://kdsintf.amd.com:443/vcek/v1/Milan/crl");
  const auto named = in_place_of_intel("https://pccs.example:8081/intel");
  ASSERT_OK(named);
  for (const Service service : {Service::intel_pcs, Service::intel_certificates}) {
    EXPECT_EQ((*named)->url({service, Kind::revocation_list, "/x", ""}), "https://pccs.example:8081/intel/x");
  }
  EXPECT_EQ((*named)->url(kRequest), "https://kdsintf.amd.com:443/vcek/v1/Milan/crl");
}

TEST(HttpFetcher, nobody_listens) {
  const auto fetcher = in_place_of_amd("http://127.0.0.1:1");
  ASSERT_OK(fetcher);
  const auto answer = (*fetcher)->fetch(kRequest);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().rule.id(), "http.client.connect");
  EXPECT_NE(answer.error().detail.find("http://127.0.0.1:1/vcek/v1/Milan/crl"), std::string::npos);
  EXPECT_EQ((*fetcher)->fetch(kRequest).error().rule.id(), "http.client.connect") << "a second time";
}

}  // namespace
}  // namespace openpcc::fetch
