"""Each rule of AMD SEV-SNP in spec/evidence_regions/snp.toml is tripped, and by cases that trip nothing else unless they say so. Where no genuine sample
shows a case, genuine evidence is changed and signed anew under roots of our own, which the verifier is told to trust."""

import dataclasses

import pytest
import snp_format
import snp_policy
import snp_verifier
from evidence_corpus import read, snp_parts, time, with_id
from forged_evidence import (
    EXTENSIONS, ISSUER, REVOKED, SPKI, SUBJECT, VALIDITY, Amd, digest_of, ec_key, extension_of, integer, renamed, rsa_key, sequence, spki, tlv, utc,
    with_extension,
)  # fmt: skip
from judgement import Judgement, Malformed
from rule_cases import Cases, bit, put
from strict_der import BASIC_CONSTRAINTS, read_only

pytestmark = pytest.mark.once

case = Cases("snp.")

GENOA, MILAN, VLEK, TURIN = "snp-v5-genoa-live", "snp-v3-milan-aci", "snp-v3-milan-aws-vlek-vmpl1", "snp-v5-turin-microsoft"
NOW = time("2026-09-01T00:00:00Z")


def judge(amd, at=NOW, **options):
    return snp_verifier.verify(*amd.parts(), at, **({"roots": amd.roots} | options))


def changed_report(offset, value, sample=GENOA, at=NOW):
    amd = Amd(sample)
    amd.report[offset : offset + len(value)] = value
    return judge(amd, at)


def changed_vek(changes, sample=GENOA):
    amd = Amd(sample)
    amd.vek.update(changes)
    return judge(amd)


def changed_issuer(changes, at=NOW):
    amd = Amd(GENOA)
    amd.issuer.update(changes)
    return judge(amd, at)


def genuine(place, change, sample=GENOA):
    parts = list(snp_parts(with_id(sample)))
    parts[place] = change(parts[place])
    return snp_verifier.verify(*parts, NOW)


def test_forged_report_holds_under_its_own_roots_alone():
    for sample in (GENOA, MILAN, TURIN):
        assert judge(Amd(sample)).rules == []
        assert judge(Amd(sample), roots=None).rules == ["snp.chain.root"]
    assert judge(Amd(VLEK), time("2025-06-01T00:00:00Z")).rules == []


@case("snp.chain.root")
def perfect_names_under_keys_of_our_own():
    return judge(Amd(GENOA), roots=snp_verifier.ROOTS)


@case("snp.chain.root")
def a_root_that_is_not_amd_s_signs_the_genuine_one_s_names():
    return judge(Amd(TURIN), roots=snp_verifier.ROOTS)


