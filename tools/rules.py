#!/usr/bin/env python3
"""Rules: every refusal has an id in the sources, and every id has a test that trips exactly it.

  tools/rules.py list             prints the ids that stand in the sources, with the first place of each
  tools/rules.py check FILE...    compares them with the ids that tests recorded (testkit's EXPECT_RULE, OPENPCC_RULES_TRIPPED)

A rule id is "<prefix>.<word>[.<word>...]". Found are string literals of the C++ sources under libs/ and apps/ (not test/, fuzz/ and bench/)
that (a) stand in a call of fail(), (b) initialise a Rule, or (c) look like an id and start with the name of a library or program, wherever
they stand: arguments of readers, rows of verdict tables. Names of settings, options.add("sim.tcb", ...), are none. What else only looks like
an id is listed in NOT_RULES with the reason.
"""

import pathlib
import re
import sys

NOT_RULES = {
    "node.invalid": "the authority inside every envelope",
    "gateway.invalid": "an authority that never resolves",
}
# Ids that tests make up to test the machinery itself.
TEST_PREFIX = "test."

ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+\Z")
FILE_LIKE = re.compile(r".*\.(toml|json|sig|txt|html|js|css|sock|key|crt|pub|note|log|db|bin|md|py)\Z")
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/                                     # comments
      | R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)" # raw strings
      | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
      | [A-Za-z_]\w* | \d(?:'?[\w.])* | ::|\S""",
    re.VERBOSE | re.DOTALL,
)
EXCLUDED = {"test", "fuzz", "bench"}


def tokens(text):
    """Yields (token, line) without comments and #include lines; adjacent string literals are joined, as the compiler does."""
    text = re.sub(r"^[ \t]*#[ \t]*include[^\n]*", "", text, flags=re.MULTILINE)
    pending = None
    line, counted = 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        token = match.group()
        if token.startswith(("//", "/*")):
            continue
        if token.startswith('"'):
            pending = (pending[0][:-1] + token[1:], pending[1]) if pending else (token, line)
            continue
        if pending:
            yield pending
            pending = None
        yield token, line
    if pending:
        yield pending


def literals(text):
    """Yields (literal, line, context): context is "fail", "Rule" or "" for what encloses or introduces it, "setting" for the name of one."""
    stack = []  # the name before each open bracket
    previous, before = "", ""
    for token, line in tokens(text):
        if token.startswith('"'):
            if stack and stack[-1] == "fail":
                context = "fail"
            elif stack and stack[-1] == "add" and previous == "(":
                context = "setting"
            elif "Rule" in (before, stack[-1] if stack else ""):
                context = "Rule"
            else:
                context = ""
            yield token[1:-1], line, context
        elif token in "([{":
            # `Rule name = {`, `Rule{` and `Rule name{` alike belong to Rule; `fail(` to fail.
            stack.append(previous if previous in ("fail", "Rule", "add") else "Rule" if before == "Rule" else "")
        elif token in ")]}":
            if stack:
                stack.pop()
        # `Rule name = "..."`: remember the type over the name and the sign.
        if token == "Rule":
            before = "Rule"
        elif token in (";", ",", ")", "(", "{", "}"):
            before = ""
        previous = token
    return


def sources(root):
    for top in ("libs", "apps"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cpp") and not EXCLUDED & set(path.relative_to(root).parts):
                yield path


def prefixes(root):
    """The first words of ids: names of libraries and of folders of programs."""
    return {path.name for top in ("libs", "apps") for path in (root / top).glob("*") if path.is_dir()}


def find(root):
    """Returns {id: "file:line"} of the sources below `root`."""
    known = prefixes(root)
    found = {}
    for path in sources(root):
        for literal, line, context in literals(path.read_text(encoding="utf-8")):
            if not ID.match(literal) or literal in NOT_RULES or context == "setting":
                continue
            by_name = literal.split(".")[0] in known and not FILE_LIKE.match(literal)
            if context or by_name:
                found.setdefault(literal, f"{path.relative_to(root)}:{line}")
    return found


def tripped(files):
    """Returns the ids recorded by the tests, without those made up by tests."""
    lines = (line.strip() for file in files for line in pathlib.Path(file).read_text().splitlines())
    return {line for line in lines if line and not line.startswith(TEST_PREFIX)}


def check(root, files):
    """Returns the complaints, one per line."""
    found, seen = find(root), tripped(files)
    complaints = [f"no test trips {rule} ({found[rule]})" for rule in sorted(set(found) - seen)]
    return complaints + [f"tests assert {rule}, which no source has" for rule in sorted(seen - set(found))], len(found)


def main(arguments):
    root = pathlib.Path(__file__).resolve().parent.parent
    if arguments == ["list"]:
        for rule, place in sorted(find(root).items()):
            print(f"{rule:40} {place}")
        return 0
    if len(arguments) >= 2 and arguments[0] == "check":
        complaints, count = check(root, arguments[1:])
        for complaint in complaints:
            print(f"rules: {complaint}")
        print(f"rules: {count} in the sources, {len(complaints)} complaints")
        return 1 if complaints or count == 0 else 0
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
