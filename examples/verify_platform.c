/* Judges the evidence of one machine through the C ABI of OpenPCC, and prints the verdict; its exit status is the verdict's outcome.
 *
 *   cc -std=c11 verify_platform.c -lopenpcc -o verify_platform
 *   ./verify_platform [--json] UNIX_SECONDS FILE...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openpcc.h"

static void check(openpcc_status status, const char *what) {
  if (status == OPENPCC_OK) return;
  fprintf(stderr, "verify_platform: %s: %s\n", what, openpcc_status_text(status));
  exit(1);
}

static void add_file(openpcc_evidence *evidence, const char *name) {
  static uint8_t bytes[OPENPCC_ITEM_BYTES_MAX + 1];
  FILE *file = fopen(name, "rb");
  if (file == NULL) {
    perror(name);
    exit(1);
  }
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  check(openpcc_evidence_add(evidence, bytes, size), name);
}

static void print_json(const openpcc_verdict *verdict) {
  size_t bytes = 0;
  check(openpcc_verdict_json(verdict, NULL, &bytes), "size of the JSON");
  char *text = malloc(bytes);
  if (text == NULL) exit(1);
  check(openpcc_verdict_json(verdict, text, &bytes), "JSON");
  puts(text);
  free(text);
}

static const char *text_of(const openpcc_verdict *verdict, size_t index, int32_t text) {
  const char *out = NULL;
  check(openpcc_verdict_finding_text(verdict, index, text, &out), "text of a finding");
  return out;
}

static void print_text(const openpcc_verdict *verdict, int32_t outcome) {
  const char *kind = NULL;
  int32_t genuine = 0, refuses = 0;
  int64_t from = 0, to = 0;
  size_t count = 0;
  check(openpcc_verdict_kind(verdict, &kind), "kind");
  check(openpcc_verdict_genuine(verdict, &genuine), "genuine");
  printf("outcome %" PRId32 ", genuine %" PRId32 ": %s\n", outcome, genuine, kind);
  const openpcc_status window = openpcc_verdict_window(verdict, &from, &to);
  if (window != OPENPCC_ERROR_ABSENT) {
    check(window, "window");
    printf("holds from %" PRId64 " to %" PRId64 "\n", from, to);
  }
  check(openpcc_verdict_finding_count(verdict, &count), "number of findings");
  for (size_t i = 0; i < count; ++i) {
    check(openpcc_verdict_finding_refuses(verdict, i, &refuses), "finding");
    printf("%s%s, %s (%s): %s\n", refuses != 0 ? "REFUSED " : "", text_of(verdict, i, OPENPCC_TEXT_ASPECT),
           text_of(verdict, i, OPENPCC_TEXT_STATE), text_of(verdict, i, OPENPCC_TEXT_RULE), text_of(verdict, i, OPENPCC_TEXT_SEEN));
    if (refuses == 0) continue;
    printf("  expected: %s\n", text_of(verdict, i, OPENPCC_TEXT_EXPECTED));
    printf("  remedy: %s\n", text_of(verdict, i, OPENPCC_TEXT_REMEDY));
  }
}

int main(int count, char **arguments) {
  const int json = count > 1 && strcmp(arguments[1], "--json") == 0;
  if (count < 3 + json) {
    fprintf(stderr, "usage: %s [--json] UNIX_SECONDS FILE...\n", arguments[0]);
    return 2;
  }
  openpcc_evidence *evidence = NULL;
  openpcc_demands *demands = NULL;
  openpcc_verdict *verdict = NULL;
  int32_t outcome = OPENPCC_OUTCOME_REJECT;

  if (openpcc_abi_version() < OPENPCC_ABI_VERSION) check(OPENPCC_ERROR_ARGUMENT, "the library is older than this program");
  check(openpcc_evidence_create(&evidence), "evidence");
  for (int i = 2 + json; i < count; ++i) add_file(evidence, arguments[i]);
  check(openpcc_demands_create(&demands), "demands");
  check(openpcc_verify_platform(evidence, demands, strtoll(arguments[1 + json], NULL, 10), &verdict), "verification");
  check(openpcc_verdict_outcome(verdict, &outcome), "outcome");
  if (json) {
    print_json(verdict);
  } else {
    print_text(verdict, outcome);
  }
  openpcc_verdict_free(verdict);
  openpcc_demands_free(demands);
  openpcc_evidence_free(evidence);
  return outcome;
}
