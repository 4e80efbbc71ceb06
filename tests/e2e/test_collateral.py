"""`openpcc collateral`: bundles made of what the vendors' services answer, on loopback, as they should and as they should not."""

import json
import os
import subprocess
import sys

import pytest

from harness import BIN, ROOT, SANITIZER_REPORT, SLOW, tripped
from network import CLEAN, Authority, OutgoingProxy
from vendor_services import (Services, after, amd, cut, endless, intel, says_nothing, slow, stalls, trickles, vcek_target)

sys.path.insert(0, str(ROOT / "tests/independent"))
from evidence_corpus import EVIDENCE, each, of_kind, with_id  # noqa: E402: its module stands beside the independent verifiers

AT = "2026-09-01T00:00:00Z"  # AMD's recorded lists are of this time
REPORTS = [sample for sample in of_kind("snp-report") if sample["verdict"] == "valid"]
PARTS = {"tcb_info.json", "tcb_info.sig.hex", "qe_identity.json", "qe_identity.sig.hex", "tcb_signing_chain.pem", "pck_crl.der", "root_ca_crl.der"}
MILAN = with_id("snp-v3-milan-microsoft")
UNREADABLE = "tdx-v4-spr-google-2023"  # text stands after its signature


def run(*arguments, environment=None):
    done = subprocess.run([BIN / "openpcc", *map(str, arguments)], capture_output=True, text=True, timeout=60 * SLOW, env=CLEAN | (environment or {}))
    assert not SANITIZER_REPORT.search(done.stderr), done.stderr[-6000:]
    return done


class Fetching:
    """`openpcc collateral fetch` of one report, from services that a test changes."""

    def __init__(self, tmp_path, files, answers, at):
        self.tmp_path, self.files, self.at = tmp_path, files, at
        self.services = Services(answers)
        self.bundle = tmp_path / "bundle.json"
        self.cache = tmp_path / "cache"

    def __enter__(self):
        self.services.__enter__()
        return self

    def __exit__(self, *_):
        self.services.__exit__()

    def command(self, *more, at=None, files=None):
        options = {"--out": self.bundle, "--cache": self.cache, "--amd": self.services.url, "--intel": self.services.url, "--at": at or self.at}
        settings = [part for name, value in options.items() if name not in more for part in (name, value)]
        return ["collateral", "fetch", *(files or self.files), *settings, *more]

    def __call__(self, *more, at=None, files=None):
        self.services.asked.clear()
        return run(*self.command(*more, at=at, files=files))

    def verdict(self, at=None):
        return json.loads(run("verify", self.bundle, "--at", at or self.at, "-o", "json").stdout)

    def refused(self, rule, exit_code, *more, **keywords):
        self.bundle.unlink(missing_ok=True)
        done = self(*more, **keywords)
        assert rule in done.stderr and done.returncode == exit_code, (done.returncode, done.stderr)
        assert not self.bundle.exists()
        tripped(rule)
        return done


def amd_of(sample):
    """A product line by the certificate's name, and what AMD's service answers of the sample."""
    folder = (EVIDENCE / sample["files"][0]).parent
    product = next(name for name in ("Milan", "Genoa", "Turin") if f"roots/{name.lower()}" in " ".join(sample["files"]))
    report = (folder / "report.bin").read_bytes()
    vcek = folder / "vcek.der"
    return product, amd(EVIDENCE, product, report, vcek.read_bytes() if vcek.exists() else None)


@pytest.fixture
def milan(tmp_path):
    with Fetching(tmp_path, [EVIDENCE / MILAN["files"][0]], amd_of(MILAN)[1], AT) as fetching:
        fetching.report = (EVIDENCE / MILAN["files"][0]).read_bytes()
        fetching.vcek = vcek_target(fetching.report, "Milan")
        fetching.chain, fetching.crl = "/vcek/v1/Milan/cert_chain", "/vcek/v1/Milan/crl"
        yield fetching


# What succeeds.


