"""A node of production that shows a recorded machine's evidence, among real parties, at a time of the recording: libfaketime sets their clocks."""

import base64
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import sys
import time
import urllib.request

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain import copied_party
from harness import BIN, ROOT, Deployment, faulty_engine, free_port, get, running, wait_answering, wait_until

sys.path.insert(0, str(ROOT / "tests/independent"))
from evidence_corpus import read  # noqa: E402: its module stands beside the independent verifiers


@dataclasses.dataclass
class Sample:
    """A recorded machine, a time at which everything that vouches for it holds, and the policy that takes it."""

    name: str
    at: int
    report: bytes
    collateral: dict  # what lies in collateral_dir: name -> bytes
    release: str
    policy: str
    rows: set  # those of its technology that pass


def snp_sample():
    report = read("snp/reports/v3-genoa-microsoft/report.bin")
    files = {"vcek": read("snp/reports/v3-genoa-microsoft/vcek.der"), "chain": read("snp/roots/genoa/kds_cert_chain_vcek.pem"),
             "crl": read("snp/crl/genoa-2026-08-19.crl.der"), "of-another-chip": read("snp/reports/v5-genoa-live/vcek.der")}
    policy = "[snp.min_tcb.Genoa]\nboot_loader = 1\ntee = 0\nsnp = 1\nmicrocode = 1\n"
    rows = {"revocation", "product", "tcb", "firmware", "debug", "migration", "guest_policy", "privilege", "platform"}
    return Sample("snp", 1_788_220_800, report, files, report[0x90:0xC0].hex(), policy, rows)


def tdx_documents(collateral):
    """What lies in collateral_dir for a recorded set of Intel's."""
    def document(member, name):
        text, signature = read(f"tdx/collateral/{collateral}/{name}.json"), read(f"tdx/collateral/{collateral}/{name}.sig.hex")
        return b'{"%s":%s,"signature":"%s"}' % (member.encode(), text, signature.strip())

    files = {"tcb": document("tcbInfo", "tcb_info"), "qe": document("enclaveIdentity", "qe_identity")}
    return files | {name: read(f"tdx/collateral/{collateral}/{name}") for name in ("tcb_signing_chain.pem", "root_ca_crl.der", "pck_crl.der")}


def tdx_sample():
    quote = read("tdx/quotes/v4-phala/quote.bin")
    files = tdx_documents("phala-tdx-B0C06F")
    body = quote[48:]
    registers = body[136:184] + body[328:520]  # MRTD, and RTMR0 to RTMR3
    release = hashlib.sha384(b"openpcc tdx release v1\0" + registers).hexdigest()
    policy = f'[tdx]\nmin_evaluation = 1\nmrseam = ["{body[16:64].hex()}"]\n'
    return Sample("tdx", 1_750_400_000, quote, files, release, policy, {"revocation", "tcb", "firmware", "debug", "migration", "guest_policy"})


def clock(at):
    """The environment in which a process begins at about `at`. Durations stay real."""
    return {"LD_PRELOAD": os.environ["OPENPCC_FAKETIME"], "FAKETIME": f"{at - int(time.time()):+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


def signed_note(text, key_file):
    """A signed note (c2sp.org/signed-note) by a key as `openpcc keygen directory` writes it."""
    name, key_id, secret = key_file.read_text().strip().removeprefix("PRIVATE+KEY+").split("+", 2)
    signature = Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret)[1:]).sign(text.encode())
    return f"{text}\n\u2014 {name} {base64.b64encode(bytes.fromhex(key_id) + signature).decode()}\n"


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def leaf_of(evidence, chip_id):
    claims = unpadded(json.loads(evidence)["keys"][1])
    binding = hashlib.sha512(b"openpcc node binding v1\0" + claims).digest()
    node_id = hashlib.sha256(b"openpcc node id v1\0" + binding).hexdigest()
    return node_id, base64.b64encode(json.dumps({"node_id": node_id, "chip_id": chip_id, "evidence": evidence}).encode()).decode()