case("snp.length")(lambda: genuine(0, lambda data: data + b"\x00"))
case("snp.version")(lambda: genuine(0, lambda data: b"\x06" + data[1:]))
case("snp.version")(lambda: genuine(0, lambda data: b"\x01" + data[1:]))
case("snp.signature_algo")(lambda: genuine(0, lambda data: data[:0x34] + b"\x02" + data[0x35:]))
case("snp.reserved")(lambda: changed_report(0x29F, b"\x01"))
case("snp.reserved")(lambda: changed_report(0x48, b"\x20"))
case("snp.signature_encoding")(lambda: genuine(0, lambda data: data[:0x2A0] + b"\xff" * 48 + data[0x2D0:]))
case("snp.signature_encoding")(lambda: genuine(0, lambda data: data[:0x2E8] + bytes(72) + data[0x330:]))
case("snp.signing_key")(lambda: changed_report(0x48, b"\x1c"))
case("snp.chain.missing")(lambda: genuine(1, lambda _: None))
case("snp.chain.missing")(lambda: genuine(2, lambda _: None))
case("snp.chain.syntax")(lambda: genuine(2, lambda der: der[:-1]))
case("snp.vek.syntax")(lambda: genuine(1, lambda der: der + b"\x00"))
case("snp.vek.kind")(lambda: changed_vek({SUBJECT: lambda name: renamed(name, "SEV-VLEK")}))
case("snp.vek.kind", "snp.chip_id.mismatch")(lambda: changed_report(0x48, b"\x04"))
case("snp.product.unknown")(lambda: changed_report(0x188, b"\x1a\x50"))
case("snp.product.mismatch")(lambda: changed_report(0x188, b"\x19\x01"))
case("snp.chain.issuer")(lambda: changed_issuer({ISSUER: lambda name: renamed(name, "ARK-Milan")}))
case("snp.chain.ca")(lambda: changed_issuer({EXTENSIONS: lambda field: with_extension(field, BASIC_CONSTRAINTS, sequence(), critical=True)}))
case("snp.chain.ca")(lambda: changed_issuer({EXTENSIONS: lambda field: with_extension(field, "1.2.3", b"\x05\x00", critical=True)}))
case("snp.chain.early")(lambda: changed_issuer({VALIDITY: sequence(utc("270101000000Z"), utc("470101000000Z"))}))
case("snp.chain.expired")(lambda: changed_issuer({VALIDITY: sequence(utc("220101000000Z"), utc("260831235959Z"))}))
case("snp.vek.early")(lambda: judge(Amd(GENOA), time("2026-02-17T23:01:35Z")))
case("snp.vek.expired")(lambda: judge(Amd(GENOA), time("2033-02-17T23:01:37Z")))
case("snp.vek.expired")(lambda: judge(Amd(VLEK), time("2025-12-10T22:14:22Z")))
case("snp.vek.key")(lambda: changed_vek({SPKI: spki(ec_key("of P-256"))}))
case("snp.signature")(lambda: changed_vek({SPKI: spki(ec_key("vek of another chip"))}))
case("snp.tcb.certificate")(lambda: changed_report(0x180, b"\x09"))
case("snp.tcb.certificate")(lambda: changed_report(0x186, b"\x1a\x1b"))
case("snp.chip_id.mismatch")(lambda: changed_report(0x1A0, bytes(64)))
case("snp.chip_id.mismatch")(lambda: changed_report(0x1DF, b"\x01", TURIN))
case("snp.chip_id.mismatch")(lambda: changed_report(0x1A0, b"\x01", VLEK, at=time("2025-06-01T00:00:00Z")))
case("snp.tcb.reserved")(lambda: changed_report(0x1F2, b"\x01"))
case("snp.tcb.order")(lambda: changed_report(0x1E6, b"\x1a"))
case("snp.tcb.order")(lambda: changed_report(0x1E6, b"\x1c"))
case("snp.tcb.order")(lambda: changed_report(0x1EE, b"\x02"))


@pytest.mark.parametrize(("name", "prefix"), [("root", "snp.chain"), ("issuer", "snp.chain"), ("vek", "snp.vek")])
def test_each_certificate_s_own_window_counts(name, prefix):
    # One second on either side of the time of judging, and that very second.
    for start, end, rules in (
        ("260901000000Z", "260901000000Z", []),
        ("260901000001Z", "490101000000Z", [f"{prefix}.early"]),
        ("200101000000Z", "260831235959Z", [f"{prefix}.expired"]),
    ):
        amd = Amd(GENOA)
        getattr(amd, name)[VALIDITY] = sequence(utc(start), utc(end))
        assert judge(amd).rules == rules


@case("snp.vek.signature")
def signing_key_s_certificate_signed_by_the_root():
    amd = Amd(GENOA)
    amd.vek_signer = rsa_key("ark")
    return judge(amd)


@case("snp.chain.signature")
def issuer_signed_by_itself():
    amd = Amd(GENOA)
    amd.issuer_signer = rsa_key("ask")
    return judge(amd)


HARDWARE_ID, TEE_LEVEL, PRODUCT = "1.3.6.1.4.1.3704.1.4", "1.3.6.1.4.1.3704.1.3.2", "1.3.6.1.4.1.3704.1.2"


def extension(name, value, **options):
    return {EXTENSIONS: lambda field: with_extension(field, name, value, **options)}


case("snp.vek.extension")(lambda: changed_vek(extension(TEE_LEVEL, None)))
case("snp.vek.extension")(lambda: changed_vek(extension(TEE_LEVEL, integer(256))))
case("snp.vek.extension")(lambda: changed_vek(extension(PRODUCT, tlv(12, b"Genoa"))))
case("snp.vek.extension")(lambda: changed_vek(extension("1.2.3", b"\x05\x00", critical=True)))
case("snp.product.unknown", "snp.product.mismatch")(lambda: changed_vek(extension(PRODUCT, tlv(22, b"Venice"))))


