"""`openpcc measure`: published values through the command, real firmware and executables of Debian's, systemd's own tool, and a second
implementation (tests/independent/measure.py) on files of our own making."""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys

import pytest
from harness import BIN, ROOT, SLOW, tripped

sys.path.insert(0, str(ROOT / "tests/independent"))
import event_log  # noqa: E402
import measure  # noqa: E402
from evidence_corpus import EVIDENCE, read  # noqa: E402: skips where the shared corpus is absent
from measured_files import boot_files, dstack_firmware, forged_report, own_firmware, own_igvm, own_kernel, signature_list, with_sections  # noqa: E402

pytestmark = pytest.mark.once

VECTORS = [v for v in json.loads(read("snp/measure/VECTORS.json"))["vectors"] if "launch_digest" in v]


def run(*arguments, code=0):
    done = subprocess.run([BIN / "openpcc", "measure", *map(str, arguments)], capture_output=True, text=True, timeout=120 * SLOW)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def document(*arguments):
    return json.loads(run(*arguments, "-o", "json").stdout)


def registers(*arguments):
    return {r["name"]: r["value"] for r in document(*arguments)["registers"]}


def refused(rule, code, *arguments):
    assert rule in run(*arguments, code=code).stderr
    if rule.startswith("app."):
        tripped(rule)


def snp_arguments(vector):
    out = ["snp", "--firmware", EVIDENCE / "snp/measure" / vector["ovmf"], "--vcpus", vector["vcpus"], "--vcpu-type", vector["vcpu_type"],
           "--vmm", vector["vmm"], "--sev-features", vector["guest_features"]]
    if vector["kernel"] is not None:
        out += ["--kernel", "/dev/null", "--initrd", "/dev/null", "--append", vector["append"] or ""]
    return out


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("measure") / "empty"
    path.write_bytes(b"")
    return path


# SEV-SNP.


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_launch_digests(vector, empty):
    arguments = [empty if word == "/dev/null" else word for word in snp_arguments(vector)]
    assert registers(*arguments) == {"MEASUREMENT": vector["launch_digest"]}
    text = run(*arguments).stdout
    assert f'releases = ["{vector["launch_digest"]}"]' in text
    assert "reproduces" in text and "virtee/sev-snp-measure snp_" in text
    assert ("names the firmware alone" in text) == (vector["kernel"] is None)
    assert ("unverified" in text) == (vector["vmm"] == "gce" and vector["kernel"] is None)


@pytest.mark.parametrize("seed", range(6))
def test_firmware_of_our_own_as_the_second_implementation_has_it(tmp_path, seed):
    rng = random.Random(1000 + seed)
    path = own_firmware(tmp_path / "ovmf.fd", seed)
    firmware = path.read_bytes()
    (tmp_path / "kernel").write_bytes(rng.randbytes(5000))
    (tmp_path / "initrd").write_bytes(rng.randbytes(3000))
    for vmm in ("qemu", "ec2", "gce"):
        cpu, vcpus, features, append = rng.choice(list(measure.SIGNATURES)), rng.randrange(1, 9), rng.choice([1, 0x21, 5]), "a=b c" * rng.randrange(3)
        arguments = ["snp", "--firmware", path, "--vmm", vmm, "--vcpus", vcpus, "--vcpu-type", cpu, "--sev-features", features]
        plain = measure.snp_digest(measure.snp_pages(firmware, vmm, vcpus, measure.cpu_signature(cpu), features))
        assert registers(*arguments)["MEASUREMENT"] == plain.hex()
        kernel = measure.snp_pages(firmware, vmm, vcpus, measure.cpu_signature(cpu), features, (tmp_path / "kernel").read_bytes(),
                                   (tmp_path / "initrd").read_bytes(), append.encode())
        arguments += ["--kernel", tmp_path / "kernel", "--initrd", tmp_path / "initrd", "--append", append]
        assert registers(*arguments)["MEASUREMENT"] == measure.snp_digest(kernel).hex()
    for flags, single in (([], True), (["--two-passes"], False)):
        assert registers("tdx", "--firmware", path, *flags)["MRTD"] == measure.mrtd(firmware, single).hex()


@pytest.mark.parametrize("seed", range(4))
def test_igvm_files_of_our_own(tmp_path, seed):
    path = tmp_path / "own.igvm"
    path.write_bytes(own_igvm(seed))
    assert registers("snp", "--igvm", path)["MEASUREMENT"] == measure.igvm_snp(path.read_bytes(), 1).hex()
    assert len(registers("tdx", "--igvm", path)["MRTD"]) == 96
    assert "unverified    IGVM: self-made samples only" in run("snp", "--igvm", path).stdout


