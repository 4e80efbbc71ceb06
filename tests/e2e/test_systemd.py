"""deploy/systemd: a unit that systemd accepts, a command that the proxy accepts, and an example that names every setting."""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from harness import BIN, ROOT

UNIT = ROOT / "deploy/systemd/openpcc-proxy.service"
EXAMPLE = ROOT / "deploy/systemd/proxy.example.toml"
PROGRAM = "/usr/local/bin/openpcc"
DEMANDED = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "read-only", "PrivateUsers": "yes", "PrivateTmp": "yes",
    "MemoryDenyWriteExecute": "yes", "RestrictSUIDSGID": "yes", "RestrictNamespaces": "yes", "LockPersonality": "yes", "LimitCORE": "0",
    "Restart": "on-failure", "UMask": "0077",
}

pytestmark = pytest.mark.once


def read_unit(text):
    """{section: [(key, value)]}; keys may stand there twice."""
    sections, current = {}, None
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            current = sections.setdefault(header[1], [])
        else:
            key, separator, value = line.partition("=")
            assert separator and current is not None, line
            current.append((key, value))
    return sections


def print_config(*arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENPCC_")}
    done = subprocess.run([str(BIN / "openpcc"), *map(str, arguments), "--print-config"], capture_output=True, text=True, timeout=60, env=clean)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_unit_is_hardened():
    service = dict(read_unit(UNIT.read_text())["Service"])
    assert DEMANDED.items() <= service.items()


def test_the_proxy_accepts_the_units_command(tmp_path):
    folder = tmp_path / ".config/openpcc"
    folder.mkdir(parents=True)
    shutil.copy(EXAMPLE, folder / "proxy.toml")
    commands = [value for key, value in read_unit(UNIT.read_text())["Service"] if key == "ExecStart"]
    assert len(commands) == 1
    program, *arguments = shlex.split(commands[0].replace("%h", str(tmp_path)))
    assert program == PROGRAM and not any("%" in argument for argument in arguments)
    assert "relay-one.example" in print_config(*arguments)


def complaints(tmp_path, text):
    """What systemd says about a unit: a value that it does not know costs a warning and nothing else."""
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(PROGRAM, str(BIN / "openpcc")))
    done = subprocess.run(["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, timeout=60,
                          env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)})
    return [line for line in done.stderr.splitlines() if UNIT.name in line or done.returncode != 0]


def test_systemd_accepts_the_unit(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    text = UNIT.read_text()
    assert complaints(tmp_path, text) == []
    assert complaints(tmp_path, text.replace("ProtectSystem=strict", "ProtectSystem=strickt")) != []


def test_the_example_names_every_setting_with_its_default(tmp_path):
    everything = tmp_path / "proxy.toml"
    everything.write_text(re.sub(r"^#(?=\w)", "", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert len(re.findall(r"^\w+ = ", everything.read_text(), re.MULTILINE)) == print_config("proxy", "--config", EXAMPLE).count(" = ")
    assert print_config("proxy", "--config", everything) == print_config("proxy", "--config", EXAMPLE)