@pytest.mark.once
@each(REPORTS)
def test_a_reports_bundle_gives_the_verdict_of_its_files(tmp_path, sample):
    product, answers = amd_of(sample)
    report = EVIDENCE / sample["files"][0]
    vlek = [EVIDENCE / name for name in sample["files"] if name.endswith("vlek.der")]
    with Fetching(tmp_path, [report, *vlek], answers, AT) as fetching:
        at = AT if not vlek else "2025-06-01T00:00:00Z"
        if vlek:
            answers["/vlek/v1/Milan/crl"] = (200, {}, (EVIDENCE / "snp/crl/milan-2025-05-06.crl.der").read_bytes())
            fetching.services.answers.update(answers)
            fetching.refused("collateral.vlek.missing", 10, files=[report], at=at)
        done = fetching(at=at)
        assert done.returncode == 0, done.stderr
        crl = EVIDENCE / f"snp/crl/{product.lower()}-2026-08-19.crl.der" if not vlek else EVIDENCE / "snp/crl/milan-2025-05-06.crl.der"
        apart = run("verify", *(EVIDENCE / name for name in sample["files"]), crl, "--at", at, "-o", "json")
        verdict = fetching.verdict(at)
        assert verdict == json.loads(apart.stdout) and verdict["genuine"]
        assert {finding["aspect"]: finding["state"] for finding in verdict["findings"]}["revocation"] == "passed"


QUOTES = [(sample, evaluation) for sample in of_kind("tdx-quote", "sgx-quote") if sample["verdict"] == "valid" and sample["id"] != UNREADABLE
          for evaluation in sample["evaluations"]
          if evaluation["common_window"] and {path.name for path in (EVIDENCE / "tdx/collateral" / evaluation["collateral"]).iterdir()} >= PARTS]


def intel_of(sample, evaluation, query=""):
    folder = EVIDENCE / "tdx/collateral" / evaluation["collateral"]
    quote = (EVIDENCE / sample["files"][0]).read_bytes()
    fmspc = json.loads((folder / "tcb_info.json").read_text())["fmspc"]
    sgx = sample["kind"] == "sgx-quote"
    return intel(folder, fmspc, "sgx" if sgx else "tdx", "processor" if b"Processor CA" in folder.joinpath("pck_crl.der").read_bytes() else "platform",
                 query), quote


@pytest.mark.once
@pytest.mark.parametrize("sample, evaluation", QUOTES, ids=[f"{sample['id']}-{evaluation['collateral']}" for sample, evaluation in QUOTES])
def test_a_quotes_bundle_gives_the_verdict_of_its_files(tmp_path, sample, evaluation):
    answers, _ = intel_of(sample, evaluation)
    at = evaluation["common_window"][0]
    with Fetching(tmp_path, [EVIDENCE / sample["files"][0]], answers, at) as fetching:
        done = fetching()
        assert done.returncode == 0, done.stderr
        folder = EVIDENCE / "tdx/collateral" / evaluation["collateral"]
        apart = run("verify", EVIDENCE / sample["files"][0], *sorted(folder.iterdir()), "--at", at, "-o", "json")
        assert fetching.verdict() == json.loads(apart.stdout)
        assert sorted(fetching.services.asked) == sorted(answers)


def test_progress_and_summary(milan):
    done = milan("-o", "json")
    assert done.returncode == 0, done.stderr
    assert f"from {milan.services.url}{milan.vcek}" in done.stderr and done.stderr.count("fetched ") == 3
    summary = json.loads(done.stdout)
    assert summary["out"] == str(milan.bundle) and [piece["source"] for piece in summary["pieces"]] == ["fetched"] * 3
    assert summary["valid_to"] == "2026-10-03T23:59:59Z" and "Milan" in summary["kind"]
    again = milan()
    assert again.returncode == 0 and again.stderr.count("cached ") == 3 and not milan.services.asked
    assert "2026-10-03T23:59:59Z" in again.stdout


def test_beside_the_report_and_in_the_users_cache(milan, tmp_path):
    report = tmp_path / "report.bin"
    report.write_bytes(milan.report)
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": ""}
    command = ["collateral", "fetch", report, "--amd", milan.services.url, "--at", AT]
    assert run(*command, environment=home).returncode == 0
    assert (tmp_path / "report.bin.bundle.json").exists() and len(list((tmp_path / "home/.cache/openpcc/collateral").glob("*.entry"))) == 3
    milan.services.asked.clear()
    assert run(*command, environment=home).returncode == 0 and not milan.services.asked
    assert run(*command, "--no-cache", environment=home).returncode == 0 and len(milan.services.asked) == 3
    assert run(*command, environment={"XDG_CACHE_HOME": str(tmp_path / "xdg")}).returncode == 0
    assert (tmp_path / "xdg/openpcc/collateral").is_dir()
    nowhere = run(*command, environment={"HOME": "", "XDG_CACHE_HOME": ""})
    assert nowhere.returncode == 2 and "app.collateral.cache" in nowhere.stderr
    tripped("app.collateral.cache")


