"""tools/rules.py finds every way in which a rule id stands in a source, and nothing else."""

import pytest
import rules

PARSER = r"""
#include "openpcc/wire/not.a_rule.h"
// fail(Code::malformed, "wire.comment") does not count, /* nor "wire.inner" */
/* nor "wire.block" */
namespace openpcc::wire {
Result<> one() { return fail(Code::malformed, "wire.1.plain", "detail of wire.nothing, 12'000"); }
Result<> two() {
  return fail(
      Code::limit,
      "wire.2."
      "split",
      std::string("more"));
}
constexpr Rule kNamed = "wire.3.named";
constexpr Rule kBraced{"other.4.braced"};
Result<> three(bool late) { return fail(Code::closed, late ? Rule("odd.5.late") : Rule("odd.5.early")); }
Result<> four(ByteSpan bytes) {
  ByteReader reader(bytes, "wire.6.reader");
  ChunkReader chunks(16, "wire.7.chunk", "wire.7.truncated");
  const auto quote = '"';
  const auto raw = R"(fail(Code::malformed, "wire.raw"))";
  log("reading wire.toml"), open("wire.toml"), host("example.invalid"), host("node.invalid");
}
void declare(Options& options) { options.add("wire.setting", setting, "wire.10.help"); }
const Row kRows[] = {{"wire.8.row", "expected"}, {"wire.9.row", "seen"}};
}
"""
IDS = {
    "wire.1.plain", "wire.2.split", "wire.3.named", "other.4.braced", "odd.5.late", "odd.5.early", "wire.6.reader",
    "wire.7.chunk", "wire.7.truncated", "wire.8.row", "wire.9.row", "wire.10.help",
}  # fmt: skip


@pytest.fixture
def repository(tree):
    return tree({
        "libs/wire/src/parser.cpp": PARSER,
        "libs/wire/test/parser_test.cpp": 'fail(Code::malformed, "wire.only_in_a_test");',
        "libs/wire/fuzz/parser.cpp": 'fail(Code::malformed, "wire.only_in_a_fuzzer");',
        "libs/node/src/empty.cpp": "",
        "apps/relay/main.cpp": 'return fail(Code::rejected, "relay.config.port");',
    })


def record(root, ids):
    path = root / "tripped"
    path.write_text("".join(f"{rule}\n" for rule in ids))
    return [path]


def test_finds_every_form_and_nothing_else(repository):
    assert set(rules.find(repository)) == IDS | {"relay.config.port"}


def test_names_the_place(repository):
    assert rules.find(repository)["wire.2.split"] == "libs/wire/src/parser.cpp:10"


def test_accepts_when_all_are_tripped(repository):
    complaints, count = rules.check(repository, record(repository, IDS | {"relay.config.port", "test.made_up"}))
    assert (complaints, count) == ([], 13)


def test_names_a_rule_that_no_test_trips(repository):
    complaints, _ = rules.check(repository, record(repository, IDS))
    assert complaints == ["no test trips relay.config.port (apps/relay/main.cpp:1)"]


def test_names_a_rule_that_no_source_has(repository):
    complaints, _ = rules.check(repository, record(repository, IDS | {"relay.config.port", "wire.gone"}))
    assert complaints == ["tests assert wire.gone, which no source has"]