@case("snp.vek.extension", "snp.chip_id.mismatch")
def hardware_id_wrapped_in_an_octet_string():
    return changed_vek({EXTENSIONS: lambda field: with_extension(field, HARDWARE_ID, tlv(4, extension_of(field, HARDWARE_ID)))})


@case("snp.vek.syntax")
def an_extension_twice():
    def twice(field):
        inner = read_only(field).children()[0]
        return tlv(0xA3, sequence(*(one.whole for one in inner.children()), inner.children()[0].whole))

    return changed_vek({EXTENSIONS: twice})


# Its revocation list.

def with_crl(change, at=NOW):
    amd = Amd(GENOA)
    return judge(amd, at, crl=change(amd))


def revoking(serial):
    return sequence(sequence(integer(serial), utc("260101000000Z")))


def test_forged_revocation_list_holds():
    assert with_crl(lambda amd: amd.crl({})).rules == []
    assert with_crl(lambda amd: amd.crl({REVOKED: revoking(0x020003)})).rules == []


case("snp.crl.syntax")(lambda: with_crl(lambda amd: amd.crl({})[:-1]))
case("snp.crl.issuer")(lambda: with_crl(lambda amd: amd.crl({2: lambda name: renamed(name, "ARK-Turin")})))
case("snp.crl.signature")(lambda: with_crl(lambda amd: amd.crl({}, signer=rsa_key("ask"))))
case("snp.crl.early")(lambda: with_crl(lambda amd: amd.crl({}), time("2026-08-19T14:09:00Z")))
case("snp.crl.expired")(lambda: with_crl(lambda amd: amd.crl({}), time("2026-10-04T00:00:00Z")))
case("snp.crl.revoked")(lambda: with_crl(lambda amd: amd.crl({REVOKED: revoking(0x020002)})))


@case("snp.table.syntax")
def a_table_that_points_into_its_own_head():
    judgement = Judgement()
    entry = bytes.fromhex("63da758de6644564adc5f4b93be8accd") + (0).to_bytes(4, "little") + (8).to_bytes(4, "little")
    try:
        snp_format.read_table(entry + bytes(24) + bytes(8))
    except Malformed as error:
        judgement.check(False, error.rule)
    return judgement


# Its appraisal: the policy fits the genuine report, but for one demand.


def appraised(sample=GENOA, at=NOW, change=lambda report: None, **demands):
    parts = snp_parts(with_id(sample))
    judgement = snp_verifier.verify(*parts, at)
    assert judgement.rules == []
    report = snp_format.Report(bytearray(judgement.report.data))
    change(report.data)
    judgement.report = snp_format.Report(bytes(report.data))
    policy = snp_policy.Policy(frozenset({report_of(sample).measurement}), report_of(sample).report_data)
    return snp_policy.appraise(judgement, dataclasses.replace(policy, **demands))


def report_of(sample):
    return snp_format.read_report(read(with_id(sample)["files"][0]))


POLICY = 0x08
ACI_KEY = report_of(MILAN).id_key_digest
ACI = {"sample": MILAN, "vmpl": 0}

