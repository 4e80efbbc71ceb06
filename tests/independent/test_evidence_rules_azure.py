"""Each rule of Azure's confidential VMs in spec/evidence_regions/azure.toml is tripped, and by cases that trip nothing else unless they say so. Where
no genuine sample shows a case, a VM's evidence is made under keys of our own, which the verifier is told to trust."""

import dataclasses

import azure_verifier
import pytest
import tpm_verifier
from device_corpus import azure
from evidence_corpus import time, with_id
from forged_devices import AzureVm, rsa_2048
from forged_evidence import spki
from rule_cases import Cases
from test_evidence_rules_tpm import AkChain

pytestmark = pytest.mark.once

case = Cases("azure.")

NOW = time("2026-06-15T00:00:00Z")
TD = "azure-tdx-lunal-live"


def forged(change=lambda vm: None, chain=None, quote=True):
    vm = AzureVm()
    change(vm)
    hcl, certificates = vm.made()
    evidence = azure_verifier.Evidence(hcl, *certificates)
    if quote:
        evidence.quote, evidence.signature, evidence.pcrs = vm.tpm.quote(), vm.tpm.signature()[6:], vm.tpm.pcrs
    if chain is not None:
        evidence.ak_chain = chain.made()
    return azure_verifier.verify(evidence, NOW, amd_roots=vm.amd.roots, ak_roots=frozenset() if chain is None else chain.roots)


def header(at, value):
    return forged(lambda vm: vm.header.update({at: value}))


def runtime(change):
    return forged(lambda vm: change(vm.runtime))


def genuine(sample, **changes):
    evidence, at = azure(with_id(sample))
    return azure_verifier.verify(dataclasses.replace(evidence, **changes), at)


def with_hcl(sample, change):
    data = bytearray(azure(with_id(sample))[0].hcl)
    change(data)
    return genuine(sample, hcl=bytes(data))


def test_forged_vm_holds_under_its_own_roots_alone():
    judgement = forged()
    assert judgement.rules == [] and judgement.ak == spki(rsa_2048("vTPM"))
    vm = AzureVm()
    hcl, certificates = vm.made()
    assert azure_verifier.verify(azure_verifier.Evidence(hcl, *certificates), NOW).rules == ["snp.chain.root"]


# The report's form.

case("azure.hcl.size")(lambda: genuine(TD, hcl=azure(with_id(TD))[0].hcl[:-1]))
case("azure.hcl.size")(lambda: genuine(TD, hcl=azure(with_id(TD))[0].hcl + b"\x00"))
case("azure.hcl.size")(lambda: genuine(TD, hcl=b""))
case("azure.hcl.magic")(lambda: header(0, b"HCLB"))
case("azure.hcl.version")(lambda: header(4, b"\x03"))
case("azure.hcl.version")(lambda: header(1220, b"\x02"))
case("azure.hcl.request")(lambda: header(12, b"\x01"))
case("azure.hcl.status")(lambda: header(16, b"\x01"))
case("azure.hcl.status")(lambda: header(31, b"\x01"))
case("azure.hcl.report_type")(lambda: header(1224, b"\x03"))
case("azure.hcl.hash_type")(lambda: header(1228, b"\x00"))
case("azure.hcl.length")(lambda: header(8, b"\x00"))
case("azure.hcl.length")(lambda: header(1216, b"\xff\xff\xff\xff"))
case("azure.hcl.length")(lambda: header(1232, b"\xff\xff\xff\xff"))
case("azure.hcl.padding")(lambda: header(2599, b"\x01"))
case("azure.hcl.padding")(lambda: with_hcl(TD, lambda data: data.__setitem__(1215, 1)))


@case("azure.hcl.length")
def lengths_that_fit_each_other_but_not_the_report():
    def change(data):
        for at, base in ((8, 1236), (1216, 20), (1232, 0)):
            data[at : at + 4] = (base + 1365).to_bytes(4, "little")

    return with_hcl(TD, change)


# What hardware vouches for.


@case("azure.binding")
def one_more_space_in_the_runtime_data():
    data = bytearray(azure(with_id(TD))[0].hcl)
    end = 1236 + int.from_bytes(data[1232:1236], "little")
    data[1236:] = (data[1236:end].replace(b'{"keys":[', b'{"keys": [') + bytes(1)).ljust(2600 - 1236, b"\x00")[: 2600 - 1236]
    for at, base in ((8, 1236), (1216, 20), (1232, 0)):
        data[at : at + 4] = (base + end - 1236 + 1).to_bytes(4, "little")
    return genuine(TD, hcl=bytes(data))


