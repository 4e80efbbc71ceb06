#include "openpcc/tpm/appraise.h"

#include <algorithm>

#include "openpcc/appraisal/writer.h"
#include "openpcc/core/describe.h"

namespace openpcc::tpm {
namespace {

using appraisal::Aspect;
using appraisal::Writer;

// judge_nonce: a quote that answers no question was perhaps made long ago.
void judge_nonce(Writer& out, const Quote& quote, const Demands* demands) {
  constexpr Rule kRule = "tpm.nonce";
  const std::string seen = quote.extra_data.empty() ? "none" : to_hex(quote.extra_data);
  const std::string ask = "ask the TPM again with a nonce of your own";
  if (demands != nullptr) {
    return out.judge(Aspect::bound_data, kRule, quote.extra_data == demands->terms().nonce, false, to_hex(demands->terms().nonce), seen,
                     ask);
  }
  if (quote.extra_data.empty()) return out.refuse(Aspect::bound_data, kRule, "a nonce", seen, ask);
  out.leave(Aspect::bound_data, kRule, "", seen + "; nothing was given to compare with");
}

void judge_selection(Writer& out, const Quote& quote, const Demands* demands) {
  constexpr Rule kRule = "tpm.selection.unexpected";
  const std::string seen = text_of(quote.selections);
  if (demands == nullptr) return out.leave(Aspect::software, kRule, "", "quoted are " + seen);
  const Selections wanted{{demands->terms().bank, demands->selection()}};
  out.judge(Aspect::software, kRule, quote.selections == wanted, false, text_of(wanted), seen, "ask the TPM for exactly these PCRs");
}

void judge_values(Writer& out, const VerifiedQuote& verified, const Demands* demands) {
  constexpr Rule kRule = "tpm.pcr";
  if (demands == nullptr) return out.leave(Aspect::software, kRule, "", "no values were given to compare with");
  const Hash bank = demands->terms().bank;
  std::string good;
  for (const auto& [pcr, allowed] : demands->terms().pcrs) {
    const std::string name = "PCR " + std::to_string(pcr);
    const Bytes* value = verified.value(bank, pcr);
    if (value == nullptr || std::ranges::find(allowed, *value) == allowed.end()) {
      return out.refuse(Aspect::software, kRule,
                        name + " " + to_hex(allowed.front()) + (allowed.size() > 1 ? " or another of the policy's" : ""),
                        value == nullptr ? name + " was not quoted" : name + " " + to_hex(*value),
                        "run an allowed release, or allow this value once its source is known");
    }
    good += (good.empty() ? "" : ", ") + std::to_string(pcr);
  }
  out.pass(Aspect::software, kRule, "the policy's values", "PCR " + good + " of " + std::string(to_string(bank)));
}

void tell_clock(Writer& out, const Quote& quote) {
  const Clock& clock = quote.clock;
  out.leave(Aspect::platform, "tpm.signature", "",
            "boots " + std::to_string(clock.reset_count) + ", resumptions " + std::to_string(clock.restart_count) + ", clock " +
                std::to_string(clock.milliseconds) + " ms" + (clock.safe ? "" : ", which may have stood higher before") + ", firmware " +
                hex_number(quote.firmware_version));
}

// judge_restriction: a fingerprint covers the key alone, so that its public area is whatever the file says; a certificate also says what the key is for.
void judge_restriction(Writer& out, const AttestationKey& key, bool certified, bool known) {
  constexpr Rule kRule = "tpm.ak.attributes";
  const std::string expected = "a restricted signing key of one TPM";
  if (!key.attributes()) {
    return out.leave(Aspect::privilege, kRule, expected, certified ? "by its certificate's purpose" : "no public area was given");
  }
  const std::string seen = "attributes " + hex_number(key.attributes()->bits);
  if (certified && known) return out.pass(Aspect::privilege, kRule, expected, seen);
  out.leave(Aspect::privilege, kRule, expected, seen + ", by a file that nobody vouches for");
}

}  // namespace

Result<Demands> Demands::create(Terms terms) {
  if (terms.pcrs.empty()) return fail(Code::rejected, "tpm.pcr", "no PCR is expected");
  uint32_t listed = 0;
  for (const auto& [pcr, values] : terms.pcrs) {
    const bool sized = std::ranges::all_of(values, [&](const Bytes& value) { return value.size() == digest_bytes(terms.bank); });
    if (pcr >= kPcrs || values.empty() || !sized)
      return fail(Code::rejected, "tpm.pcr", "PCR " + std::to_string(pcr) + " without values of its bank");
    listed |= 1u << pcr;
  }
  if (terms.nonce.empty() || terms.nonce.size() > kNonceBytesMax)
    return fail(Code::rejected, "tpm.nonce", std::to_string(terms.nonce.size()) + " bytes");
  if (!terms.selection) terms.selection = listed;
  if ((listed & ~*terms.selection) != 0 || *terms.selection >> kPcrs != 0) {
    return fail(Code::rejected, "tpm.selection.unexpected", "it leaves out PCRs that are expected, or has some that are not there");
  }
  return Demands(std::move(terms));
}

appraisal::Findings appraise(const VerifiedQuote& verified, const Demands* demands) {
  Writer out;
  judge_nonce(out, verified.quote(), demands);
  judge_selection(out, verified.quote(), demands);
  judge_values(out, verified, demands);
  tell_clock(out, verified.quote());
  return out.take();
}

appraisal::Findings appraise_key(const AttestationKey& key, const CertifiedKey* certified, const std::set<crypto::Sha256Digest>& enrolled) {
  Writer out;
  constexpr const char* kExpected = "a key that a pinned root certifies, or that the policy lists";
  const std::string fingerprint = to_hex(key.fingerprint());
  if (certified != nullptr && certified->key.fingerprint() != key.fingerprint()) {
    out.refuse(Aspect::genuine, "tpm.ak.certificate", "a certificate of key " + fingerprint,
               "one of key " + to_hex(certified->key.fingerprint()), "give the certificate that belongs to the key");
    return out.take();
  }
  // A list says which keys count, whoever certified others.
  const bool listed = enrolled.contains(key.fingerprint());
  const bool known = enrolled.empty() ? certified != nullptr : listed;
  const std::string seen = "key " + fingerprint +
                           (certified != nullptr ? ", certified under " + certified->root
                            : listed             ? ", enrolled"
                                                 : "");
  out.judge(Aspect::genuine, "tpm.ak.unlisted", known, false, kExpected, seen,
            "give the key's certificates, or list its fingerprint once you know whose it is");
  if (certified != nullptr) out.leave(Aspect::revocation, "tpm.chain.expired", "revocation lists of its issuers", "no list is looked at");
  if (certified != nullptr && certified->instance) {
    const Instance& instance = *certified->instance;
    out.leave(Aspect::identity, "tpm.ak.unlisted", "",
              "instance " + instance.instance_name + " (" + std::to_string(instance.instance_id) + ") of project " + instance.project_id +
                  " in " + instance.zone + ", by its operator's word");
  }
  judge_restriction(out, key, certified != nullptr, known);
  return out.take();
}

}  // namespace openpcc::tpm