def test_offline_with_what_is_kept(milan):
    milan.refused("collateral.offline", 1, "--offline")
    assert milan().returncode == 0
    milan.services.asked.clear()
    milan.bundle.unlink()
    assert milan("--offline").returncode == 0 and not milan.services.asked and milan.verdict()["genuine"]
    late = milan.refused("collateral.offline", 1, "--offline", at="2026-10-05T00:00:00Z")
    assert "snp.crl.expired" in late.stderr and "remedy: " in late.stderr


def test_show_and_inspect(milan, tmp_path):
    assert milan().returncode == 0
    shown = {piece["label"]: piece for piece in json.loads(run("collateral", "show", milan.bundle, "-o", "json").stdout)}
    assert list(shown) == ["report", "chain.0", "chain.1", "chain.2", "crl"]
    assert shown["chain.0"]["what"] == "certificate of SEV-VCEK" and shown["crl"]["valid_to"] == "2026-10-03T23:59:59Z"
    assert "certificate of ARK-Milan" in run("collateral", "show", milan.bundle).stdout
    names = {line["name"] for line in json.loads(run("inspect", milan.bundle, "-o", "json").stdout)}
    assert {"CHIP_ID", "hwID", "next update", "chain.2"} <= names
    text = milan.bundle.read_text()
    broken = tmp_path / "broken.json"
    for bad in (text[:-2], text.replace("snp-report", "tdx-quote"), text.replace('"chain.1"', '"chain.7"')):
        broken.write_text(bad)
        assert run("verify", broken).returncode == 30
    assert run("collateral", "show", EVIDENCE / MILAN["files"][1]).returncode == 30


def test_a_policy_judges_a_bundle_as_it_judges_the_files(milan):
    assert milan().returncode == 0
    policy = ROOT / "examples/policies/bare-metal-snp.toml"
    alone = [EVIDENCE / name for name in MILAN["files"]] + [EVIDENCE / "snp/crl/milan-2026-08-19.crl.der"]
    bundled, single = (run("verify", *files, "--policy", policy, "--at", milan.at, "-o", "json") for files in ([milan.bundle], alone))
    assert bundled.returncode == single.returncode == 10
    assert json.loads(bundled.stdout) == json.loads(single.stdout)


# The way there.


def test_amds_own_name_through_the_organisations_proxy(milan, tmp_path):
    root = Authority(tmp_path, "root of the web")
    with Services(milan.services.answers, root.server("kdsintf.amd.com")) as kds:
        with OutgoingProxy({"kdsintf.amd.com:443": ("127.0.0.1", kds.port)}) as outgoing:
            command = ["collateral", "fetch", *milan.files, "--out", milan.bundle, "--no-cache", "--at", AT]
            environment = {"HTTPS_PROXY": outgoing.url, "SSL_CERT_FILE": str(root.pem)}
            done = run(*command, environment=environment)
            assert done.returncode == 0, done.stderr
            assert set(outgoing.heads) and all(head.startswith("CONNECT kdsintf.amd.com:443 ") for head in outgoing.heads)
            assert "from https://kdsintf.amd.com:443/vcek/" in done.stderr
            done = run(*command, "--ca-file", root.pem, environment={"HTTPS_PROXY": outgoing.url})
            assert done.returncode == 0, done.stderr
            other = Authority(tmp_path, "another root")
            done = run(*command, environment=environment | {"SSL_CERT_FILE": str(other.pem)})
            assert done.returncode == 1 and "http.client.tls" in done.stderr and "--ca-file" in done.stderr


