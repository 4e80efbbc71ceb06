#include "collector.h"

#include <ctime>
#include <thread>

#include "openpcc/collateral/staple.h"
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/outgoing.h"
#include "openpcc/daemon/tls.h"
#include "openpcc/fetch/file_store.h"
#include "openpcc/fetch/http_fetcher.h"
#include "openpcc/fetch/local_service.h"
#include "openpcc/http/loop.h"
#include "openpcc/policy/pcrs.h"

namespace openpcc::app {
namespace {

void sleep_for(std::chrono::seconds duration) { std::this_thread::sleep_for(duration); }

// Vendor completes reports with what AMD and Intel answer, or answered before.
class Vendor {
 public:
  static Result<std::shared_ptr<Vendor>> open(const CollectorSettings& settings) {
    const daemon::Environment environment = daemon::current_environment();
    daemon::TlsSettings tls;
    tls.ca_file = settings.collateral_ca_file;
    fetch::HttpSettings http;
    http.amd_url = settings.amd_url;
    http.intel_url = settings.intel_url;
    OPENPCC_LET(http.tls, tls.client(environment));
    OPENPCC_LET(http.proxies, daemon::OutgoingSettings{}.rules(environment));
    auto out = std::make_shared<Vendor>();
    OPENPCC_LET(out->store_, fetch::FileStore::open(settings.collateral_cache));
    OPENPCC_LET(out->fetcher_, fetch::HttpFetcher::create(std::move(http)));
    return out;
  }

  Result<attest::Device> complete(const collect::Collected& collected) {
    collateral::Source source;
    source.fetcher = fetcher_.get();
    source.store = store_.get();
    source.pause = &sleep_for;
    return collateral::staple(collected.report.bytes, collected.beside, source, std::time(nullptr));
  }

 private:
  std::unique_ptr<fetch::FileStore> store_;
  std::unique_ptr<fetch::HttpFetcher> fetcher_;
};

}  // namespace

void CollectorSettings::declare(daemon::Options& options) {
  options.add("evidence", evidence,
              "where the CPU's report comes from: auto, configfs-tsm, sev-guest, azure, tdx-guest, or replay:FOLDER, a recording that no "
              "client accepts");
  options.add("tpm_device", tpm_device, "azure: the TPM that the paravisor gives the machine; a device, or as tpm2-tss names TPMs");
  options.add("azure_pcrs", azure_pcrs, "azure: the PCRs that its quote covers, exactly those of the clients' policies");
  options.add("azure_quote_url", azure_quote_url, "azure, on TDX: the service of the host that makes quotes");
  options.add("collateral_dir", collateral_dir,
              "folder with certificates, revocation lists and Intel's documents that go into the evidence, read whenever a key is made");
  options.add("collateral_cache", collateral_cache,
              "folder where AMD's and Intel's answers are kept: with it, in place of collateral_dir, the node asks their services itself");
  options.add("collateral_ca_file", collateral_ca_file, "authorities that vouch for those services; the system's without it");
  options.add("amd_url", amd_url, "a service in place of AMD's");
  options.add("intel_url", intel_url, "a service in place of both of Intel's");
  options.add(
      "gpus", gpus, daemon::Choices{"auto", "nvidia", "none"},
      "whose reports stand beside the CPU's: auto: NVIDIA's where its driver is installed; none: what computes on a GPU is not shown");
  options.add("nvml_library", nvml_library, "NVIDIA's management library, where it is not found by its name");
  options.add("gpu_manifest_dir", gpu_manifest_dir, "folder with NVIDIA's manifests of driver and VBIOS, and OCSP responses");
}

Result<collect::Staple> CollectorSettings::staple() const {
  if (collateral_cache.empty()) return collect::staple_from(collateral_dir);
  if (!collateral_dir.empty()) {
    return fail(Code::rejected, "node.config.collateral",
                "collateral_dir: files of yours; collateral_cache: asked for. Name one of the two");
  }
  OPENPCC_LET(const std::shared_ptr<Vendor> vendor, Vendor::open(*this));
  return [vendor](const collect::Collected& collected) { return vendor->complete(collected); };
}

Result<collect::AzureMeans> CollectorSettings::azure_means() const {
  const std::optional<uint32_t> pcrs = policy::read_pcrs(azure_pcrs);
  if (!pcrs) return fail(Code::rejected, "node.config.azure_pcrs", "azure_pcrs must name " + std::string(policy::kPcrsForm));
  OPENPCC_LET(std::shared_ptr<fetch::LocalService> service, fetch::LocalService::create(azure_quote_url));
  collect::AzureMeans out;
  out.device = tpm_device;
  out.pcrs = *pcrs;
  out.quote_service = collect::quote_service_by(
      [service = std::move(service)](ByteSpan body) { return service->post(body, collect::kQuoteAnswerBytesMax); });
  out.pause = &sleep_for;
  return out;
}

Result<> CollectorSettings::add_gpus(collect::Machine& machine) const {
  const bool automatic = gpus == "auto";
  if (gpus == "none" || (automatic && machine.source().recorded())) return {};
  auto source = collect::open_nvml(nvml_library.empty() ? std::filesystem::path(collect::kNvmlLibrary) : nvml_library);
  if (!source && automatic && source.error().rule == Rule("collect.nvml.absent")) return {};
  if (!source) return std::unexpected(std::move(source).error());
  static const http::SystemClock clock;
  machine.add_gpus(std::move(*source), collect::gpu_staple_from(gpu_manifest_dir, clock));
  return {};
}

Result<std::shared_ptr<collect::Machine>> CollectorSettings::make_tee() const {
  // A call to the machine may still run while the program ends.
  static collect::Linux linux_kernel;
  static crypto::SystemRandom random;
  OPENPCC_LET(collect::Staple completed, staple());
  OPENPCC_LET(collect::AzureMeans azure, azure_means());
  OPENPCC_LET(std::unique_ptr<collect::Source> source, collect::open_source(evidence, {linux_kernel, random, std::move(azure)}));
  auto machine = std::make_shared<collect::Machine>(std::move(source), std::move(completed));
  OPENPCC_TRY(add_gpus(*machine));
  attest::Binding of_nothing;  // no claims have this B
  attest::GpuNonce nonce;
  random.fill(of_nothing);
  random.fill(nonce);
  OPENPCC_TRY(machine->cpu_quote(of_nothing));
  for (size_t rank = 0; rank < machine->gpu_count(); ++rank) {
    OPENPCC_TRY(machine->gpu_report(rank, nonce));
  }
  return machine;
}

}  // namespace openpcc::app