def test_digest_of_an_id_key(tmp_path):
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.derive_private_key(0x1234567, ec.SECP384R1()).public_key()
    path = tmp_path / "id.pem"
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    numbers = key.public_numbers()
    structure = struct.pack("<I", 2) + numbers.x.to_bytes(72, "little") + numbers.y.to_bytes(72, "little")
    firmware = own_firmware(tmp_path / "ovmf.fd", 1)
    assert registers("snp", "--firmware", firmware, "--id-key", path)["ID_KEY_DIGEST"] == measure.snp_key_digest(structure.ljust(0x404, b"\0")).hex()
    refused("app.measure.id_key", 30, "snp", "--firmware", firmware, "--id-key", firmware.with_name("no.pem").write_text("x") and firmware.with_name("no.pem"))


# TDX.


def dstack(name):
    log = json.loads(read(f"tpm/ccel/{name}/event_log.json"))
    digests = [["sha384:" + event["digest"] for event in log if event["imr"] == n] for n in range(3)]
    memory = json.loads(read(f"tpm/ccel/{name}/vm_config.json"))["memory_size"]
    return digests, memory, EVIDENCE / f"tdx/quotes/v4-{name}/quote.bin"


def dstack_arguments(digests, memory, firmware):
    return ["tdx", "--firmware", firmware, "--memory", memory, "--cfv", digests[0][1], "--acpi-loader", digests[0][8], "--acpi-rsdp", digests[0][9],
            "--acpi-tables", digests[0][10], "--kernel", digests[1][0], "--initrd", digests[2][1], "--append-digest", digests[2][0]]


@pytest.mark.parametrize("name", ["dstack-lite", "dstack-report"])
def test_registers_of_a_published_quote(tmp_path, name):
    digests, memory, quote = dstack(name)
    arguments = dstack_arguments(digests, memory, dstack_firmware(tmp_path / "ovmf.fd"))
    measured = document(*arguments)
    values = {r["name"]: r["value"] for r in measured["registers"]}
    body = quote.read_bytes()
    assert [values[f"RTMR{n}"] for n in range(3)] == [body[376 + 48 * n : 424 + 48 * n].hex() for n in range(3)]
    release = measure.release(bytes.fromhex(values["MRTD"]), [bytes.fromhex(values[f"RTMR{n}"]) for n in range(3)] + [bytes(48)])
    assert f'releases = ["{release.hex()}"]' in run(*arguments).stdout
    (tmp_path / "expected.json").write_text(json.dumps(measured))
    diff = run("diff", tmp_path / "expected.json", "--report", quote, code=10).stdout
    assert "MRTD differs" in diff and "RTMR" not in diff


def test_memory_is_what_made_the_register_differ(tmp_path):
    digests, memory, quote = dstack("dstack-report")
    arguments = dstack_arguments(digests, 4 << 30, dstack_firmware(tmp_path / "ovmf.fd"))
    (tmp_path / "expected.json").write_text(json.dumps(document(*arguments)))
    diff = json.loads(run("diff", tmp_path / "expected.json", "--report", quote, "-o", "json", code=10).stdout)
    causes = {d["register"]: d["causes"] for d in diff["differences"]}
    assert causes["RTMR0"] == ["hand-off block with 64 GiB of memory"]
    assert "RTMR1" not in causes and "RTMR2" not in causes


def test_description_of_google(tmp_path):
    description = EVIDENCE / "tdx/measure/gcp-tdx-firmware.yaml"
    (tmp_path / "expected.json").write_text(run("tdx", "--gcp", description, "-o", "json").stdout)
    same = run("diff", tmp_path / "expected.json", "--report", EVIDENCE / "tdx/quotes/v4-gcp-flashbots/quote.bin").stdout
    assert "the same: 1 of 1 registers" in same
    text = run("tdx", "--gcp", description).stdout
    assert "reproduces    MRTD of Google's description" in text and "no release, since not computed: RTMR0, RTMR1, RTMR2." in text and "releases =" not in text