def test_intels_two_names_through_the_organisations_proxy(tmp_path):
    sample, evaluation = QUOTES[0]
    answers, _ = intel_of(sample, evaluation)
    root = Authority(tmp_path, "root of the web")
    names = ("api.trustedservices.intel.com", "certificates.trustedservices.intel.com")
    with Services(answers, root.server(names[0])) as pcs, Services(answers, root.server(names[1])) as certificates:
        routes = {f"{name}:443": ("127.0.0.1", server.port) for name, server in zip(names, (pcs, certificates))}
        with OutgoingProxy(routes) as outgoing:
            done = run("collateral", "fetch", EVIDENCE / sample["files"][0], "--out", tmp_path / "bundle.json", "--no-cache", "--at",
                       evaluation["common_window"][0], environment={"HTTPS_PROXY": outgoing.url, "SSL_CERT_FILE": str(root.pem)})
            assert done.returncode == 0, done.stderr
            assert certificates.asked == ["/IntelSGXRootCA.der"] and len(pcs.asked) == 3


def test_nobody_listens(milan):
    done = milan("--amd", "http://127.0.0.1:1")
    assert done.returncode == 1 and "http.client.connect" in done.stderr and "remedy: " in done.stderr


def test_plain_http_stays_on_this_machine(milan):
    done = run("collateral", "fetch", *milan.files, "--no-cache", "--amd", "http://kds.example", "--out", milan.bundle)
    assert done.returncode == 2 and "fetch.url" in done.stderr
    tripped("fetch.url")


# What services do wrong. Each is refused by its rule, and no bundle is written.


def test_slow_is_not_wrong(milan):
    for target in (milan.vcek, milan.chain, milan.crl):
        milan.services.answers[target] = slow(milan.services.answers[target])
    assert milan("--timeout", 20 * SLOW).returncode == 0


@pytest.mark.parametrize("fault", [stalls, lambda _: says_nothing, lambda _: trickles], ids=["stalls", "says-nothing", "trickles"])
def test_what_does_not_come_to_its_end_in_time(milan, fault):
    milan.services.answers[milan.chain] = fault(milan.services.answers[milan.chain])
    done = milan.refused("fetch.timeout", 1, "--timeout", 2)
    assert "cert_chain" in done.stderr and "--timeout" in done.stderr


def test_an_answer_that_is_cut(milan):
    milan.services.answers[milan.crl] = cut(milan.services.answers[milan.crl])
    done = milan()
    assert done.returncode == 1 and "http.client.truncated" in done.stderr
    status, fields, body = amd_of(MILAN)[1][milan.crl]
    milan.services.answers[milan.crl] = (status, fields, body[:-10])
    milan.refused("collateral.answer.syntax", 30)


def test_busy_services(milan):
    good = milan.services.answers[milan.vcek]
    milan.services.answers[milan.vcek] = after([(429, {"Retry-After": "1"}, b""), (503, {"Retry-After": "1"}, b"")], good)
    done = milan()
    assert done.returncode == 0 and done.stderr.count("waiting ") == 2 and milan.services.asked.count(milan.vcek) == 3
    milan.services.answers[milan.vcek] = (429, {"Retry-After": "3600"}, b"")
    milan.refused("collateral.answer.busy", 1, "--cache", milan.tmp_path / "other")
    assert milan.services.asked == [milan.vcek]


STATUSES = [(404, "collateral.answer.unknown", 10), (410, "collateral.answer.gone", 10), (302, "collateral.answer.redirect", 10),
            (500, "collateral.answer.status", 1), (400, "collateral.answer.status", 1)]


@pytest.mark.parametrize("status, rule, code", STATUSES, ids=[str(status) for status, _, _ in STATUSES])
def test_statuses(milan, status, rule, code):
    with Services({"/": (200, {}, b"")}) as elsewhere:
        milan.services.answers[milan.vcek] = (status, {"Location": elsewhere.url + "/"}, b"<html>")
        milan.refused(rule, code)
        assert milan.services.asked == [milan.vcek] and not elsewhere.asked


