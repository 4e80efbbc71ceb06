/* OpenPCC's verifier of platform and node evidence, for programs in any language.
 *
 * Pure: it reads what it is given, and no network, file or clock. The caller says what time it is.
 *
 * Calls      Every call that can fail returns a status: OPENPCC_OK (0) or a negative OPENPCC_ERROR_*. What it gives back goes through pointers;
 *            a call that fails leaves there what refuses: NULL, 0, OPENPCC_OUTCOME_REJECT. Any call may fail with ARGUMENT, MEMORY or INTERNAL.
 *            Evidence that is bad is no failure: it has a verdict, which says what is wrong.
 * Handles    Opaque. Made by *_create and openpcc_verify_*, released once by the matching *_free, which takes NULL too.
 * Bytes      Borrowed for the call, copied where they are kept.
 * Strings    UTF-8, ending with NUL. Those given back belong to the handle they were asked of and end with it.
 * Threads    Different handles may be used at the same time; so may one, by calls that take it as const.
 * Versions   Nothing is taken away or changed while the library is called libopenpcc.so.0: numbers keep their meaning, and what is added raises
 *            openpcc_abi_version(). Be ready for numbers that this header does not have.
 */
#ifndef OPENPCC_H
#define OPENPCC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OPENPCC_API __attribute__((visibility("default")))
#else
#define OPENPCC_API
#endif

/* The ABI that this header describes. A library with openpcc_abi_version() >= OPENPCC_ABI_VERSION has all of it. */
#define OPENPCC_ABI_VERSION 1u

#define OPENPCC_ITEMS_MAX 32u           /* items of one platform's evidence */
#define OPENPCC_ITEM_BYTES_MAX 1048576u /* of each of them */
#define OPENPCC_MEASUREMENTS_MAX 1024u  /* that one demands handle expects */
#define OPENPCC_REPORT_DATA_BYTES 64u
#define OPENPCC_NONCE_BYTES 32u
#define OPENPCC_NODE_EVIDENCE_BYTES_MAX 524288u
#define OPENPCC_POLICY_BYTES_MAX 1048576u
#define OPENPCC_BEACON_BYTES_MAX 65536u
#define OPENPCC_BEACONS_MAX 64u
#define OPENPCC_UNIX_SECONDS_MAX 253402300799 /* the end of the year 9999 */

typedef int32_t openpcc_status;
enum {
  OPENPCC_OK = 0,
  OPENPCC_ERROR_ARGUMENT = -1, /* NULL where something must be, or a number or size out of range */
  OPENPCC_ERROR_LIMIT = -2,    /* more, or larger, than OPENPCC_*_MAX */
  OPENPCC_ERROR_BUFFER = -3,   /* the caller's buffer is too small */
  OPENPCC_ERROR_MEMORY = -4,   /* no memory */
  OPENPCC_ERROR_INTERNAL = -5, /* a fault of the library's: judge nothing by it */
  OPENPCC_ERROR_REFUSED = -6,  /* a policy or a beacon is not acceptable; the reason says why */
  OPENPCC_ERROR_ABSENT = -7    /* the verdict does not have it */
};

/* Outcomes of a verdict: the exit codes of `openpcc verify`. Anything but OPENPCC_OUTCOME_ACCEPT is a refusal to a program that wants hardware. */
enum {
  OPENPCC_OUTCOME_ACCEPT = 0,
  OPENPCC_OUTCOME_ACCEPT_SIMULATED = 3, /* a development policy, and software that plays the TEE: proves nothing about hardware */
  OPENPCC_OUTCOME_REJECT = 10,
  OPENPCC_OUTCOME_UNSUPPORTED = 20, /* of a kind that this verifier does not know */
  OPENPCC_OUTCOME_MALFORMED = 30    /* not evidence */
};

/* What was found of one property. */
enum {
  OPENPCC_STATE_PASSED = 0,
  OPENPCC_STATE_FAILED = 1,
  OPENPCC_STATE_NOT_CHECKED = 2, /* nothing to check it with, or an exception of the policy */
  OPENPCC_STATE_NOT_PROVABLE = 3 /* no evidence that exists today shows it */
};

/* AMD's product lines, as bits. */
enum { OPENPCC_SNP_MILAN = 1, OPENPCC_SNP_GENOA = 2, OPENPCC_SNP_TURIN = 4 };

/* Texts of a finding. */
enum {
  OPENPCC_TEXT_ASPECT = 0,   /* "tcb": what was judged; of a node's evidence the property */
  OPENPCC_TEXT_STATE = 1,    /* "not_checked": the state's name */
  OPENPCC_TEXT_RULE = 2,     /* "snp.tcb.minimum": the rule that refused, or was applied; stable, for searching */
  OPENPCC_TEXT_EXPECTED = 3, /* for people; may be empty */
  OPENPCC_TEXT_SEEN = 4,     /* likewise */
  OPENPCC_TEXT_REMEDY = 5    /* likewise: what to do about it */
};