@pytest.mark.parametrize(("memory", "first", "seen"), [
    ("16G", "step 2: expected configuration volume (from firmware)", "EV_EFI_PLATFORM_FIRMWARE_BLOB2"),
    ("8G", "step 1: expected hand-off block (from memory)", "EV_EFI_HANDOFF_TABLES2"),
])  # fmt: skip
def test_an_event_log_beside_what_was_expected(tmp_path, memory, first, seen):
    """A TD of Google's, of 16 GiB, whose configuration volume is not the one described."""
    zeros = "sha384:" + "00" * 48
    arguments = ["tdx", "--gcp", EVIDENCE / "tdx/measure/gcp-tdx-firmware.yaml", "--memory", memory, "--acpi-loader", zeros, "--acpi-rsdp", zeros,
                 "--acpi-tables", zeros, "--secure-boot", "on"]
    assert "unverified    RTMR0 of Google's firmware" in run(*arguments).stdout
    (tmp_path / "expected.json").write_text(run(*arguments, "-o", "json").stdout)
    diff = run("diff", tmp_path / "expected.json", "--eventlog", EVIDENCE / "tpm/ccel/google-cos113/ccel.bin", code=10).stdout
    assert "RTMR0 differs" in diff and f"first    {first}" in diff and f"seen {seen}" in diff


# TPM.


def systemd_measure():
    (program,) = boot_files("usr/lib/systemd/systemd-measure")
    return program, {**os.environ, "LD_LIBRARY_PATH": str(program.parent)}


@pytest.mark.parametrize("bank", ["sha256", "sha384"])
def test_pcr_11_as_systemd_measure_computes_it(tmp_path, bank):
    rng = random.Random(11)
    (kernel,) = boot_files("usr/lib/systemd/boot/efi/systemd-bootx64.efi")  # any executable does as kernel
    parts = {".osrel": b"ID=own\n", ".cmdline": b"console=ttyS0 quiet", ".initrd": rng.randbytes(70001), ".pcrpkey": rng.randbytes(451)}
    sections = {}
    for name, data in parts.items():
        sections[name] = tmp_path / name[1:]
        sections[name].write_bytes(data)
    sections[".linux"] = kernel
    uki = with_sections(boot_files("usr/lib/systemd/boot/efi/linuxx64.efi.stub")[0], sections, tmp_path / "uki.efi")
    program, environment = systemd_measure()
    options = [f"--{name[1:]}={path}" for name, path in sections.items()]
    for phases in ([], ["enter-initrd"], ["enter-initrd", "leave-initrd", "sysinit", "ready"]):
        done = subprocess.run([program, "calculate", *options, f"--bank={bank}", "--phase=" + ":".join(phases), "--json=short"], env=environment,
                              capture_output=True, text=True, check=True)
        expected = json.loads(done.stdout)[bank][0]["hash"]
        words = [word for phase in phases for word in ("--phase", phase)]
        measured = registers("tpm", "--bank", bank, "--uki", uki, *words)
        assert measured["PCR11"] == expected
        assert measured["PCR11"] == measure.uki_pcr11({name: path.read_bytes() for name, path in sections.items()}, phases, bank).hex()
    for name, data in measure.pe_sections(uki.read_bytes()):
        if name in sections:
            assert data == sections[name].read_bytes()


def test_executables_have_the_digests_that_their_signatures_carry():
    signed = boot_files("usr/lib/shim/shimx64.efi.signed") + boot_files("usr/lib/grub/x86_64-efi-signed/*.signed")
    info = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of SHA-256 in SpcIndirectDataContent
    for path in signed:
        data = path.read_bytes()
        at = data.index(info, struct.unpack_from("<I", data, measure.pe_layout(data)[1])[0]) + len(info)
        trace = document("tpm", "--application", path)["trace"]
        assert trace[2]["digest"] == data[at : at + 32].hex() == measure.authenticode(data, "sha256").hex(), path.name
    assert len(signed) > 2


def test_real_firmware_as_the_second_implementation_has_it(tmp_path):
    (path,) = boot_files("usr/share/OVMF/OVMF_CODE.fd")
    firmware = path.read_bytes()
    for vmm in ("qemu", "ec2", "gce"):
        expected = measure.snp_digest(measure.snp_pages(firmware, vmm, 4, measure.cpu_signature("EPYC-Genoa"), 1)).hex()
        assert registers("snp", "--firmware", path, "--vmm", vmm, "--vcpus", 4, "--vcpu-type", "EPYC-Genoa")["MEASUREMENT"] == expected
    (variables,) = boot_files("usr/share/OVMF/OVMF_VARS.fd")
    whole = tmp_path / "OVMF.fd"
    whole.write_bytes(variables.read_bytes() + firmware)  # as TDX maps it: its metadata counts from the start of both
    for flags, single in (([], True), (["--two-passes"], False)):
        assert registers("tdx", "--firmware", whole, *flags)["MRTD"] == measure.mrtd(whole.read_bytes(), single).hex()


