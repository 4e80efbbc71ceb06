"""The node of production with a recorded machine's evidence: all of it is judged, and it is refused for its binding alone, since no recording can
cover a key that was made after it."""

import json
import re
import subprocess

import pytest

from harness import BIN, Stream, chat_body, get, post, running, tripped, wait_until
from recorded_node import RecordedNode, snp_sample, tdx_sample
from evidence_corpus import EVIDENCE  # isort: skip: recorded_node says where it is
from vendor_services import Services, amd

pytestmark = pytest.mark.once

BINDING = "attest.binding.report_data"
# Rows that need no technology's word.
COMMON = {"format", "evidence_kind", "root_of_trust", "release", "deployment", "freshness", "validity", "models", "root_owners"}


@pytest.fixture(scope="module", params=[snp_sample, tdx_sample], ids=["snp", "tdx"])
def node(request, tmp_path_factory):
    with RecordedNode(tmp_path_factory.mktemp("recorded"), request.param()) as running_node:
        running_node.beacon = running_node.show_beacon()
        yield running_node


def verify(node, file, *arguments, at=None):
    return subprocess.run([BIN / "openpcc", "verify", file, "--policy", node.policy, "--at", str(at or node.now), "--beacon", node.beacon, *arguments],
                          capture_output=True, text=True, timeout=60)


def verdict_of(done):
    (entry,) = json.loads(done.stdout)
    return entry["verdict"]


def states(verdict, state):
    return {row["property"]: row["rule"] for row in verdict["rows"] if row["state"] == state}


def failed_of(verdict):
    return {row["property"]: row["rule"] for row in verdict["rows"] if row["required"] and row["state"] != "passed"}


def test_refused_for_its_binding_and_nothing_else(node):
    file = node.folder / "evidence.json"
    file.write_bytes(node.evidence_list())
    done = verify(node, file, "-o", "json")
    verdict = verdict_of(done)
    assert done.returncode == 10 and verdict["outcome"] == "reject"
    assert failed_of(verdict) == states(verdict, "failed") == {"key_binding": BINDING}
    assert set(states(verdict, "passed")) >= COMMON | node.sample.rows
    explained = verify(node, file, "--explain").stdout
    assert "recorded evidence cannot cover a key made now" in explained
    tripped(BINDING)


def test_at_another_time_the_recording_is_out_of_its_own(node):
    """That everything else passes is no accident of what is looked at."""
    file = node.folder / "evidence.json"
    file.write_bytes(node.evidence_list())
    verdict = verdict_of(verify(node, file, "-o", "json", at=node.now + 10 * 365 * 86400))
    assert failed_of(verdict)["root_of_trust"].endswith(".expired") and failed_of(verdict)["validity"] == "attest.validity.expired"


def test_the_node_says_what_it_is(node):
    log = node.log.read_text()
    assert "(evidence_source) source=recording" in log and "(evidence_recorded)" in log


def test_the_directory_leaves_it_out_and_says_why(node):
    folder = node.folder / "directory"
    folder.mkdir()
    settings = (node.deployment.folder / "config/directory.toml").read_text()
    for name, value in (("nodes", f'["{node.url}"]'), ("policy", f'"{node.policy}"'), ("out", f'"{folder}"'), ("listen", '"http://127.0.0.1:0"')):
        settings, count = re.subn(rf"^{name} = .*$", lambda _, name=name, value=value: f"{name} = {value}", settings, flags=re.MULTILINE)
        assert count == 1, settings
    config, log = node.folder / "directory.toml", node.folder / "directory.log"
    config.write_text(settings)
    with running(node.program("openpcc", "directory", "build", "--config", config), log):
        wait_until(lambda: f"rule={BINDING}" in log.read_text(), 20, "the directory looks at the node")
    assert "node_refused" in log.read_text() and not any(folder.iterdir())


def test_a_client_sends_it_nothing_even_where_the_directory_lists_it(node):
    evidence = json.loads(node.evidence_list())["keys"][-1]
    with node.offered(node.policy, evidence) as (proxy, node_id):
        verdicts = wait_until(lambda: json.loads(get(proxy + "/openpcc/verdict")[1])["nodes"], 20, "the proxy has a bundle")
        (verdict,) = (verdict for verdict in verdicts if verdict.get("node_id") == node_id)
        assert failed_of(verdict) == {"key_binding": BINDING}
        status, answer = post(proxy, "/v1/chat/completions", chat_body())
        assert status == 404 and answer["error"]["code"] == "client.unknown_model", answer
    development = node.deployment.folder / "policy.toml"
    with node.offered(development, evidence) as (proxy, _):
        wait_until(lambda: json.loads(get(proxy + "/v1/models")[1])["data"], 20, "the proxy has a node")
        for _ in range(5):
            stream = Stream(proxy, chat_body(max_tokens=1))
            assert stream.read_to_end() and stream.status == 200, "the simulated node answers through the same parties"
            stream.close()
    recorded, simulated = node.requests()
    assert recorded == 0 and simulated >= 5


def test_a_node_that_asks_the_vendor_itself(tmp_path):
    """Certificates and list come from AMD's service, and once that has nothing but errors from what was kept: of that nothing is asked for again."""
    sample = snp_sample()

    def judged(folder):
        with RecordedNode(folder, sample, f'collateral_cache = "{tmp_path}/cache"\namd_url = "{services.url}"') as node:
            node.beacon = node.show_beacon()
            file = node.folder / "evidence.json"
            file.write_bytes(node.evidence_list())
            return verdict_of(verify(node, file, "-o", "json"))

    with Services(amd(EVIDENCE, "Genoa", sample.report, sample.collateral["vcek"])) as services:
        (tmp_path / "first").mkdir()
        verdict = judged(tmp_path / "first")
        assert failed_of(verdict) == {"key_binding": BINDING} and set(states(verdict, "passed")) >= COMMON | sample.rows
        asked = set(services.asked)
        assert any("/vcek/v1/Genoa/" in target and "blSPL" in target for target in asked) and "/vcek/v1/Genoa/crl" in asked
        services.answers = {target: (500, {}, b"") for target in asked}
        services.asked.clear()
        (tmp_path / "second").mkdir()
        again = judged(tmp_path / "second")
        assert (states(again, "passed"), failed_of(again)) == (states(verdict, "passed"), failed_of(verdict))
        assert services.asked == []
