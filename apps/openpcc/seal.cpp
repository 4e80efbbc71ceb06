// `openpcc seal` and `openpcc open`: the inner layer alone, for clients that bring an Oblivious HTTP layer of their own.
#include <fmt/format.h>

#include <ctime>

#include "commands.h"
#include "files.h"
#include "openpcc/client/app_request.h"
#include "openpcc/client/exchange.h"
#include "openpcc/crypto/random.h"
#include "openpcc/daemon/options.h"
#include "openpcc/directory/nodes.h"

namespace openpcc::app {
namespace {

constexpr size_t kAnswerBytesMax = 300u << 20;
constexpr UnixSeconds kBeginWithin_s = 300;

Result<std::vector<directory::NodePtr>> draw_nodes(const SealOptions& options, std::string_view model, UnixSeconds now, Random& random) {
  OPENPCC_LET(const Bytes text, read_bounded(options.policy, policy::kPolicyBytesMax));
  OPENPCC_LET(policy::Policy parsed, policy::parse(text));
  const auto policy = std::make_shared<const policy::Policy>(std::move(parsed));
  auto signature_file = options.bundle;
  signature_file += ".sig";
  OPENPCC_LET(const Bytes bundle, read_bounded(options.bundle, directory::kBundleBytesMax));
  OPENPCC_LET(const Bytes signature, read_bounded(signature_file, note::kNoteBytesMax));
  const policy::Requirements& required = policy::requirements(*policy);
  const directory::Trust trust{required.directory_key, required.beacon_key, required.deployment};
  OPENPCC_LET(const directory::VerifiedBundle verified, directory::verify_bundle(bundle, signature, trust, now, std::nullopt));
  directory::NodeSet nodes(policy);
  nodes.update(verified, now);
  return nodes.draw(model, options.recipients, {}, now, random);
}

Result<> seal(const SealOptions& options) {
  crypto::SystemRandom random;
  const UnixSeconds now = std::time(nullptr);
  OPENPCC_LET(Bytes request, read_bounded(options.request, envelope::kRequestBytesMax));
  const SecretBytes body = SecretBytes::adopt(std::move(request));
  OPENPCC_LET(const std::string model, client::model_of("application/json", body.reveal()));
  OPENPCC_LET(const auto nodes, draw_nodes(options, model, now, random));
  std::vector<envelope::Recipient> recipients;
  for (const directory::NodePtr& node : nodes) {
    envelope::Recipient recipient{node->node_id(), &node->key(), {}, std::nullopt};
    random.fill(recipient.salt.reveal_mutable());
    recipients.push_back(std::move(recipient));
  }
  const auto profile = envelope::parse_profile(options.profile);
  if (!profile) return fail(Code::rejected, "client.proxy.profile", "use low-latency, balanced or strict");
  bhttp::RequestHead head{"POST", "", "", options.path, {{"content-type", "application/json"}}};
  const client::SealOptions how{*profile, now + kBeginWithin_s};
  OPENPCC_LET(const client::SealedEnvelope sealed,
              client::seal_envelope(std::move(head), body.reveal(), std::move(recipients), how, random));
  const SecretBytes state = sealed.answer.reveal_for_export();
  OPENPCC_TRY(write_secret(options.state, as_bytes(to_base64(state.reveal()))));
  return replace_file(options.out, sealed.outer_body);
}

// print_all writes what has become readable. True: the answer is complete.
Result<bool> print_all(client::AnswerReader& reader) {
  for (;;) {
    const auto event = reader.next();
    OPENPCC_TRY(event);
    if (std::holds_alternative<bhttp::NeedMore>(*event)) return false;
    if (std::holds_alternative<bhttp::End>(*event)) return true;
    if (const auto* head = std::get_if<bhttp::ResponseHead>(&*event)) fmt::print(stderr, "status {}\n", head->status);
    if (const auto* content = std::get_if<bhttp::Content>(&*event)) fmt::print("{}", as_text(content->bytes));
  }
}

Result<> open(const OpenOptions& options) {
  OPENPCC_LET(const SecretBytes text, daemon::read_secret(options.state));
  OPENPCC_LET(Bytes decoded, from_base64(as_text(text.reveal())));
  const SecretBytes state = SecretBytes::adopt(std::move(decoded));
  OPENPCC_LET(envelope::AnswerOpener opener, envelope::AnswerOpener::restore(state.reveal()));
  OPENPCC_LET(const Bytes answer, read_bounded(options.answer, kAnswerBytesMax));
  client::AnswerReader reader(std::move(opener));
  OPENPCC_TRY(reader.feed(answer));
  OPENPCC_TRY(print_all(reader));
  OPENPCC_TRY(reader.end());
  OPENPCC_TRY(print_all(reader));
  return {};
}

int report(std::string_view command, const Result<>& result) {
  if (result) return kAccept;
  fmt::print(stderr, "openpcc {}: {}\n", command, describe(result.error()));
  switch (result.error().code) {
    case Code::malformed: return kMalformed;
    case Code::unsupported: return kUnsupported;
    case Code::internal: return kInternal;
    default: return kReject;
  }
}

}  // namespace

int run_seal(const SealOptions& options) { return report("seal", seal(options)); }
int run_open(const OpenOptions& options) { return report("open", open(options)); }

}  // namespace openpcc::app