def test_a_td_with_the_configuration_volume_of_debian(tmp_path):
    (variables,) = boot_files("usr/share/OVMF/OVMF_VARS_4M.fd")
    path = EVIDENCE / "tpm/ccel/trustee-ovmf/ccel.bin"
    acpi = ["sha384:" + event.digests["sha384"].hex() for event in event_log.read_log(path.read_bytes(), td=True).events if event.data == b"ACPI DATA"]
    arguments = ["tdx", "--firmware", dstack_firmware(tmp_path / "ovmf.fd"), "--memory", "2G", "--cfv", variables, "--acpi-loader", acpi[0], "--acpi-rsdp",
                 acpi[1], "--acpi-tables", acpi[2], "--extend", "RTMR0=separator"]
    (tmp_path / "expected.json").write_text(run(*arguments, "-o", "json").stdout)
    assert "the same: 1 of 2 registers" in run("diff", tmp_path / "expected.json", "--eventlog", path).stdout


def test_a_kernel_that_qemu_hands_over(tmp_path):
    kernel = own_kernel(tmp_path / "kernel")
    (tmp_path / "initrd").write_bytes(b"i" * 9999)
    for memory in (1 << 30, 2 << 30, 16 << 30):
        measured = registers("tdx", "--memory", memory, "--kernel", kernel, "--initrd", tmp_path / "initrd", "--append", "quiet")
        patched = measure.authenticode(measure.patched_kernel(kernel.read_bytes(), 9999, memory))
        constants = [b"Calling EFI Application from Boot Option", bytes(4), b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success"]
        assert measured["RTMR1"] == measure.replay([patched, *map(measure.sha384, constants)]).hex()
        cmdline = "quiet initrd=initrd\0".encode("utf-16-le")
        assert measured["RTMR2"] == measure.replay([measure.sha384(cmdline), measure.sha384(b"i" * 9999)]).hex()
    expected = document("tdx", "--memory", "16G", "--kernel", kernel, "--initrd", tmp_path / "initrd", "--append", "quiet")
    seen = document("tdx", "--memory", "1G", "--kernel", kernel, "--initrd", tmp_path / "initrd", "--append", "quiet")
    (tmp_path / "expected.json").write_text(json.dumps(expected))
    (tmp_path / "seen.json").write_text(json.dumps({**seen, "parameters": []}))
    diff = json.loads(run("diff", tmp_path / "expected.json", tmp_path / "seen.json", "-o", "json", code=10).stdout)
    assert [d["causes"] for d in diff["differences"]] == [["kernel as QEMU patched it for 1 GiB of memory"]]


def test_secure_boot_register_from_certificates(tmp_path):
    log = EVIDENCE / "tpm/eventlogs/ubuntu-2404-amd-sevsnp.bin"
    data = log.read_bytes()
    owner = bytes.fromhex("d2fa81d2888da44797925baa47bb1b89")
    lists = {"pk": ["GcePk.crt"], "kek": ["MicCorKEKCA2011_2011-06-24.crt"], "db": ["MicCorUEFCA2011_2011-06-27.crt", "MicWinProPCA2011_2011-10-19.crt"]}
    arguments = ["tpm", "--secure-boot", "off"]
    for name, certificates in lists.items():
        (tmp_path / name).write_bytes(b"".join(signature_list(owner, read(f"tpm/secure-boot/{c}")) for c in certificates))
        arguments += [f"--{name}", tmp_path / name]
    head = measure.efi_variable("d719b2cb-3d3a-4596-a3bc-dad00e67656f", "dbx", b"")
    at = data.index(head[:24])
    (size,) = struct.unpack_from("<Q", data, at + 24)
    (tmp_path / "dbx").write_bytes(data[at + 32 + 6 : at + 32 + 6 + size])
    (tmp_path / "sbat").write_bytes(b"sbat,1,2021030218\n")
    arguments += ["--dbx", tmp_path / "dbx", "--extend", f"PCR7=variable:605dab50-e046-4300-abb6-3dd810dd8b23:SbatLevel:{tmp_path / 'sbat'}"]
    (tmp_path / "expected.json").write_text(run(*arguments, "-o", "json").stdout)
    assert "the same: 1 of 1" in run("diff", tmp_path / "expected.json", "--eventlog", log).stdout
    on = [("on" if word == "off" else word) for word in arguments]
    (tmp_path / "expected.json").write_text(run(*on, "-o", "json").stdout)
    assert "first    step 1: expected variable SecureBoot" in run("diff", tmp_path / "expected.json", "--eventlog", log, code=10).stdout


def test_a_log_that_began_at_another_locality(tmp_path):
    path = EVIDENCE / "tpm/eventlogs/gdc-host.bin"
    log = event_log.read_log(path.read_bytes())
    assert log.locality == 3
    extends = [f"PCR{event.register}=digest:{event.digests['sha256'].hex()}" for event in log.events if event.extends()]
    (tmp_path / "expected.json").write_text(run("tpm", *[word for extend in extends for word in ("--extend", extend)], "-o", "json").stdout)
    (difference,) = json.loads(run("diff", tmp_path / "expected.json", "--eventlog", path, "-o", "json", code=10).stdout)["differences"]
    assert (difference["register"], difference["seen"]) == ("PCR0", event_log.replay(log, "sha256")[0].hex())
    assert difference["first"] == "every step is the same: the registers began at other values"


def test_extends_of_every_kind(tmp_path):
    (tmp_path / "f").write_bytes(b"file")
    kernel = own_kernel(tmp_path / "kernel")
    kinds = ["separator", "text:a:b", "utf16:quiet", f"file:{tmp_path / 'f'}", f"executable:{kernel}", "digest:" + "ab" * 32]
    done = run("tpm", "--trace", *[word for kind in kinds for word in ("--extend", f"PCR12={kind}")]).stdout
    digests = [hashlib.sha256(d).digest() for d in (bytes(4), b"a:b", "quiet\0".encode("utf-16-le"), b"file")]
    digests += [measure.authenticode(kernel.read_bytes(), "sha256"), bytes.fromhex("ab" * 32)]
    assert f"PCR12             {measure.replay(digests, 'sha256').hex()}" in done
    assert all(digest.hex() in done for digest in digests) and done.count("after") == 6
    assert "unverified    what --extend adds" in done
    for wrong in ("PCR24=separator", "RTMR0=separator", "PCR1", "PCR1=text", "PCR1=unknown:x", "PCR1=digest:00"):
        refused("app.measure.extend", 30, "tpm", "--extend", wrong)


# What made a register differ.


def test_a_report_s_measurement_explained(tmp_path):
    firmware = own_firmware(tmp_path / "ovmf.fd", 3)
    kernel = ["--kernel", firmware, "--append", "quiet"]
    base = ["snp", "--firmware", firmware, "--vcpu-type", "EPYC-Milan", *kernel]
    (tmp_path / "expected.json").write_text(run(*base, "-o", "json").stdout)

    def explained(*arguments):
        report = forged_report(tmp_path / "report.bin", registers(*arguments)["MEASUREMENT"])
        return run("diff", tmp_path / "expected.json", "--report", report, code=10).stdout

    assert "it is what this gives: 4 vCPUs\n" in explained(*base, "--vcpus", 4)
    assert "it is what this gives: SEV_FEATURES 0x21, 2 vCPUs\n" in explained(*base, "--vcpus", 2, "--sev-features", "0x21")
    assert "it is what this gives: no kernel\n" in explained("snp", "--firmware", firmware, "--vcpu-type", "EPYC-Milan")
    assert "it is what this gives: launched by ec2\n" in explained(*base, "--vmm", "ec2")
    assert "nothing that was tried gives what was seen" in explained("snp", "--firmware", own_firmware(tmp_path / "other.fd", 4))
    report = forged_report(tmp_path / "report.bin", registers(*base)["MEASUREMENT"])
    assert "the same: 1 of 1" in run("diff", tmp_path / "expected.json", "--report", report).stdout
    (tmp_path / "seen.json").write_text(run(*base[:-1], "verbose", "-o", "json").stdout)
    diff = run("diff", tmp_path / "expected.json", tmp_path / "seen.json", code=10).stdout
    assert "hashes of kernel, initrd and command line" in diff and "append: quiet, seen verbose" in diff


# Refusals.


def test_refusals(tmp_path, empty):
    firmware = own_firmware(tmp_path / "ovmf.fd", 1)
    refused("measure.fw.size", 30, "snp", "--firmware", empty)
    (tmp_path / "zeros").write_bytes(bytes(4096))
    refused("measure.fw.no_sev", 20, "snp", "--firmware", tmp_path / "zeros")
    refused("measure.fw.no_tdx", 20, "tdx", "--firmware", tmp_path / "zeros")
    refused("measure.snp.no_hashes", 10, "snp", "--firmware", EVIDENCE / "snp/measure/ovmf_OvmfX64_suffix.bin", "--kernel", empty)
    refused("app.file.read", 1, "snp", "--firmware", tmp_path / "none")
    refused("app.measure.digest", 30, "tdx", "--kernel", "sha384:00", "--initrd", "sha384:00")
    refused("app.measure.digest", 30, "tdx", "--memory", "4G", "--kernel", own_kernel(tmp_path / "kernel"), "--initrd", "sha384:" + "00" * 48)
    (tmp_path / "snp.json").write_text(run("snp", "--firmware", firmware, "-o", "json").stdout)
    (tmp_path / "tpm.json").write_text(run("tpm", "--extend", "PCR1=separator", "-o", "json").stdout)
    (tmp_path / "sha512.json").write_text(run("tpm", "--bank", "sha512", "--extend", "PCR1=separator", "-o", "json").stdout)
    (tmp_path / "tpm2.json").write_text(run("tpm", "--extend", "PCR2=separator", "-o", "json").stdout)
    refused("app.measure.other", 10, "diff", tmp_path / "snp.json", tmp_path / "tpm.json")
    refused("app.measure.other", 10, "diff", tmp_path / "tpm.json", tmp_path / "tpm2.json")
    refused("app.measure.other", 10, "diff", tmp_path / "snp.json", "--report", EVIDENCE / "tdx/quotes/v4-dstack-lite/quote.bin")
    refused("app.measure.report", 20, "diff", tmp_path / "snp.json", "--report", EVIDENCE / "tdx/quotes/v3-sgx-phala/quote.bin")
    refused("measure.document", 30, "diff", firmware, tmp_path / "snp.json")
    refused("eventlog.bank", 20, "diff", tmp_path / "sha512.json", "--eventlog", EVIDENCE / "tpm/eventlogs/gdc-host.bin")
    refused("eventlog.spec_id", 30, "diff", tmp_path / "tpm.json", "--eventlog", EVIDENCE / "tpm/ccel/google-cos113/ccel.bin")
    for usage in (["snp"], ["snp", "--vmm", "xen", "--firmware", firmware], ["diff", tmp_path / "snp.json"], [], ["tpm", "--bank", "sha1"]):
        run(*usage, code=2)


def test_an_option_that_would_change_nothing_is_refused(tmp_path):
    firmware, igvm = own_firmware(tmp_path / "ovmf.fd", 1), tmp_path / "own.igvm"
    igvm.write_bytes(own_igvm(1))
    description = EVIDENCE / "tdx/measure/gcp-tdx-firmware.yaml"
    digest = "sha384:" + "00" * 48
    acpi = ["--acpi-loader", digest, "--acpi-rsdp", digest, "--acpi-tables", digest]
    for option in (["--vcpus", 2], ["--vcpu-type", "EPYC-Milan"], ["--vcpu-signature", 1], ["--vmm", "ec2"], ["--sev-features", 1]):
        assert option[0] in run("snp", "--igvm", igvm, *option, code=2).stderr
    for source in (["--gcp", description], ["--igvm", igvm]):
        assert "--two-passes" in run("tdx", *source, "--two-passes", code=2).stderr
    for option in (["--cfv", digest], ["--secure-boot", "on"], ["--dbx", firmware], ["--boot-order", digest], ["--boot-option", digest], acpi[:2], acpi[:4]):
        assert option[0] in run("tdx", "--firmware", firmware, "--memory", "2G", *option, code=2).stderr
    assert "--memory" in run("tdx", "--firmware", firmware, "--cfv", digest, *acpi, code=2).stderr
    for source in ([], ["--igvm", igvm]):
        assert "--acpi-tables" in run("tdx", *source, "--memory", "2G", *acpi, code=2).stderr
    assert "--disk" in run("tdx", "--disk", firmware, code=2).stderr
    assert "--authority" in run("tpm", "--authority", firmware, code=2).stderr
    assert "--phase" in run("tpm", "--phase", "ready", code=2).stderr