typedef struct openpcc_evidence openpcc_evidence;
typedef struct openpcc_demands openpcc_demands;
typedef struct openpcc_node_demands openpcc_node_demands;
typedef struct openpcc_verdict openpcc_verdict;

/* openpcc_version: the release, "0.1.0". openpcc_abi_version: see OPENPCC_ABI_VERSION. */
OPENPCC_API const char *openpcc_version(void);
OPENPCC_API uint32_t openpcc_abi_version(void);
/* openpcc_status_text: a status in a few English words; never NULL. */
OPENPCC_API const char *openpcc_status_text(openpcc_status status);

/* ---- Evidence of a platform: one report or quote, and all that vouches for it, in any order. Items are recognised by their bytes:
 *
 *   AMD SEV-SNP   the report; VCEK or VLEK, ASK or ASVK, ARK (DER, PEM, or the host's table of them); the revocation list (DER)
 *   Intel         the quote of a TD or enclave; TCB info and QE identity; their signer's chain (PEM); the PCK's and the root's lists (DER)
 *   NVIDIA        the reports of a machine's GPUs and switches; each one's chain (PEM); manifests (XML); OCSP responses and lists (DER)
 *   AWS Nitro     the attestation document of an enclave or of NitroTPM, which brings its chain
 *   Azure         the paravisor's report of a confidential VM, what vouches for its machine (as above, with a TD's quote), and its vTPM's quote with
 *                 signature and PCR values
 *   TPM           the quote; its signature and key, or the key's certificates; PCR values (JSON); the event log
 *
 * docs/evidence.md says where each comes from. Every item counts: one that vouches for nothing is a refusal. */
OPENPCC_API openpcc_status openpcc_evidence_create(openpcc_evidence **out);
/* openpcc_evidence_add copies `size` bytes, 1 to OPENPCC_ITEM_BYTES_MAX. LIMIT: too large, or OPENPCC_ITEMS_MAX are there already. */
OPENPCC_API openpcc_status openpcc_evidence_add(openpcc_evidence *evidence, const uint8_t *bytes, size_t size);
OPENPCC_API void openpcc_evidence_free(openpcc_evidence *evidence);

/* ---- What is demanded of a platform. Strict as it is made: no debugging, no migration, committed firmware, current TCB (Intel), and so on.
 * Not known to it are the software that should run, what the report was made for, and AMD's minimum TCB: say them, or the verdict has them
 * "not_checked", and ACCEPT says no more than that some genuine machine made this report for some purpose. */
OPENPCC_API openpcc_status openpcc_demands_create(openpcc_demands **out);
/* openpcc_demands_expect_measurement: MEASUREMENT, MRTD or PCR0 of a Nitro document (48 bytes), or MRENCLAVE (32 bytes), must be this or another one
 * that was so added. */
OPENPCC_API openpcc_status openpcc_demands_expect_measurement(openpcc_demands *demands, const uint8_t *bytes, size_t size);
/* openpcc_demands_expect_report_data: REPORT_DATA, user_data of a Nitro document, or user-data of an Azure VM must be these bytes, `size` = OPENPCC_REPORT_DATA_BYTES. The last call counts. */
OPENPCC_API openpcc_status openpcc_demands_expect_report_data(openpcc_demands *demands, const uint8_t *bytes, size_t size);
/* openpcc_demands_expect_nonce: NVIDIA's devices must have been asked with these bytes, `size` = OPENPCC_NONCE_BYTES. The last call counts. */
OPENPCC_API openpcc_status openpcc_demands_expect_nonce(openpcc_demands *demands, const uint8_t *bytes, size_t size);
/* openpcc_demands_require_manifests: NVIDIA's devices must have measured what signed manifests say, of GPUs of driver and VBIOS. */
OPENPCC_API openpcc_status openpcc_demands_require_manifests(openpcc_demands *demands);
/* openpcc_demands_require_revocation: AMD's revocation list and NVIDIA's OCSP responses must be there. Intel's lists are always needed. */
OPENPCC_API openpcc_status openpcc_demands_require_revocation(openpcc_demands *demands);
/* openpcc_demands_snp_products: the lines that are taken, OPENPCC_SNP_* added up, at least one. All, where this is not called. */
OPENPCC_API openpcc_status openpcc_demands_snp_products(openpcc_demands *demands, uint32_t products);
/* openpcc_demands_snp_min_tcb: no component of REPORTED, COMMITTED and LAUNCH may be below, on machines of this one line. `fmc` is Turin's
 * alone and 0 for the others. The last call for a line counts. */
