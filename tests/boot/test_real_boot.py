"""What `openpcc measure` says before a machine boots is what its TPM says afterwards."""

import json
import subprocess

import pytest
from harness import BIN
from machine import CMDLINE, boot, make_disk, make_uki


def measure(*arguments):
    return subprocess.run([BIN / "openpcc", "measure", *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boot")
    uki = make_uki(folder)
    disk = make_disk(folder, uki)
    arguments = ["tpm", "--secure-boot", "off", "--uki", uki, "--disk", disk, "--append", CMDLINE, "--initrd", folder / "initrd", "-o", "json"]
    expected = measure(*arguments).stdout
    (folder / "expected.json").write_text(expected)
    registers, log = boot(folder, disk)
    (folder / "log").write_bytes(log)
    return folder, json.loads(expected), registers


@pytest.mark.parametrize("register", ["PCR4", "PCR5", "PCR7", "PCR9", "PCR11"])
def test_a_register_is_what_was_computed(booted, register):
    _, expected, registers = booted
    assert {r["name"]: r["value"] for r in expected["registers"]}[register] == registers[register]


def test_every_event_is_where_it_was_expected(booted):
    folder, _, _ = booted
    done = measure("diff", folder / "expected.json", "--eventlog", folder / "log")
    assert done.returncode == 0 and "the same: 5 of 5 registers" in done.stdout


def test_another_command_line_is_found(booted):
    folder, expected, _ = booted
    other = json.loads(json.dumps(expected))
    step = next(s for s in other["trace"] if s["what"] == "command line")
    step["digest"] = "00" * 32
    other["registers"] = [{**r, "value": "00" * 32} if r["name"] == "PCR9" else r for r in other["registers"]]
    (folder / "other.json").write_text(json.dumps(other))
    done = measure("diff", folder / "other.json", "--eventlog", folder / "log")
    assert done.returncode == 10 and "PCR9 differs" in done.stdout and "step 1: expected command line" in done.stdout
