#include <algorithm>
#include <map>

#include "openpcc/attest/hardware_types.h"
#include "openpcc/attest/items.h"
#include "openpcc/collect/gpu.h"
#include "openpcc/collect/shelf.h"
#include "openpcc/nvgpu/choose.h"
#include "openpcc/nvgpu/compare.h"

namespace openpcc::collect {
namespace {

using attest::PlatformItem;
using attest::Recognised;
using Chain = std::vector<x509::Certificate>;

// Kept are manifests that hold now, each beside its bytes.
struct Kept {
  std::vector<nvgpu::VerifiedManifest> manifests;
  std::vector<ByteSpan> documents;
};

Kept manifests_among(std::span<const Recognised> items, UnixSeconds now) {
  Kept out;
  for (const ByteSpan document : attest::all_of(items, PlatformItem::nvidia_manifest)) {
    auto manifest = nvgpu::verify_manifest(document, {}, now);
    if (!manifest.verified) continue;
    out.manifests.push_back(std::move(*manifest.verified));
    out.documents.push_back(document);
  }
  return out;
}

// names are those under which NVIDIA publishes the manifests of a device.
std::string names(const nvgpu::VerifiedReport& verified) {
  using nvgpu::Field;
  const nvgpu::Report& report = verified.report();
  std::string vbios = report.vbios_version;
  std::erase(vbios, '.');
  return "NV_GPU_DRIVER_" + verified.device().chip + "_" + report.driver_version.value_or("") + ", NV_GPU_VBIOS_" +
         report.text(Field::project) + "_" + report.text(Field::project_sku) + "_" + report.text(Field::chip_sku) + "_" + vbios;
}

// labelled names a statement by its bytes, so that the same of several GPUs stands under one label, and once in their evidence.
std::string labelled(std::string_view kind, ByteSpan statement) {
  return std::string(kind) + to_hex(ByteSpan(crypto::sha256(statement)).first(8));
}

attest::Item item_of(std::string_view type, ByteSpan bytes) { return {std::string(type), Bytes(bytes.begin(), bytes.end())}; }

// Statements are answers and lists by what they are about: of several the newest, since a verifier refuses whatever is too old to count.
class Statements {
 public:
  explicit Statements(std::span<const Chain> chains) : chains_(chains) {}

  // take keeps a statement that is about a certificate of the chains.
  void take(const Recognised& item) {
    const auto* response = item.as<x509::OcspResponse>();
    const auto* list = item.as<x509::Crl>();
    for (const Chain& chain : chains_) {
      if (response != nullptr) offer(answers_, nvgpu::about(*response, chain), response->window().from, item.bytes);
      if (list != nullptr) offer(lists_, nvgpu::about(*list, chain), list->window().from, item.bytes);
    }
  }

  void put_into(attest::Device& device) const {
    for (const auto& [about, newest] : answers_)
      device.collateral[labelled("ocsp-", newest.item)] = item_of(attest::kOcspType, newest.item);
    for (const auto& [about, newest] : lists_) device.collateral[labelled("crl-", newest.item)] = item_of(attest::kCrlType, newest.item);
  }

 private:
  struct Newest {
    UnixSeconds said;
    ByteSpan item;
  };
  using ByWhat = std::map<crypto::Sha256Digest, Newest>;
  static void offer(ByWhat& all, const x509::Certificate* about, UnixSeconds said, ByteSpan item) {
    if (about == nullptr) return;
    const auto [place, first] = all.try_emplace(crypto::sha256(about->der()), Newest{said, item});
    if (!first && said > place->second.said) place->second = {said, item};
  }

  std::span<const Chain> chains_;
  ByWhat answers_, lists_;
};

}  // namespace

Result<attest::Device> staple_gpu(const Collected& collected, std::span<const Bytes> items, UnixSeconds now) {
  if (collected.beside.size() != 1) return fail(Code::malformed, "collect.gpu.report", "a report without its chain");
  const Bytes& pem = collected.beside.front();
  const auto genuine = nvgpu::verify(collected.report.bytes, pem, {}, now);
  if (!genuine.verified) return fail(genuine.failures.front().code, "collect.gpu.report", describe(genuine.failures.front()));
  const std::vector<Recognised> recognised = attest::read_items(items);
  const Kept kept = manifests_among(recognised, now);
  const nvgpu::Software software = nvgpu::measure(*genuine.verified, kept.manifests);
  if (!software.complete(genuine.verified->device())) {
    return fail(Code::unavailable, "collect.staple.missing", "manifests that hold now and match the GPU: " + names(*genuine.verified));
  }
  if (!software.failures.empty()) return fail(Code::rejected, "collect.gpu.report", describe(software.failures.front()));
  const auto document = [&](const nvgpu::VerifiedManifest* manifest) {
    return kept.documents[static_cast<size_t>(manifest - kept.manifests.data())];
  };
  attest::Device out{collected.report, {{std::string(attest::kPemType), pem}}, {}};
  std::vector<Chain> chains;
  chains.push_back(*nvgpu::read_chain(pem));
  for (const auto& [name, manifest] :
       {std::pair("driver-manifest", software.driver_manifest), std::pair("vbios-manifest", software.vbios_manifest)}) {
    if (manifest == nullptr) continue;
    out.collateral[name] = item_of(attest::kXmlType, document(manifest));
    chains.push_back(nvgpu::certificates_of_manifest(document(manifest)));
  }
  Statements statements(chains);
  for (const Recognised& item : recognised) statements.take(item);
  statements.put_into(out);
  return out;
}

GpuStaple gpu_staple_from(std::filesystem::path folder, const Clock& clock) {
  return [folder = std::move(folder), &clock](const Collected& collected) -> Result<attest::Device> {
    std::vector<Bytes> items;
    if (!folder.empty()) {
      OPENPCC_LET(items, read_folder(folder, FolderFor::gpu));
    }
    return staple_gpu(collected, items, clock.now());
  };
}

}  // namespace openpcc::collect