def test_contents_that_are_not_what_was_asked_for(milan):
    good = dict(milan.services.answers)
    other_chip = (EVIDENCE / with_id("snp-v2-milan-virtee")["files"][1]).read_bytes()
    blocks = good[milan.chain][2].decode().split("-----END CERTIFICATE-----\n")
    swapped = f"{blocks[1]}-----END CERTIFICATE-----\n{blocks[0]}-----END CERTIFICATE-----\n".encode()
    cases = [
        (milan.vcek, (200, {}, b"<html>a portal of the network</html>"), "collateral.answer.syntax", 30),
        (milan.vcek, (200, {}, other_chip), "snp.signature", 10),
        (milan.chain, (200, {}, swapped), "collateral.answer.chain_order", 30),
        (milan.chain, (200, {}, (EVIDENCE / "snp/roots/genoa/kds_cert_chain_vcek.pem").read_bytes()), "snp.product.mismatch", 10),
        (milan.chain, (200, {"Content-Encoding": "gzip"}, good[milan.chain][2]), "collateral.answer.encoding", 20),
        (milan.crl, (200, {}, (EVIDENCE / "snp/crl/genoa-2026-08-19.crl.der").read_bytes()), "snp.crl.issuer", 10),
        (milan.crl, (200, {}, (EVIDENCE / "snp/crl/milan-2025-05-06.crl.der").read_bytes()), "snp.crl.expired", 10),
        (milan.crl, (200, {}, bytes(200_000)), "collateral.answer.too_large", 30),
        (milan.crl, endless, "collateral.answer.too_large", 30),
    ]
    for number, (target, answer, rule, code) in enumerate(cases):
        milan.services.answers = good | {target: answer}
        milan.bundle.unlink(missing_ok=True)
        done = milan("--cache", milan.tmp_path / f"cache-{number}")
        assert rule in done.stderr and done.returncode == code, (number, done.returncode, done.stderr)
        assert not milan.bundle.exists()
    for rule in ("collateral.answer.too_large", "collateral.answer.encoding", "collateral.answer.chain_order"):
        tripped(rule)


def test_a_report_that_was_changed(milan, tmp_path):
    changed = bytearray(milan.report)
    changed[0x90] ^= 1
    file = tmp_path / "changed.bin"
    file.write_bytes(changed)
    done = milan(files=[file])
    assert done.returncode == 10 and "snp.signature" in done.stderr and not milan.bundle.exists()


def test_one_report_with_what_vouches_for_it(milan, tmp_path):
    genoa = EVIDENCE / with_id("snp-v3-genoa-microsoft")["files"][0]
    milan.refused("app.collateral.several", 2, files=[*milan.files, genoa])
    milan.refused("collateral.report.none", 20, files=[EVIDENCE / MILAN["files"][1]])
    other = tmp_path / "other"
    other.write_bytes(b"neither")
    milan.refused("collateral.item.unused", 30, files=[*milan.files, other])
    assert not milan.services.asked


# Intel.


@pytest.fixture
def td(tmp_path):
    sample, evaluation = QUOTES[0]
    answers, _ = intel_of(sample, evaluation)
    with Fetching(tmp_path, [EVIDENCE / sample["files"][0]], answers, evaluation["common_window"][0]) as fetching:
        fetching.tcb = next(target for target in answers if "/tcb?" in target)
        fetching.identity = next(target for target in answers if target.endswith("/qe/identity"))
        yield fetching


def rule_for_another(head, at):
    """Why a genuine TCB info of another platform model is refused: what a verifier looks at first."""
    if head["id"] != "TDX":
        return "tdx.collateral.id"
    if at < head["issueDate"]:
        return "tdx.collateral.early"
    return "tdx.collateral.expired" if at > head["nextUpdate"] else "tdx.collateral.fmspc"


def test_collateral_of_another_platform_model(td):
    own = json.loads(td.services.answers[td.tcb][2])["tcbInfo"]["fmspc"].lower()
    seen = set()
    for folder in sorted((EVIDENCE / "tdx/collateral").iterdir()):
        head = json.loads((folder / "tcb_info.json").read_text()) if {path.name for path in folder.iterdir()} >= PARTS else None
        if head and head["fmspc"].lower() != own:
            answers = list(intel(folder, own).items())
            td.services.answers[td.tcb] = answers[0][1]
            td.services.answers[td.identity] = answers[1][1]
            rule = rule_for_another(head, td.at)
            td.refused(rule, 10)
            seen.add(rule)
            assert not any("tcb" in entry.name for entry in td.cache.glob("*.entry"))
    assert seen == {f"tdx.collateral.{word}" for word in ("id", "early", "expired", "fmspc")}


