#!/usr/bin/env python3
"""Checks of the tree that need no compiler: tools/check_tree.py [ROOT] prints one complaint per line and fails when there is any.

  arrows    a library includes and links only what tools/layers.toml allows; third-party headers and those that reach the outside world
            stand only where the table says
  shape     a library has a README of at most a screen; CMake names its files one by one
  text      no unfinished work, no path of somebody's machine, no suppressed warning without its reason, no stray white space, no link to
            a file that is not there
"""

import os
import pathlib
import re
import sys
import tomllib

SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__", ".pytest_cache", "corpus", "vectors"}
TEXT_SUFFIXES = {".h", ".c", ".cpp", ".py", ".sh", ".md", ".txt", ".toml", ".cmake", ".json", ".yml", ".yaml", ".html", ".js", ".mjs", ".ts", ".conf", ".in", ""}
README_LINES_MAX = 60

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
DEFINITION = re.compile(r"\bopenpcc_(library|program)\(\s*([\w-]+)([^)]*)\)")
LINKED = re.compile(r"\bopenpcc(?:::|_)(\w+)")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w./~}-])/(home|root|Users|work)/\w")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
BARE_SUPPRESSION = re.compile(r"//\s*NOLINT(NEXTLINE|BEGIN)?(\([^)]*\))?\s*$|#\s*noqa\s*$", re.MULTILINE)


def text_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.suffix in TEXT_SUFFIXES and name not in (".git", "LICENSE", "package-lock.json") and not path.is_symlink():
                yield path


def includes(path):
    return [match.group(2) for match in INCLUDE.finditer(path.read_text(encoding="utf-8"))]


def sources(library):
    """Yields (path, "include" or "src") of a library's own code; tests, fuzzers and benchmarks are free."""
    for part in ("include", "src"):
        for path in sorted((library / part).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                yield path, part


def check_include(header, name, part, layers):
    """Returns the complaint about one #include of library `name`, or None."""
    if header.startswith("openpcc/"):
        other = header.split("/")[1]
        allowed = [name, *layers["arrows"].get(name, [])]
        return None if other in allowed else f"{name} may not include {other}"
    for prefix, places in layers["third_party"].items():
        if header.startswith(prefix) and name not in places and not (part == "src" and f"{name}/src" in places):
            return f"<{header}> belongs in {', '.join(places)}"
    outside = layers["outside"]
    if name not in outside["libraries"] and any(header == h or header.startswith(h + "/") for h in outside["headers"]):
        return f"<{header}> reaches the outside world; that is left to {', '.join(outside['libraries'])}"
    return None


def check_source(path, name, part, layers):
    for header in includes(path):
        complaint = check_include(header, name, part, layers)
        if complaint:
            yield complaint
    if name not in layers["outside"]["libraries"]:
        text = path.read_text(encoding="utf-8")
        for word in layers["outside"]["words"]:
            if word in text:
                yield f"{word} reaches the outside world; that is left to {', '.join(layers['outside']['libraries'])}"


def check_links(path, layers):
    """What the definitions of a CMakeLists.txt link, apart from their tests."""
    for kind, name, body in DEFINITION.findall(re.sub(r"#[^\n]*", "", path.read_text())):
        for other in LINKED.findall(re.sub(r"\bTEST_DEPENDS[\s\w:.$\-{}]*?(?=\b[A-Z_]{4,}\b|$)", "", body)):
            if name not in layers["only"].get(other, [name]):
                yield f"{path}: only {', '.join(layers['only'][other])} may link {other}"
            elif kind == "library" and other in layers["arrows"] and other not in [name, *layers["arrows"].get(name, [])]:
                yield f"{path}: {name} may not link {other}"


def check_library(library, layers):
    name = library.name
    if name not in layers["arrows"]:
        yield f"{library}: not in tools/layers.toml"
        return
    for path, part in sources(library):
        for complaint in check_source(path, name, part, layers):
            yield f"{path}: {complaint}"
    readme = library / "README.md"
    if not readme.exists():
        yield f"{library}: no README.md"
    elif len(readme.read_text().splitlines()) > README_LINES_MAX:
        yield f"{readme}: more than a screen ({README_LINES_MAX} lines)"


def check_arrows(layers):
    """The table itself: no cycle, no unknown name."""
    arrows, done = layers["arrows"], set()
    while len(done) < len(arrows):
        free = {name for name, below in arrows.items() if name not in done and set(below) <= done}
        if not free:
            yield f"tools/layers.toml: a cycle or an unknown name among {', '.join(sorted(set(arrows) - done))}"
            return
        done |= free


def check_text(path):
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        yield f"{path}: not UTF-8"
        return
    for what, pattern in (("unfinished work", UNFINISHED), ("a path of somebody's machine", MACHINE_PATH),
                          ("a suppression without its reason", BARE_SUPPRESSION)):
        for match in pattern.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {what}: {match.group().strip()}"
    if "\r" in text:
        yield f"{path}: carriage returns"
    if re.search(r"[ \t]+\r?$", text, re.MULTILINE):
        yield f"{path}: white space at the end of a line"
    if text and not text.endswith("\n"):
        yield f"{path}: no newline at the end"
    if path.suffix == ".md":
        for target in LINK.findall(text):
            if not (path.parent / target).exists():
                yield f"{path}: links to {target}, which does not exist"
    if path.name == "CMakeLists.txt" and re.search(r"\bfile\s*\(\s*GLOB", text, re.IGNORECASE):
        yield f"{path}: files are named one by one, never globbed"


def check(root):
    layers = tomllib.loads((root / "tools/layers.toml").read_text())
    yield from check_arrows(layers)
    for definition in sorted(root.glob("libs/*/CMakeLists.txt")):
        yield from check_library(definition.parent, layers)
    for top in ("libs", "apps", "bindings"):
        for definition in sorted((root / top).rglob("CMakeLists.txt")):
            yield from check_links(definition, layers)
    for path in text_files(root):
        yield from check_text(path)


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent).resolve()
    complaints = [complaint.replace(f"{root}/", "") for complaint in check(root)]
    for complaint in complaints:
        print(complaint)
    print(f"tree: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
