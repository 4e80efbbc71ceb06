"""tools/check_tree.py: this repository is in order, and each kind of disorder is noticed."""

import check_tree
import pytest
from conftest import ROOT

LAYERS = """
[arrows]
core = []
crypto = ["core"]
http = ["core", "crypto"]
[only]
secret_maker = ["openpcc-one"]
[third_party]
"openssl/" = ["crypto/src"]
"boost/asio" = ["http"]
[outside]
libraries = ["http"]
headers = ["fstream", "boost/asio", "thread"]
words = ["getenv"]
"""
GOOD = {
    "tools/layers.toml": LAYERS,
    "libs/core/CMakeLists.txt": "openpcc_library(core SOURCES src/a.cpp)\n",
    "libs/core/README.md": "# core\n",
    "libs/core/src/a.cpp": "#include <vector>\n",
    "libs/crypto/CMakeLists.txt": "openpcc_library(crypto DEPENDS openpcc_core TEST_DEPENDS openpcc::http openpcc::secret_maker FUZZERS x)\n",
    "libs/crypto/README.md": "# crypto\n",
    "libs/crypto/src/b.cpp": '#include <openssl/evp.h>\n#include "openpcc/core/bytes.h"\n',
    "libs/crypto/test/b_test.cpp": '#include <fstream>\n#include "openpcc/http/server.h"\n',
    "libs/http/CMakeLists.txt": "openpcc_library(http DEPENDS openpcc::crypto)\n",
    "apps/one/CMakeLists.txt": "openpcc_program(openpcc-one SOURCES main.cpp DEPENDS openpcc::secret_maker)\n",
    "libs/http/README.md": "# http\n",
    "libs/http/include/openpcc/http/loop.h": "#include <boost/asio/awaitable.hpp>\n#include <thread>\n",
}


def complaints(root):
    return [complaint.replace(f"{root}/", "") for complaint in check_tree.check(root)]


def test_this_repository_is_in_order():
    assert complaints(ROOT) == []


def test_accepts_an_orderly_tree(tree):
    assert complaints(tree(GOOD)) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("libs/core/src/a.cpp", '#include "openpcc/crypto/hash.h"\n', "libs/core/src/a.cpp: core may not include crypto"),
        ("libs/core/src/a.cpp", "#include <openssl/evp.h>\n", "libs/core/src/a.cpp: <openssl/evp.h> belongs in crypto/src"),
        ("libs/crypto/include/openpcc/crypto/x.h", "#include <openssl/evp.h>\n",
         "libs/crypto/include/openpcc/crypto/x.h: <openssl/evp.h> belongs in crypto/src"),
        ("libs/core/src/a.cpp", "#  include <fstream>\n",
         "libs/core/src/a.cpp: <fstream> reaches the outside world; that is left to http"),
        ("libs/core/CMakeLists.txt", "openpcc_library(core DEPENDS openpcc::crypto)\n", "libs/core/CMakeLists.txt: core may not link crypto"),
        ("libs/core/CMakeLists.txt", "openpcc_library(core TEST_DEPENDS openpcc::http PRIVATE_DEPENDS openpcc_crypto)\n",
         "libs/core/CMakeLists.txt: core may not link crypto"),
        ("apps/two/CMakeLists.txt", "openpcc_program(openpcc-two DEPENDS openpcc::secret_maker)\n",
         "apps/two/CMakeLists.txt: only openpcc-one may link secret_maker"),
        ("libs/core/src/a.cpp", "const char* home = std::getenv(name);\n",
         "libs/core/src/a.cpp: getenv reaches the outside world; that is left to http"),
        ("libs/core/CMakeLists.txt", "file(GLOB x *.cpp)\n", "libs/core/CMakeLists.txt: files are named one by one, never globbed"),
        ("libs/core/README.md", "line\n" * 61, "libs/core/README.md: more than a screen (60 lines)"),
        ("libs/new/CMakeLists.txt", "openpcc_library(new)\n", "libs/new: not in tools/layers.toml"),
        ("docs/a.md", "A TO" "DO here\n", "docs/a.md:1: unfinished work: TO" "DO"),
        ("docs/a.md", "one\nsee /ho" "me/me\n", "docs/a.md:2: a path of somebody's machine: /ho" "me/m"),
        ("libs/core/src/a.cpp", "int x;  // NO" "LINT\n", "libs/core/src/a.cpp:1: a suppression without its reason: // NO" "LINT"),
        ("docs/a.md", "[a](../libs/core/README.md#b) [c](gone.md) [d](https://example.org/d)\n",
         "docs/a.md: links to gone.md, which does not exist"),
        ("docs/a.md", "trailing \n", "docs/a.md: white space at the end of a line"),
        ("docs/a.md", "no end", "docs/a.md: no newline at the end"),
        ("docs/a.md", "dos\r\n", "docs/a.md: carriage returns"),
        ("tools/layers.toml", LAYERS.replace("core = []", 'core = ["http"]'),
         "tools/layers.toml: a cycle or an unknown name among core, crypto, http"),
    ],
)  # fmt: skip
def test_notices(tree, path, text, expected):
    root = tree({**GOOD, path: text})
    assert complaints(root) == [expected]


def test_notices_a_missing_readme(tree):
    root = tree(GOOD)
    (root / "libs/core/README.md").unlink()
    assert complaints(root) == ["libs/core: no README.md"]
