"""tools/check_exports.sh notices a library that exports a symbol of OpenSSL, and accepts one that hides it."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT

SOURCE = 'extern "C" __attribute__((visibility("{}"))) int SSL_new() {{ return 1; }}\nint ours() {{ return SSL_new(); }}\n'


@pytest.fixture(scope="session")
def openssl():
    cache = (ROOT / "build/release/CMakeCache.txt").read_text()
    return next(line.partition("=")[2] for line in cache.splitlines() if line.startswith("OPENPCC_OPENSSL_PREFIX:"))


def run(folder, openssl):
    command = [ROOT / "tools/check_exports.sh", folder, openssl]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("visibility", "good"), [("default", False), ("hidden", True)])
def test_exported_symbol(tree, openssl, visibility, good):
    root = tree({"a.cpp": SOURCE.format(visibility)})
    compiler = os.environ.get("CXX") or shutil.which("g++")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", root / "liba.so", root / "a.cpp"], check=True)
    result = run(root, openssl)
    assert (result.returncode == 0) == good
    assert ("SSL_new" in result.stdout) != good


def test_nothing_to_check_is_a_failure(tree, openssl):
    assert run(tree({"a.txt": "text"}), openssl).returncode == 1