class RecordedNode:
    """The node, and the deployment of simulated ones beside it whose engine, gateway keys, beacon and directory it shares."""

    def __init__(self, folder, sample, collateral=None, evidence=None):
        """`collateral`, `evidence`: settings that say where each comes from; without them, from the sample's files."""
        self.folder, self.sample = pathlib.Path(folder), sample
        self.evidence = evidence or f'evidence = "replay:{self.folder}/recorded"'
        self.collateral = collateral or f'collateral_dir = "{self.folder}/collateral"'

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.environment = clock(self.sample.at)
            self.offset = int(self.environment["FAKETIME"])
            self.deployment = stack.enter_context(Deployment(self.folder / "up", nodes=1, environment=self.environment))
            self.engine = stack.enter_context(faulty_engine(self.folder))
            self._write_policy()
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)

    @property
    def now(self):
        return int(time.time()) + self.offset

    @property
    def bundle(self):
        return json.loads((self.deployment.folder / "bundle/bundle").read_text())

    def program(self, *words):
        """A command whose clock stands at the time of the recording."""
        return ["env", *(f"{name}={value}" for name, value in self.environment.items()), BIN / words[0], *words[1:]]

    def _write_policy(self):
        keys = re.search(r"\[keys\].*?(?=\n\[)", (self.deployment.folder / "policy.toml").read_text(), re.DOTALL).group()
        deployment = re.search(r'^deployment = .*$', (self.deployment.folder / "policy.toml").read_text(), re.MULTILINE).group()
        model = re.search(r'^models = .*$', (self.deployment.folder / "policy.toml").read_text(), re.MULTILINE).group()
        self.policy = self.folder / "production.toml"
        self.policy.write_text(f'kind = "production"\n{deployment}\n{keys}\n[nodes]\nreleases = ["{self.sample.release}"]\n{model}\nrequire_gpu = false\n'
                               "min_root_owners = 1\nfreshness_age_s = 1200\n"
                               f"[exceptions]\nno_chip_ledger = true\none_root_owner = true\n{self.sample.policy}")

    def _start(self, stack):
        for name, files in (("recorded", {"report": self.sample.report}), ("collateral", self.sample.collateral)):
            (self.folder / name).mkdir()
            for file, content in files.items():
                (self.folder / name / file).write_bytes(content)
        port, admin = stack.enter_context(free_port()), stack.enter_context(free_port())
        self.url, self.admin = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}"
        text = re.sub(r"\[sim\].*?(?=\n\[|\Z)", "", (self.deployment.folder / "config/node-1.toml").read_text(), flags=re.DOTALL)
        text = re.sub(r"\[admin\].*", "", text, flags=re.DOTALL)
        for name, value in (("listen", self.url), ("engine", self.engine.listen)):
            text, count = re.subn(rf"^{name} = .*$", f'{name} = "{value}"', text, flags=re.MULTILINE)
            assert count == 1, text
        config = self.folder / "node.toml"
        config.write_text(f'{self.evidence}\n{self.collateral}\n{text}\n[admin]\nlisten = "{self.admin}"\n')
        self.log = self.folder / "node.log"
        process = stack.enter_context(running(self.program("openpcc-node", "--config", config), self.log))
        wait_answering(process, self.log, lambda: get(self.admin + "/livez")[0] == 200, "the node")

    def show_beacon(self):
        """Has the node make a key, and returns the file of the beacon that its claims refer to."""
        newest = self.bundle["beacons"][-1]
        request = urllib.request.Request(self.url + "/v1/beacon", newest.encode(), {"content-type": "text/plain; charset=utf-8"}, method="PUT")
        assert urllib.request.urlopen(request, timeout=20).status in (200, 204)
        beacon = self.folder / "beacon"
        beacon.write_text(newest)
        return beacon

    def evidence_list(self):
        return wait_until(lambda: (listed := get(self.url + "/v1/evidence")[1]) != b'{"keys":[]}' and listed, 20, "the node shows evidence")

    def requests(self):
        """How many were sent to the node, and to the simulated one; a metric stands there from the first on."""
        for admin in (self.admin, self.deployment.state["parties"]["node-1"]["admin"]):
            found = re.search(r"^openpcc_requests_total (\S+)$", get(admin + "/metrics")[1].decode(), re.MULTILINE)
            yield float(found.group(1)) if found else 0

    @contextlib.contextmanager
    def offered(self, policy, evidence):
        """A proxy whose directory lies: it lists this evidence beside the simulated node's, rightly signed. Yields the proxy's URL."""
        with contextlib.ExitStack() as stack:
            folder = self.folder / f"offered-{policy.stem}"
            (folder / "bundle").mkdir(parents=True)
            bundle = self.bundle
            node_id, leaf = leaf_of(evidence, "00")
            bundle["nodes"].append(leaf)
            text = json.dumps(bundle).encode()
            (folder / "bundle/bundle").write_bytes(text)
            statement = f"openpcc bundle v1\n{bundle['epoch']}\n{base64.b64encode(hashlib.sha256(text).digest()).decode()}\n"
            (folder / "bundle/bundle.sig").write_text(signed_note(statement, self.deployment.folder / "keys/directory"))
            ports = [stack.enter_context(free_port()) for _ in range(3)]
            gateway, relay, proxy = (f"http://127.0.0.1:{port}" for port in ports)
            nodes = [self.deployment.state["parties"]["node-1"]["listen"], self.url]
            self._copy(stack, folder, "gateway", "openpcc-gateway", ports[0], {"nodes": nodes, "bundle_folder": str(folder / "bundle")})
            self._copy(stack, folder, "relay-1", "openpcc-relay", ports[1], {"gateway": gateway})
            self._copy(stack, folder, "proxy", "openpcc proxy", ports[2], {"relays": [relay], "policy": str(policy)})
            yield proxy, node_id

    def _copy(self, stack, folder, *party):
        copied_party(stack, folder, self.deployment, *party, environment=self.environment, ready="/livez")
