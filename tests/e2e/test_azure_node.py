"""The node of production in an Azure confidential VM: its TPM is swtpm behind a paravisor of ours, its hardware's report a recorded one made over. All
that a client asks of the node's evidence holds but one thing, the hardware's signature, which nobody can make here."""

import base64
import contextlib
import hashlib
import json
import struct
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from azure_vm import Paravisor, QuoteService
from harness import BIN
from recorded_node import RecordedNode, Sample, tdx_documents, unpadded
from evidence_corpus import read  # isort: skip: recorded_node says where it is

pytestmark = pytest.mark.once

PCRS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14)  # the default, as in examples/policies/azure-snp-h100.toml
EXTENDED = hashlib.sha256(bytes(32) + bytes(range(32))).digest()
VALUES = {pcr: EXTENDED if pcr == 4 else bytes(32) for pcr in PCRS}
POLICY = '[azure]\nparavisors = ["{}"]\npcrs = "' + ",".join(map(str, PCRS)) + '"\nsecure_boot = true\n'


def release(measurement):
    def lp(data):
        return struct.pack(">I", len(data)) + data

    registers = b"".join(bytes([pcr]) + lp(value) for pcr, value in VALUES.items())
    return hashlib.sha384(b"openpcc azure release v1\0" + lp(measurement) + registers).hexdigest()


def snp_sample(hcl):
    measurement = hcl[32 + 0x90:32 + 0xC0]
    files = {"vcek": read("azure/snp-trustee-genoa/vcek.der"), "chain": read("snp/roots/genoa/kds_cert_chain_vcek.pem")}
    policy = "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n" + POLICY.format(measurement.hex())
    return Sample("azure-snp", 1_781_481_600, b"", files, release(measurement), policy, set())


def tdx_sample(hcl):
    measurement = hcl[32 + 528:32 + 576]
    policy = "[tdx]\nmin_evaluation = 1\n" + POLICY.format(measurement.hex())
    return Sample("azure-tdx", 1_781_481_600, b"", tdx_documents("flashbots-azure-90C06F-c"), release(measurement), policy, set())


MACHINES = {"snp": ("snp-trustee-genoa", snp_sample), "tdx": ("tdx-lunal-live", tdx_sample)}


@pytest.fixture(scope="module", params=MACHINES)
def node(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("azure")
    recorded, sample_of = MACHINES[request.param]
    hcl = read(f"azure/{recorded}/hcl_report.bin")
    with contextlib.ExitStack() as stack:
        paravisor = stack.enter_context(Paravisor(folder, hcl))
        service = stack.enter_context(QuoteService(read("azure/tdx-lunal-live/td_quote.bin")))
        evidence = f'evidence = "azure"\ntpm_device = "swtpm:path={paravisor.path}"\nazure_quote_url = "{service.url}"'
        running_node = stack.enter_context(RecordedNode(folder, sample_of(hcl), evidence=evidence))
        running_node.paravisor, running_node.service, running_node.kind = paravisor, service, request.param
        running_node.beacon = running_node.show_beacon()
        running_node.file = folder / "evidence.json"
        running_node.file.write_bytes(running_node.evidence_list())
        yield running_node


def evidence_of(node):
    return json.loads(json.loads(node.file.read_bytes())["keys"][-1])


def items_of(node):
    return {name: (item[0], unpadded(item[1])) for name, item in evidence_of(node)["cpu"].items()}


def test_what_the_node_shows_holds_its_b(node):
    binding = hashlib.sha512(b"openpcc node binding v1\0" + unpadded(evidence_of(node)["keys"][1])).digest()
    items = items_of(node)
    kind, report = items["report"]
    assert kind == f"application/vnd.openpcc.azure-{node.kind}"
    (size,) = struct.unpack("<I", report[1232:1236])
    runtime = json.loads(report[1236:1236 + size])
    assert runtime["user-data"] == binding.hex()
    nonce = hashlib.sha256(b"openpcc azure quote v1\0" + binding).digest()
    quote, signature = items["tpm-quote"][1], items["tpm-signature"][1]
    (signer,) = struct.unpack(">H", quote[6:8])
    assert quote[8 + signer:][:34] == struct.pack(">H", 32) + nonce
    (key,) = (key for key in runtime["keys"] if key["kid"] == "HCLAkPub")
    public = rsa.RSAPublicNumbers(65537, int.from_bytes(unpadded(key["n"]), "big")).public_key()
    public.verify(signature[6:], quote, padding.PKCS1v15(), hashes.SHA256())
    assert json.loads(items["pcrs"][1]) == {str(pcr): value.hex() for pcr, value in VALUES.items()}
    assert quote.endswith(hashlib.sha256(b"".join(VALUES.values())).digest())


def test_what_goes_beside_it_is_that_of_the_machine(node):
    names = set(items_of(node)) - {"report", "tpm-quote", "tpm-signature", "pcrs"}
    if node.kind == "snp":
        assert names == {"chain.0", "chain.1", "chain.2"} and node.service.asked == []
        return
    assert names == {"td-quote", "tcb-info", "qe-identity", "tcb-signing-chain", "root-ca-crl", "pck-crl"}
    assert set(node.service.asked) == {"/acc/tdquote"}
    assert items_of(node)["td-quote"][1][48 + 520:48 + 584] == items_of(node)["report"][1][32 + 128:32 + 192]


def test_it_is_refused_for_the_hardwares_signature_alone(node):
    done = subprocess.run([BIN / "openpcc", "verify", node.file, "--policy", node.policy, "--at", str(node.now), "--beacon", node.beacon, "-o", "json"],
                          capture_output=True, text=True, timeout=60)
    (entry,) = json.loads(done.stdout)
    failed = {row["property"]: row["rule"] for row in entry["verdict"]["rows"] if row["state"] == "failed"}
    assert done.returncode == 10 and failed == {"root_of_trust": {"snp": "snp.signature", "tdx": "tdx.quote_signature"}[node.kind]}


def test_the_log_names_the_source(node):
    assert "(evidence_source) source=azure" in node.log.read_text()


def of_another_td(body):
    quote = bytearray(base64.urlsafe_b64decode(json.loads(body)["quote"]))
    quote[48 + 136] ^= 1  # MRTD
    return json.dumps({"quote": base64.urlsafe_b64encode(quote).decode()}).encode()


def test_a_quoting_service_that_answers_something_else(node):
    """A node on TDX does not start on it, and says by which rule; one on SEV-SNP asks no such service."""
    if node.kind == "snp":
        assert node.service.asked == []
        return
    config = node.folder / "spoiled.toml"
    config.write_text((node.folder / "node.toml").read_text().replace(node.url, "http://127.0.0.1:0").replace(node.admin, "http://127.0.0.1:0"))

    def started(spoil):
        node.service.spoil = spoil
        done = subprocess.run(node.program("openpcc-node", "--config", config), capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stdout + done.stderr

    assert "fetch.answer.too_large" in started(lambda body: body + bytes(70_000))
    assert "collect.quote_service.answer" in started(lambda body: b"<html>")
    assert "collect.azure.td_quote" in started(of_another_td)
