"""`openpcc verify` and `openpcc inspect` on quotes of TPMs and event logs of boots, as the shared corpus expects."""

import hashlib
import json
import re
import subprocess
import sys

import pytest

from harness import BIN, ROOT, tripped

sys.path.insert(0, str(ROOT / "tests/independent"))
from evidence_corpus import EVIDENCE, each, of_kind, with_id  # noqa: E402: its module stands beside the independent verifiers

pytestmark = pytest.mark.once

GOOGLE = EVIDENCE / "tpm/quotes/gce-cos-85-no-nonce"
GOOGLE_CHAIN = [GOOGLE / "ak_cert.der", EVIDENCE / "tpm/roots/tpm_ek_intermediate_2.crt", EVIDENCE / "tpm/roots/tpm_ek_root_1.cer"]
GOOGLE_TIME = with_id("tpm-quote-gce-cos-85-no-nonce")["evaluate_at"]
SWTPM = EVIDENCE / "tpm/quotes/trustee-swtpm"
SWTPM_FILES = [SWTPM / name for name in ("quote.msg", "quote.sig", "ak_pub.spki.der", "pcrs.json")]
SWTPM_KEY = hashlib.sha256((SWTPM / "ak_pub.spki.der").read_bytes()).hexdigest()


def run(*arguments):
    return subprocess.run([BIN / "openpcc", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def judged(*arguments):
    done = run("verify", *arguments, "-o", "json")
    verdict = json.loads(done.stdout)
    assert done.returncode == verdict["exit_code"]
    return verdict


def failures(verdict):
    return [finding["rule"] for finding in verdict["findings"] if finding["state"] == "failed"]


def seen(verdict, rule, state="passed"):
    return [finding["seen"] for finding in verdict["findings"] if finding["rule"] == rule and finding["state"] == state]


def fields(path):
    done = run("inspect", path, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def replayed(path):
    """What the log replays to: by bank, then by register."""
    out = {}
    for field in fields(path):
        match = re.fullmatch(r"(sha\d+) (?:PCR |RTMR)(\d+)", field["name"])
        if match:
            out.setdefault(match[1], {})[match[2]] = field["value"]
    return out


# Quotes.


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384"], ids="tpm-quote-gce-cos-85-no-nonce-{}".format)
@pytest.mark.verdict
def test_a_quote_that_google_certifies(bank):
    files = [GOOGLE / f"quote_{bank}.msg", GOOGLE / f"quote_{bank}.sig", GOOGLE / f"pcrs_{bank}.json", GOOGLE / "ak_pub.tpmt", GOOGLE / "eventlog.bin"]
    verdict = judged(*files, *GOOGLE_CHAIN, "--at", GOOGLE_TIME)
    assert verdict["genuine"] and failures(verdict) == ["tpm.nonce"], "genuine, and it answers no question"
    assert "PCR 0" in seen(verdict, "eventlog.replay")[0] and "PCR 9" in seen(verdict, "eventlog.replay")[0]
    assert "cos-test" in seen(verdict, "tpm.ak.unlisted", "not_checked")[0]
    late = judged(*files, *GOOGLE_CHAIN, "--at", "2052-01-01T00:00:00Z")
    assert not late["genuine"] and failures(late) == ["tpm.chain.expired"]
    unsigned = judged(*files, "--at", GOOGLE_TIME)
    assert not unsigned["genuine"] and failures(unsigned)[0] == "tpm.ak.unlisted"


@each([with_id("tpm-quote-trustee-swtpm")])
@pytest.mark.verdict
def test_a_quote_under_a_key_that_was_enrolled(sample):
    assert {EVIDENCE / name for name in sample["files"]} == set(SWTPM_FILES)
    assert failures(judged(*SWTPM_FILES)) == ["tpm.ak.unlisted"]
    verdict = judged(*SWTPM_FILES, "--attestation-key", SWTPM_KEY)
    assert verdict["exit_code"] == 0 and verdict["genuine"]


def test_what_is_expected_can_be_said():
    parsed = with_id("tpm-quote-trustee-swtpm")["parsed"]["attest"]
    values = json.loads((SWTPM / "pcrs.json").read_text())
    enrolled = ["--attestation-key", SWTPM_KEY]
    nonce = ["--nonce", parsed["extra_data"]]
    pcr = ["--pcr", "sha256:7=" + values["7"]]
    assert judged(*SWTPM_FILES, *enrolled, *nonce, *pcr, "--pcr-selection", "all")["exit_code"] == 0
    assert failures(judged(*SWTPM_FILES, *enrolled, *nonce, *pcr)) == ["tpm.selection.unexpected"]
    assert failures(judged(*SWTPM_FILES, *enrolled, "--nonce", "00", *pcr, "--pcr-selection", "all")) == ["tpm.nonce"]
    assert failures(judged(*SWTPM_FILES, *enrolled, *nonce, "--pcr", "sha256:7=" + "11" * 32, "--pcr-selection", "all")) == ["tpm.pcr"]
    bank = ["--pcr", "sha1:7=" + "00" * 20]
    assert failures(judged(*SWTPM_FILES, *enrolled, *nonce, *bank)) == ["tpm.selection.unexpected", "tpm.pcr"]


@pytest.mark.parametrize(
    "arguments, rule",
    [
        (["--nonce", "00"], "app.verify.pcr"),
        (["--pcr", "sha256:7=" + "00" * 32], "app.verify.pcr"),
        (["--pcr", "sha256:7", "--nonce", "00"], "app.verify.pcr"),
        (["--pcr", "sha256:24=" + "00" * 32, "--nonce", "00"], "app.verify.pcr"),
        (["--pcr", "md5:7=00", "--nonce", "00"], "app.verify.pcr"),
        (["--pcr", "sha256:7=00", "--nonce", "00"], "app.verify.pcr"),
        (["--pcr", "sha256:7=" + "00" * 32, "--pcr", "sha1:7=" + "00" * 20, "--nonce", "00"], "app.verify.pcr"),
        (["--pcr", "sha256:7=" + "00" * 32, "--nonce", "00", "--pcr-selection", "0,,1"], "app.verify.pcr"),
        (["--pcr", "sha256:7=" + "00" * 32, "--nonce", "00", "--pcr-selection", "0,1"], "app.verify.pcr"),
        (["--pcr", "sha256:7=" + "00" * 32, "--nonce", "xy"], "app.verify.hex"),
        (["--attestation-key", "00"], "app.verify.hex"),
    ],
)
def test_what_cannot_be_expected(arguments, rule):
    done = run("verify", *SWTPM_FILES, *arguments)
    assert done.returncode == 2 and rule in done.stderr
    tripped(rule)


@each([with_id("azure-kinvolk-quote")])
@pytest.mark.verdict
def test_a_package_of_the_azure_tooling(sample, tmp_path):
    files = [EVIDENCE / name for name in sample["files"]]
    key = next(field["value"] for field in fields(files[1]) if field["name"] == "key")
    assert judged(*files, "--attestation-key", key)["exit_code"] == 0
    package = bytearray(files[0].read_bytes())
    size = int.from_bytes(package[:8], "little")
    package[8 : 8 + size] = bytes(reversed(package[8 : 8 + size]))
    (tmp_path / "package").write_bytes(package)
    assert failures(judged(tmp_path / "package", files[1], "--attestation-key", key)) == ["tpm.signature"]


@each([with_id("tpm-attest-dstack-gcp-parse-only")])
@pytest.mark.verdict
def test_a_quote_alone_says_what_is_missing(sample):
    """Nobody published signature and key: what can be read is shown, and nothing is shown to be genuine."""
    quote = EVIDENCE / sample["files"][0]
    verdict = judged(quote)
    assert verdict["exit_code"] == 10 and not verdict["genuine"]
    assert failures(verdict) == ["tpm.signature.syntax", "tpm.ak.syntax", "tpm.pcrs"]
    parsed = sample["parsed"]["attest"]
    shown = {field["name"]: field["value"] for field in fields(quote)}
    assert shown["extraData"] == parsed["extra_data"] and shown["pcrDigest"] == parsed["pcr_digest"]
    assert shown["qualifiedSigner"] == parsed["qualified_signer"] and shown["pcrSelect"] == "sha256:0,1,2"
    assert shown["resetCount"] == str(parsed["reset_count"]) and shown["clock"] == str(parsed["clock"])


def test_each_file_of_a_quote_is_shown():
    assert {field["name"]: field["value"] for field in fields(SWTPM / "pcrs.json")}["PCR 7"] == json.loads((SWTPM / "pcrs.json").read_text())["7"]
    assert {field["name"]: field["value"] for field in fields(SWTPM / "quote.sig")}["scheme"] == "RSASSA"
    assert fields(SWTPM / "ak_pub.spki.der")[0]["value"] == SWTPM_KEY
    assert [field["name"] for field in fields(GOOGLE / "ak_pub.tpmt")] == ["key", "objectAttributes", "name"]
    assert fields(EVIDENCE / "azure/kinvolk/quote.bin")[0]["name"] == "magic"


# Event logs.


@each([sample for sample in of_kind("tpm-eventlog") if sample["verdict"] == "replayable"])
@pytest.mark.verdict
def test_an_event_log_replays_as_expected(sample):
    path = EVIDENCE / sample["files"][0]
    assert replayed(path) == sample["parsed"]["pcrs"]
    assert len([field for field in fields(path) if " EV_" in field["name"] or " 0x" in field["name"]]) == sample["parsed"]["events"]


@each(of_kind("tdx-ccel"))
@pytest.mark.verdict
def test_a_td_log_replays_as_expected(sample):
    values = replayed(EVIDENCE / sample["files"][0])["sha384"]
    assert {"rtmr" + index: value for index, value in values.items()} == sample["parsed"]["replayed"]


def collateral_of(quote):
    """A set of collateral for this quote and a time in its window, of those with which the corpus expects the quote to be accepted, or any."""
    for sample in of_kind("tdx-quote"):
        if sample["files"][0] == quote:
            for evaluation in sample["evaluations"]:
                if evaluation["common_window"]:
                    folder = EVIDENCE / "tdx/collateral" / evaluation["collateral"]
                    return sorted(folder.iterdir()), evaluation["common_window"][0]
    return [], "2026-01-01T00:00:00Z"


@each([sample for sample in of_kind("tdx-ccel", "tdx-runtime-log") if any("quote.bin" in name for name in sample["files"])])
@pytest.mark.verdict
def test_a_log_is_of_the_quoted_td_or_not(sample):
    quote = next(name for name in sample["files"] if name.endswith("quote.bin"))
    collateral, at = collateral_of(quote)
    log = EVIDENCE / sample["files"][0]
    verdict = judged(EVIDENCE / quote, log, *collateral, "--at", at)
    of_log = [finding for finding in verdict["findings"] if finding["rule"].startswith("eventlog.")]
    assert of_log, "the log was judged"
    refused = [finding for finding in of_log if finding["state"] == "failed"]
    if sample["verdict"] == "valid":
        assert not refused
    else:
        assert refused[0]["rule"] == "eventlog.replay" and refused[0]["seen"].startswith("RTMR2 ")
        assert verdict["exit_code"] == 10


def test_a_log_of_a_td_with_two_separators_is_seen():
    """It replays, and strict readers must refuse it: no quote of it was published, so another one's stands in."""
    quote = EVIDENCE / "tdx/quotes/v4-cos113-google/quote.bin"
    verdict = judged(quote, EVIDENCE / "tpm/ccel/cos113-dupe-separator/ccel.bin")
    assert {"eventlog.separator", "eventlog.replay"} <= set(failures(verdict))


@each([with_id("tpm-eventlog-neg-type-tamper")])
@pytest.mark.verdict
def test_what_is_covered_is_shown(sample):
    log = EVIDENCE / sample["files"][0]
    shown = {field["name"]: field["value"] for field in fields(log)}
    assert shown["PCR 5 EV_EFI_ACTION"].startswith("covered: Exit Boot Services")
    assert shown["PCR 4 EV_EFI_BOOT_SERVICES_APPLICATION"].startswith("not covered: ")
    assert any(value.startswith("text covered: ") for name, value in shown.items() if name.endswith("EV_IPL"))
    text = run("inspect", log)
    assert text.returncode == 0 and "SecureBoot" in text.stdout


def test_a_runtime_log_is_shown():
    sample = with_id("dstack-dstack-lite")
    shown = {field["name"]: field["value"] for field in fields(EVIDENCE / sample["files"][0])}
    for name, payload in sample["parsed"]["rtmr3_events"]:
        assert shown["RTMR3 " + name].startswith(payload)


def test_every_file_counts(tmp_path):
    """What a kind of evidence has no use for is not passed over."""
    snp = with_id("snp-v3-milan-microsoft")
    files = [EVIDENCE / name for name in snp["files"]]
    for stray in (GOOGLE / "eventlog.bin", SWTPM / "quote.sig", SWTPM / "pcrs.json", SWTPM / "ak_pub.spki.der"):
        done = run("verify", *files, stray, "--at", snp["evaluate_at"])
        assert done.returncode == 30 and "platform.unknown_item" in done.stderr
    manifest = EVIDENCE / next(name for one in of_kind("nvidia-rim") for name in one["files"])
    for own, stray in ((files, manifest), (SWTPM_FILES, EVIDENCE / "snp/crl/milan-2025-05-06.crl.der")):
        done = run("verify", *own, stray, "--at", snp["evaluate_at"])
        assert done.returncode == 30 and "platform.unknown_item" in done.stderr
    done = run("verify", *SWTPM_FILES, *files)
    assert done.returncode == 10 and "platform.several" in done.stderr


@each(of_kind("tpm-quote", "tpm-eventlog", "tdx-ccel", "tdx-runtime-log"))
def test_every_sample_is_shown(sample):
    quotes = [name for name in sample["files"] if name.endswith(("quote.msg", "quote_sha256.msg"))]
    assert fields(EVIDENCE / (quotes or sample["files"])[0])


def test_a_log_steers_no_terminal(tmp_path):
    """Names of events were chosen by whoever ran in the TD."""
    events = json.loads((EVIDENCE / "tpm/ccel/dstack-lite/event_log.json").read_text())
    named = next(event for event in events if event["imr"] == 0)
    named["event"] = "\x1b[31mred\x1b]0;title\x07\u009b2J"
    log = tmp_path / "log.json"
    log.write_text(json.dumps(events))
    done = run("inspect", log)
    assert done.returncode == 0 and "?[31mred" in done.stdout, "it is shown"
    named["digest"] = "\x1b[31mred"
    log.write_text(json.dumps(events))
    refused = run("inspect", log)
    assert refused.returncode == 30
    for text in (done.stdout, done.stderr, refused.stdout, refused.stderr):
        assert all(" " <= letter <= "~" or letter == "\n" for letter in text)