case("azure.binding")(lambda: forged(lambda vm: setattr(vm, "report_data", bytes(64))))
case("azure.binding")(lambda: header(1228, b"\x02"))
case("azure.tdreport")(lambda: with_hcl(TD, lambda data: data.__setitem__(32, 0)))
case("azure.tdreport")(lambda: with_hcl(TD, lambda data: data.__setitem__(32 + 32, data[32 + 32] ^ 1)))
case("azure.td_quote.missing")(lambda: genuine(TD, td_quote=None))
case("azure.td_quote")(lambda: genuine(TD, td_quote=azure(with_id("azure-tdx-openpcc"))[0].td_quote))
case("azure.runtime.syntax")(lambda: forged(lambda vm: setattr(vm, "json", b"{}"), quote=False))
case("azure.runtime.syntax")(lambda: forged(lambda vm: setattr(vm, "json", b"[1]"), quote=False))
case("azure.runtime.syntax")(lambda: forged(lambda vm: setattr(vm, "json", b'{"keys":[],"keys":[]}'), quote=False))
case("azure.runtime.syntax")(lambda: forged(lambda vm: setattr(vm, "json", b'{"a":NaN}'), quote=False))
case("azure.runtime.syntax")(lambda: runtime(lambda found: found.update({"user-data": "00"})))
case("azure.runtime.syntax")(lambda: runtime(lambda found: found.update({"user-data": 0})))
case("azure.runtime.syntax")(lambda: runtime(lambda found: found.pop("vm-configuration")))
case("azure.runtime.syntax")(lambda: runtime(lambda found: found.update({"keys": {}})))
case("azure.runtime.syntax")(lambda: runtime(lambda found: found["keys"].append("HCLAkPub")))
case("azure.ak.missing")(lambda: runtime(lambda found: found["keys"].pop(0)))
case("azure.ak.missing")(lambda: runtime(lambda found: found["keys"].__setitem__(1, found["keys"][0])))
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"e": "Aw"})))
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"n": "AQAB"})))
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"n": found["keys"][0]["n"][:-2] + "AA"})))  # even
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"n": 65537})))
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"n": found["keys"][0]["n"] + "=="})))
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"key_ops": ["sign", "encrypt"]})))
case("azure.ak.syntax")(lambda: runtime(lambda found: found["keys"][0].update({"kty": "EC"})))


@case("azure.ak.certificate")
def a_certificate_for_another_key():
    return forged(chain=AkChain())


def test_certificate_for_the_report_s_key_holds():
    chain = AkChain()
    chain.changes[0] |= {6: spki(rsa_2048("vTPM"))}
    assert forged(chain=chain).rules == []


# Appraisal.


def appraised(change=lambda vm: None, quote=True, **demands):
    judgement, tpm = forged(change, quote=quote), AzureVm().tpm
    assert judgement.rules == []
    accepted = {4: frozenset({bytes([4]) * 32})}
    policy = azure_verifier.Policy(tpm_verifier.Policy(tpm.extra, accepted, selection=tuple(range(8))), allow_console=True)
    return azure_verifier.appraise(judgement, dataclasses.replace(policy, **demands), tpm.pcrs)


def configured(name, value):
    return lambda vm: vm.runtime["vm-configuration"].update({name: value})


def test_policies_that_fit_refuse_nothing():
    assert appraised().rules == []
    assert appraised(user_data=bytes(64)).rules == []
    assert appraised(configured("console-enabled", False), allow_console=False).rules == []
    assert appraised(configured("secure-boot", False), secure_boot=False).rules == []


case("azure.quote.missing")(lambda: appraised(quote=False))
case("azure.user_data")(lambda: appraised(user_data=bytes(63) + b"\x01"))
case("azure.user_data")(lambda: appraised(user_data=bytes(48)))
case("azure.vm.secure_boot")(lambda: appraised(configured("secure-boot", False)))
case("azure.vm.secure_boot")(lambda: appraised(configured("secure-boot", "true")))
case("azure.vm.secure_boot")(lambda: appraised(lambda vm: vm.runtime["vm-configuration"].pop("secure-boot")))
case("azure.vm.tpm")(lambda: appraised(configured("tpm-enabled", False)))
case("azure.vm.console")(lambda: appraised(allow_console=False))
case("azure.vm.console")(lambda: appraised(lambda vm: vm.runtime["vm-configuration"].pop("console-enabled"), allow_console=False))


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)