case("snp.crl.missing")(lambda: appraised(require_crl=True))
case("snp.product.excluded")(lambda: appraised(products=frozenset({"Milan", "Turin"})))
case("snp.csp_id")(lambda: appraised(VLEK, time("2025-06-01T00:00:00Z"), vmpl=1, allow_provisional=True))
case("snp.chip_id.masked")(lambda: appraised(change=bit(0x48, 1)))
case("snp.tcb.provisional")(lambda: appraised(change=put(0x38, b"\x0b")))
case("snp.tcb.provisional")(lambda: appraised(change=put(0x1E8, b"\x32")))
case("snp.tcb.minimum")(lambda: appraised(min_tcb=bytes([10, 0, 0, 0, 0, 0, 27, 28])))
case("snp.tcb.minimum")(lambda: appraised(min_tcb=bytes([11, 0, 0, 0, 0, 0, 0, 0])))
case("snp.tcb.launch_minimum")(lambda: appraised(min_launch_tcb=bytes([10, 0, 0, 0, 0, 0, 28, 0])))
case("snp.tcb.version")(lambda: appraised(min_version=(1, 55, 50)))
case("snp.tcb.mitigations")(lambda: appraised(mitigations=4))
case("snp.tcb.mitigations")(lambda: appraised(change=bit(0x1F8, 1), mitigations=2))
case("snp.tcb.mitigations")(lambda: appraised(**ACI, mitigations=1))
case("snp.policy.reserved")(lambda: appraised(change=bit(POLICY, 17)))
case("snp.policy.reserved")(lambda: appraised(change=bit(POLICY, 63)))
case("snp.policy.abi")(lambda: appraised(min_abi=(0, 1)))
case("snp.policy.debug")(lambda: appraised(change=bit(POLICY, 19)))
case("snp.policy.migration")(lambda: appraised(change=bit(POLICY, 18)))
case("snp.policy.smt")(lambda: appraised(allow_smt=False))
case("snp.policy.cxl")(lambda: appraised(change=bit(POLICY, 21)))
case("snp.policy.restriction")(lambda: appraised(restrictions=1 << 20))
case("snp.vmpl")(lambda: appraised(change=put(0x30, b"\xff\xff\xff\xff")))
case("snp.platform.alias_check")(lambda: appraised(change=bit(0x40, 5)))
case("snp.platform.setting")(lambda: appraised(platform_clear=1))
case("snp.platform.setting")(lambda: appraised(platform_set=1 << 4))
case("snp.measurement")(lambda: appraised(measurements=frozenset()))
case("snp.report_data")(lambda: appraised(change=bit(0x50, 511)))
case("snp.host_data")(lambda: appraised(host_data=frozenset({bytes([1]) * 32})))
case("snp.id_key")(lambda: appraised(id_keys=frozenset({ACI_KEY})))
case("snp.author_key")(lambda: appraised(author_keys=frozenset({ACI_KEY})))
case("snp.author_key")(lambda: appraised(change=put(0x110, ACI_KEY), author_keys=frozenset({ACI_KEY})))
case("snp.id_block")(lambda: appraised(family_ids=frozenset({bytes(16)})))
case("snp.id_block")(lambda: appraised(image_ids=frozenset({bytes(16)}), id_keys=frozenset({bytes(48)})))
case("snp.id_block")(lambda: appraised(**ACI, id_keys=frozenset({ACI_KEY}), family_ids=frozenset({bytes(16)})))
case("snp.id_block")(lambda: appraised(**ACI, id_keys=frozenset({ACI_KEY}), image_ids=frozenset({bytes(16)})))
case("snp.guest_svn")(lambda: appraised(change=put(0x04, b"\x63"), min_guest_svn=2))
case("snp.guest_svn")(lambda: appraised(**ACI, id_keys=frozenset({ACI_KEY}), min_guest_svn=1 << 20))


def test_policies_that_fit_refuse_nothing():
    assert any(ACI_KEY)
    assert appraised().rules == []
    assert appraised(min_tcb=report_of(GENOA).reported_tcb, min_launch_tcb=report_of(GENOA).launch_tcb, mitigations=0xB).rules == []
    family, image = report_of(MILAN).field(0x10, 16), report_of(MILAN).field(0x20, 16)
    signed = {"id_keys": frozenset({ACI_KEY}), "family_ids": frozenset({family}), "image_ids": frozenset({image}), "min_guest_svn": 2}
    assert appraised(**ACI, **signed, host_data=frozenset({report_of(MILAN).host_data})).rules == []
    author = {"change": lambda data: (put(0x110, ACI_KEY)(data), bit(0x48, 0)(data)), "author_keys": frozenset({ACI_KEY})}
    assert appraised(**author).rules == []
    assert appraised(platform_set=0x24, platform_clear=0x12).rules == []
    assert appraised(change=put(0x38, b"\x0b"), allow_provisional=True).rules == []

# The cases, run.


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)


def test_forged_root_is_not_amd_s():
    assert digest_of(rsa_key("ark")) not in snp_verifier.ROOTS
