"""A real boot: OVMF, a unified kernel image with systemd's stub, Debian's kernel and a software TPM, in QEMU without KVM. It takes minutes."""

import pathlib
import sys

import pytest

for folder in ("e2e", "independent"):
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / folder))


def pytest_collection_modifyitems(items):
    for item in items:
        if pathlib.Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.boot)
            item.add_marker(pytest.mark.timeout(1800))