typedef struct openpcc_snp_tcb {
  uint8_t fmc, boot_loader, tee, snp, microcode;
} openpcc_snp_tcb;
OPENPCC_API openpcc_status openpcc_demands_snp_min_tcb(openpcc_demands *demands, uint32_t product, const openpcc_snp_tcb *min);
OPENPCC_API void openpcc_demands_free(openpcc_demands *demands);

/* openpcc_verify_platform judges evidence as of `unix_seconds`, 0 to OPENPCC_UNIX_SECONDS_MAX. OPENPCC_OK: there is a verdict, good or bad. */
OPENPCC_API openpcc_status openpcc_verify_platform(const openpcc_evidence *evidence, const openpcc_demands *demands, int64_t unix_seconds,
                                                   openpcc_verdict **out);

/* ---- A node's evidence, which binds its keys to its platform, under a policy (spec/evidence.md).
 *
 * A call that may be REFUSED writes why, "policy.kind: ...", to `reason`: at most `reason_bytes` with the NUL, cut to fit, and nothing where both
 * are 0. */

/* openpcc_node_demands_create reads a policy: `size` bytes of TOML, at most OPENPCC_POLICY_BYTES_MAX. */
OPENPCC_API openpcc_status openpcc_node_demands_create(const uint8_t *toml, size_t size, openpcc_node_demands **out, char *reason,
                                                       size_t reason_bytes);
/* openpcc_node_demands_add_beacon adds a recent freshness beacon, a signed note of at most OPENPCC_BEACON_BYTES_MAX bytes. Evidence that was made
 * after none of those added is rejected. At most OPENPCC_BEACONS_MAX. */
OPENPCC_API openpcc_status openpcc_node_demands_add_beacon(openpcc_node_demands *demands, const uint8_t *note, size_t size, char *reason,
                                                           size_t reason_bytes);
OPENPCC_API void openpcc_node_demands_free(openpcc_node_demands *demands);
/* openpcc_verify_node judges an evidence bundle of 1 to OPENPCC_NODE_EVIDENCE_BYTES_MAX bytes; otherwise as openpcc_verify_platform. */
OPENPCC_API openpcc_status openpcc_verify_node(const uint8_t *evidence, size_t size, const openpcc_node_demands *demands,
                                               int64_t unix_seconds, openpcc_verdict **out);

/* ---- The verdict. */

/* openpcc_verdict_outcome: one of OPENPCC_OUTCOME_*. */
OPENPCC_API openpcc_status openpcc_verdict_outcome(const openpcc_verdict *verdict, int32_t *out);
/* openpcc_verdict_genuine: 1 where the signatures lead to the maker's root now, acceptable or not; of a node's evidence, where it is accepted and
 * not simulated. Otherwise 0. Decide by the outcome: a debug guest is genuine. */
OPENPCC_API openpcc_status openpcc_verdict_genuine(const openpcc_verdict *verdict, int32_t *out);
/* openpcc_verdict_kind: "AMD SEV-SNP report, version 5, Genoa"; empty where nothing was recognised. */
OPENPCC_API openpcc_status openpcc_verdict_kind(const openpcc_verdict *verdict, const char **out);
/* openpcc_verdict_window: from when to when, in Unix seconds, all that was signed holds. ABSENT: not all was verified, or it is a node's. */
OPENPCC_API openpcc_status openpcc_verdict_window(const openpcc_verdict *verdict, int64_t *from, int64_t *to);

/* Findings, one to each property and first what matters most, numbered from 0. ARGUMENT: no such finding, or no such text. */
OPENPCC_API openpcc_status openpcc_verdict_finding_count(const openpcc_verdict *verdict, size_t *out);
/* openpcc_verdict_finding_state: one of OPENPCC_STATE_*. */
OPENPCC_API openpcc_status openpcc_verdict_finding_state(const openpcc_verdict *verdict, size_t index, int32_t *out);
/* openpcc_verdict_finding_refuses: 1 where the finding stands in the way of being accepted, otherwise 0. */
OPENPCC_API openpcc_status openpcc_verdict_finding_refuses(const openpcc_verdict *verdict, size_t index, int32_t *out);
/* openpcc_verdict_finding_text: one of OPENPCC_TEXT_*. */
OPENPCC_API openpcc_status openpcc_verdict_finding_text(const openpcc_verdict *verdict, size_t index, int32_t text, const char **out);

/* openpcc_verdict_json copies the verdict as `openpcc verify -o json` prints it. `*bytes` is the size of `buffer`, and becomes the size needed,
 * with the NUL. `buffer` NULL asks for that size alone. BUFFER: nothing was copied. */
OPENPCC_API openpcc_status openpcc_verdict_json(const openpcc_verdict *verdict, char *buffer, size_t *bytes);
OPENPCC_API void openpcc_verdict_free(openpcc_verdict *verdict);

#ifdef __cplusplus
}
#endif

#endif
