"""Bundles of evidence by the second reader: what stands once for all GPUs, and what is no bundle."""

import evidence_bundle
import nvidia_manifest
import nvidia_verifier
import pytest
import recorded_gpus
from evidence_corpus import time
from judgement import Malformed

pytestmark = pytest.mark.once


def test_what_stands_once_is_every_gpu_s():
    own = evidence_bundle.read_bundle(evidence_bundle.write_bundle(recorded_gpus.bundle(4, recorded_gpus.MANIFESTS)))
    once = evidence_bundle.read_bundle(evidence_bundle.write_bundle(recorded_gpus.bundle(4, {}), recorded_gpus.MANIFESTS))
    assert own == once and len(once.gpus) == 4 and once.keys == recorded_gpus.claims()


def test_eight_gpus_with_their_manifests_fit_where_they_stand_once():
    text = evidence_bundle.write_bundle(recorded_gpus.bundle(8, recorded_gpus.MANIFESTS))
    with pytest.raises(Malformed, match="attest.cmw.too_large"):
        evidence_bundle.read_bundle(text)
    shared = evidence_bundle.write_bundle(recorded_gpus.bundle(8, {}), recorded_gpus.MANIFESTS)
    assert len(shared) < len(text) / 3
    at, judged = time(recorded_gpus.AT), {}
    for gpu in evidence_bundle.read_bundle(shared).gpus:
        device = nvidia_verifier.verify(gpu.report.bytes, gpu.chain[0].bytes, at)
        manifests = []
        for label in ("driver-manifest", "vbios-manifest"):
            data = gpu.collateral[label].bytes
            judged[data] = judged.get(data) or nvidia_manifest.verify(data, at)
            manifests.append(judged[data])
        assert [*device.rules, *manifests[0].rules, *manifests[1].rules, *nvidia_manifest.compare(device, *manifests).rules] == []
    assert len(judged) == 2


SPOILT = recorded_gpus.spoilt()


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_no_bundle(what):
    rule, data = SPOILT[what]
    with pytest.raises(Malformed) as refused:
        evidence_bundle.read_bundle(data)
    assert refused.value.rule == rule