def test_documents_without_their_signers_chain(td):
    good = dict(td.services.answers)
    status, fields, body = good[td.tcb]
    for bad in ({}, {"TCB-Info-Issuer-Chain": "%"}, {"TCB-Info-Issuer-Chain": fields["TCB-Info-Issuer-Chain"][:900]}):
        td.services.answers[td.tcb] = (status, bad, body)
        td.refused("collateral.answer.issuer_chain", 30)
    td.services.answers[td.tcb] = (status, fields, body.replace(b'"tcbInfo"', b'"tcbinfo"'))
    td.refused("collateral.answer.syntax", 30)
    td.services.answers[td.tcb] = (status, fields, body.replace(b"UpToDate", b"uptodate", 1))
    assert "tdx.collateral.signature" in td().stderr
    td.services.answers = good
    assert td().returncode == 0


def test_early_and_by_number(tmp_path):
    sample, evaluation = QUOTES[0]
    for options, query in ((["--tcb-early"], "update=early"), (["--tcb-number", "17"], "tcbEvaluationDataNumber=17")):
        answers, _ = intel_of(sample, evaluation, query)
        with Fetching(tmp_path, [EVIDENCE / sample["files"][0]], answers, evaluation["common_window"][0]) as fetching:
            done = fetching(*options, "--cache", tmp_path / query)
            assert done.returncode == 0, done.stderr
            assert sorted(fetching.services.asked) == sorted(answers)
    both = run("collateral", "fetch", EVIDENCE / sample["files"][0], "--tcb-early", "--tcb-number", "17")
    assert both.returncode == 2


def number_of(evaluation):
    return json.loads((EVIDENCE / "tdx/collateral" / evaluation["collateral"] / "tcb_info.json").read_text())["tcbEvaluationDataNumber"]


def test_an_older_evaluation_than_was_seen_is_refused(tmp_path):
    older, newer, sample = next((a, b, sample) for sample, a in QUOTES for other, b in QUOTES if other is sample and number_of(a) < number_of(b))
    quote = [EVIDENCE / sample["files"][0]]
    with Fetching(tmp_path, quote, intel_of(sample, newer)[0], newer["common_window"][0]) as fetching:
        assert fetching().returncode == 0
        fetching.services.answers = intel_of(sample, older)[0]
        done = fetching.refused("tdx.collateral.rollback", 10, at=older["common_window"][0])
        assert "--cache" in done.stderr
        assert fetching("--cache", tmp_path / "anew", at=older["common_window"][0]).returncode == 0


# What is kept.


def test_damaged_entries_are_fetched_again(milan):
    assert milan().returncode == 0
    entries = sorted(milan.cache.glob("*.entry"))
    assert len(entries) == 3
    good = [entry.read_bytes() for entry in entries]
    for damage in (lambda _, data: b"", lambda _, data: data[:-1], lambda _, data: data[:-200] + bytes(200), lambda _, data: os.urandom(2000),
                   lambda number, _: good[(number + 1) % 3], lambda _, data: data + bytes(600_000)):
        for number, entry in enumerate(entries):
            entry.write_bytes(damage(number, good[number]))
        milan.bundle.unlink()
        assert milan().returncode == 0 and len(milan.services.asked) == 3 and milan.verdict()["genuine"]
        for entry, before in zip(entries, good):
            assert entry.read_bytes() == before


def test_a_damaged_folder_says_so(milan, tmp_path):
    assert milan().returncode == 0
    entry = next(milan.cache.glob("*.entry"))
    entry.unlink()
    entry.mkdir()
    done = milan.refused("fetch.store.read", 1)
    assert str(entry) in done.stderr
    file = tmp_path / "file"
    file.write_text("x")
    milan.refused("fetch.store.folder", 1, "--cache", file)


def test_two_at_once_ask_once(milan):
    milan.services.answers[milan.vcek] = slow(milan.services.answers[milan.vcek], 1)
    milan.services.asked.clear()
    both = [subprocess.Popen([str(part) for part in [BIN / "openpcc", *milan.command("--out", milan.tmp_path / f"bundle-{number}")]], env=CLEAN,
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) for number in range(2)]
    said = [process.communicate(timeout=60 * SLOW)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(milan.services.asked) == sorted([milan.vcek, milan.chain, milan.crl])
    assert {text.count("fetched ") for text in said} == {0, 3}
    assert (milan.tmp_path / "bundle-0").read_bytes() == (milan.tmp_path / "bundle-1").read_bytes()
