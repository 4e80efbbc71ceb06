"""Each rule of Intel TDX in spec/evidence_regions/tdx.toml is tripped, and by cases that trip nothing else unless they say so. Where no genuine sample
shows a case, genuine evidence is changed and signed anew under roots of our own, which the verifier is told to trust."""

import dataclasses
import hashlib
import json

import pytest
import quote_policy
import quote_verifier
import tcb_collateral
from evidence_corpus import SECOND, collateral, read, time, with_id
from evidence_regions import pem
from forged_evidence import (
    EXTENSIONS, ISSUER, REVOKED, SPKI, SUBJECT, VALIDITY, Intel, digest_of, ec_key, extension_of, fields_of, integer, raw_signature, remade, renamed,
    sequence, spki, utc, with_extension,
)  # fmt: skip
from rule_cases import Cases, bit, put
from strict_der import BASIC_CONSTRAINTS, read_certificate, read_only, read_pem

pytestmark = pytest.mark.once

case = Cases("tdx.")

OAK, OAK_SET, OAK_TIME = "tdx-v4-oak", "flashbots-gcp-00806F", time("2026-07-01T00:00:00Z")
TD15, TD15_SET, TD15_TIME = "tdx-v5-alibaba-automata", "flashbots-azure-90C06F-c", time("2026-06-20T00:00:00Z")


def verify(intel, at=OAK_TIME, roots=None, **replaced):
    return quote_verifier.verify(intel.quote(), intel.collateral(**replaced), at, roots=intel.roots if roots is None else roots)


def forged(change=None, at=OAK_TIME, **replaced):
    """Judges evidence of our own after `change(it)`."""
    intel = Intel(OAK, OAK_SET)
    if change is not None:
        change(intel)
    return verify(intel, at, **replaced)


def test_forged_quote_holds_under_its_own_root_alone():
    judgement = forged()
    assert (judgement.rules, judgement.status) == ([], "UpToDate")
    assert verify(Intel(OAK, OAK_SET), roots=quote_verifier.ROOTS).rules == ["tdx.pck.root", "tdx.signer.root"]
    judgement = verify(Intel(TD15, TD15_SET), TD15_TIME)
    assert (judgement.rules, judgement.status) == ([], "OutOfDate")


def patched(at, value):
    data = bytearray(read(with_id(OAK)["files"][0]))
    data[at : at + len(value)] = value
    return quote_verifier.verify(bytes(data), collateral(OAK_SET), OAK_TIME)


def cut_short(size):
    return quote_verifier.verify(read(with_id(OAK)["files"][0])[:size], collateral(OAK_SET), OAK_TIME)


def patched_td15(at, value):
    data = bytearray(read(with_id(TD15)["files"][0]))
    data[at : at + len(value)] = value
    return quote_verifier.verify(bytes(data), collateral(TD15_SET), TD15_TIME)


SIGNATURE = 48 + 584

case("tdx.version")(lambda: patched(0, b"\x03"))
case("tdx.key_type")(lambda: patched(2, b"\x03"))
case("tdx.tee_type")(lambda: patched(4, b"\x00"))
case("tdx.qe_vendor")(lambda: patched(12, b"\x00"))
case("tdx.body_type")(lambda: patched_td15(48, b"\x01"))
case("tdx.body_size")(lambda: patched_td15(50, b"\x89"))
case("tdx.size")(lambda: cut_short(2000))
case("tdx.size")(lambda: patched(SIGNATURE, b"\xff\xff\xff\xff"))
case("tdx.cert_type")(lambda: patched(SIGNATURE + 132, b"\x05"))
case("tdx.cert_type")(lambda: patched(SIGNATURE + 138 + 450 + 32, b"\x01"))
case("tdx.trailing")(lambda: quote_verifier.verify(read(with_id(OAK)["files"][0]) + b"\x01", collateral(OAK_SET), OAK_TIME))


def changed_certificate(name, changes, at=OAK_TIME):
    return forged(lambda intel: intel.changes[name].update(changes), at)


def signed_by(name, signer):
    return forged(lambda intel: intel.signers.update({name: signer}))


def chain_text(change):
    def apply(intel):
        intel.chain_text = change(pem(intel.chain()))

    return forged(apply)


END = b"-----END CERTIFICATE-----\n"
PCK_EXTENSION = "1.2.840.113741.1.13.1"
EXPIRED, EARLY = sequence(utc("200101000000Z"), utc("260630235959Z")), sequence(utc("260701000001Z"), utc("490101000000Z"))
UNKNOWN_CRITICAL = {EXTENSIONS: lambda field: with_extension(field, "1.2.3", b"\x05\x00", critical=True)}
NO_AUTHORITY = {EXTENSIONS: lambda field: with_extension(field, BASIC_CONSTRAINTS, sequence(), critical=True)}

case("tdx.pck.pem")(lambda: chain_text(lambda text: text + b"\x00\x00"))
case("tdx.pck.pem")(lambda: chain_text(lambda text: b"\n" + text))
case("tdx.pck.count")(lambda: chain_text(lambda text: text + text[: text.index(END)] + END))
case("tdx.pck.count")(lambda: chain_text(lambda text: text[: text.index(END)] + END))
case("tdx.pck.syntax")(lambda: chain_text(lambda text: pem([der[:-1] for der in read_pem(text)])))
case("tdx.pck.ca")(lambda: changed_certificate("leaf", UNKNOWN_CRITICAL))
case("tdx.pck.ca")(lambda: changed_certificate("intermediate", NO_AUTHORITY))
case("tdx.pck.early")(lambda: changed_certificate("leaf", {VALIDITY: EARLY}))
case("tdx.pck.expired")(lambda: changed_certificate("intermediate", {VALIDITY: EXPIRED}))
case("tdx.pck.signature")(lambda: signed_by("leaf", "root"))
case("tdx.pck.signature")(lambda: signed_by("root", "leaf"))


@pytest.mark.parametrize("name", ["leaf", "intermediate", "root", "signer", "signer_root"])
def test_each_certificate_s_own_window_counts(name):
    prefix = "tdx.signer" if name.startswith("signer") else "tdx.pck"
    # One second on either side of the time of judging, and that very second.
    for start, end, rules in (
        ("260701000000Z", "260701000000Z", []),
        ("260701000001Z", "490101000000Z", [f"{prefix}.early"]),
        ("200101000000Z", "260630235959Z", [f"{prefix}.expired"]),
    ):
        assert changed_certificate(name, {VALIDITY: sequence(utc(start), utc(end))}).rules == rules


def test_each_list_s_and_document_s_own_window_counts():
    for index in (0, 1):
        assert changed_crl(index, {3: utc("260701000000Z"), 4: utc("260701000001Z")}).rules == []
        assert changed_crl(index, {3: utc("260701000001Z")}).rules == ["tdx.crl.early"]
        assert changed_crl(index, {4: utc("260630235959Z")}).rules == ["tdx.crl.expired"]
    for name in ("info", "identity"):
        for members, rules in (
            ({"issueDate": "2026-07-01T00:00:00Z", "nextUpdate": "2026-07-01T00:00:00Z"}, []),
            ({"issueDate": "2026-07-01T00:00:01Z"}, ["tdx.collateral.early"]),
            ({"nextUpdate": "2026-06-30T23:59:59Z"}, ["tdx.collateral.expired"]),
        ):
            assert documents(**{name: members}).rules == rules


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0), (0, 1, 1), (0, 0, 2)])
def test_chain_in_another_order_is_refused(order):
    def reorder(text):
        chain = read_pem(text)
        return pem([chain[i] for i in order])

    assert chain_text(reorder).first in ("tdx.pck.name", "tdx.pck.root", "tdx.pck.issuer")


@case("tdx.pck.name", "tdx.crl.issuer")
def another_intermediate():
    def change(intel):
        intel.changes["intermediate"][SUBJECT] = lambda name: renamed(name, "Intel SGX TCB Signing")
        intel.changes["leaf"][ISSUER] = lambda name: renamed(name, "Intel SGX TCB Signing")

    return forged(change)


@case("tdx.pck.root", "tdx.signer.root")
def perfect_names_under_a_root_of_our_own():
    return verify(Intel(OAK, OAK_SET), roots=quote_verifier.ROOTS)


@case("tdx.pck.issuer")
def leaf_of_the_other_intermediate():
    return changed_certificate("leaf", {ISSUER: lambda name: renamed(name, "Intel SGX PCK Processor CA")})


def sgx_members(change):
    """Changes the list of the SGX extension's members, as DER."""

    def apply(field):
        found = [one.whole for one in read_only(extension_of(field, PCK_EXTENSION)).children()]
        return with_extension(field, PCK_EXTENSION, sequence(*change(found)))

    return changed_certificate("leaf", {EXTENSIONS: apply})


case("tdx.pck.extension")(lambda: sgx_members(lambda found: found[:-3]))
case("tdx.pck.extension")(lambda: sgx_members(lambda found: [*found, found[0]]))
case("tdx.pck.extension")(lambda: changed_certificate("leaf", {EXTENSIONS: lambda field: with_extension(field, PCK_EXTENSION, None)}))


# Revocation lists: 0 the PCK issuer's, 1 the root's.


def changed_crl(index, changes, at=OAK_TIME):
    return forged(lambda intel: intel.crl_changes[index].update(changes), at)


def revoke(index, name, place):
    """Puts the serial number of the certificate at `place` of `name` into a list."""
    serial = read_certificate(read_pem(name)[place]).serial
    entry = sequence(sequence(integer(serial), utc("260101000000Z")))
    if index == 0:
        return changed_crl(0, {REVOKED: entry})
    # The root's list is empty: the entries go before its extensions.
    return forged(None, root_crl=crl_with_entries(entry))


def crl_with_entries(entry):
    der, intel = collateral(OAK_SET).root_crl, Intel(OAK, OAK_SET)
    assert len(fields_of(der)) == 6
    return remade(der, ec_key(intel.crl_signers[1]), {5: lambda extensions: entry + extensions})


def oak_chain():
    return quote_verifier.read_quote(read(with_id(OAK)["files"][0])).certificates.removesuffix(b"\x00")


case("tdx.crl.missing")(lambda: forged(None, pck_crl=None))
case("tdx.crl.missing")(lambda: forged(None, root_crl=None))
case("tdx.crl.syntax")(lambda: forged(None, pck_crl=b"\x30\x00"))
case("tdx.crl.issuer")(lambda: changed_crl(0, {2: lambda name: renamed(name, "Intel SGX PCK Processor CA")}))
case("tdx.crl.signature")(lambda: forged(lambda intel: setattr(intel, "crl_signers", ("root", "root"))))
case("tdx.crl.early")(lambda: changed_crl(1, {3: utc("260701000001Z")}))
case("tdx.crl.expired")(lambda: changed_crl(1, {4: utc("260701000000Z")}))
case("tdx.pck.revoked")(lambda: revoke(0, oak_chain(), 0))
case("tdx.pck.revoked")(lambda: revoke(1, oak_chain(), 1))
case("tdx.signer.revoked")(lambda: revoke(1, collateral(OAK_SET).signing_chain.rstrip(b"\n"), 0))

# What the chain vouches for.

case("tdx.qe_report_signature")(lambda: forged(lambda intel: setattr(intel, "qe_signer", "intermediate")))
case("tdx.attestation_key")(lambda: forged(lambda intel: setattr(intel, "key_bytes", bytes(63) + b"\x01")))


@case("tdx.qe_report_data")
def tail_of_the_report_data_not_zero():
    def change(intel):
        quote = quote_verifier.read_quote(intel.quote())
        digest = hashlib.sha256(quote.attestation_key + quote.auth).digest()
        intel.bind, intel.qe_report[320:384] = False, digest + bytes(31) + b"\x01"

    return forged(change)


@case("tdx.qe_report_data")
def authentication_data_of_another_length():
    intel = Intel(OAK, OAK_SET)
    intel.quote()
    bound = quote_verifier.read_quote(intel.quote()).qe_report
    intel.bind, intel.qe_report, intel.auth = False, bytearray(bound), intel.auth + b"\x00"
    return verify(intel)


@case("tdx.quote_signature")
def body_of_another_guest():
    intel = Intel(OAK, OAK_SET)
    data = bytearray(intel.quote())
    data[48 + 136] ^= 1
    return quote_verifier.verify(bytes(data), intel.collateral(), OAK_TIME, roots=intel.roots)


# Collateral.


def documents(info=None, identity=None, at=OAK_TIME, **replaced):
    """Judges a quote under documents changed and signed anew."""

    def change(intel):
        intel.info.update(info or {})
        intel.identity.update(identity or {})

    return forged(change, at, **replaced)


def signer_text(change):
    def apply(intel):
        intel.signer_text = change(intel.collateral().signing_chain)

    return forged(apply)


case("tdx.collateral.missing")(lambda: forged(None, identity=None))
case("tdx.collateral.missing")(lambda: forged(None, tcb_info=None))
case("tdx.collateral.missing")(lambda: forged(None, signing_chain=None))
case("tdx.signer.pem")(lambda: signer_text(lambda text: text + b"x"))
case("tdx.signer.count")(lambda: signer_text(lambda text: text + text))
case("tdx.signer.syntax")(lambda: signer_text(lambda text: pem([der[:-1] for der in read_pem(text)])))
case("tdx.signer.name")(lambda: changed_certificate("signer", {SUBJECT: lambda name: renamed(name, "Intel SGX PCK Certificate")}))
case("tdx.signer.root")(lambda: signer_text(lambda _: signer_under_another_root()))
case("tdx.signer.issuer")(lambda: changed_certificate("signer", {ISSUER: lambda name: renamed(name, "Intel SGX PCK Platform CA")}))
case("tdx.signer.signature")(lambda: signed_by("signer", "intermediate"))
case("tdx.signer.ca")(lambda: changed_certificate("signer", UNKNOWN_CRITICAL))
case("tdx.signer.early")(lambda: changed_certificate("signer", {VALIDITY: EARLY}))
case("tdx.signer.expired")(lambda: changed_certificate("signer", {VALIDITY: EXPIRED}))
case("tdx.collateral.signature")(lambda: forged(lambda intel: setattr(intel, "document_signer", "leaf")))
case("tdx.collateral.signature")(lambda: forged(None, identity_signature=bytes(64)))
case("tdx.collateral.id")(lambda: documents({"version": 2}))
case("tdx.collateral.id")(lambda: documents(None, {"id": "QE"}))
case("tdx.collateral.early")(lambda: documents({"issueDate": "2026-07-01T00:00:01Z"}))
case("tdx.collateral.expired")(lambda: documents(None, {"nextUpdate": "2026-06-30T23:59:59Z"}))
case("tdx.collateral.evaluation")(lambda: documents({"tcbEvaluationDataNumber": 20}))
case("tdx.collateral.fmspc")(lambda: documents({"fmspc": "00806F060000"}))
case("tdx.collateral.pceid")(lambda: documents({"pceId": "0001"}))
case("tdx.collateral.syntax")(lambda: documents({"tcbLevels": [{}]}))
case("tdx.collateral.syntax")(lambda: documents({"fmspc": "00806F05000"}))


def signer_under_another_root():
    intel = Intel(OAK, OAK_SET)
    intel.changes["signer_root"] = {SPKI: spki(ec_key("another root"))}
    intel.signers |= {"signer": "another root", "signer_root": "another root"}
    return intel.collateral().signing_chain


@case("tdx.collateral.syntax")
def fifteen_components():
    def change(intel):
        intel.info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"].pop()

    return forged(change)


@case("tdx.collateral.syntax")
def a_member_twice():
    def change(intel):
        intel.info = json.dumps(intel.info).replace('"version": 3', '"version": 3, "version": 3').encode()

    return forged(change)


def test_signed_json_is_judged_as_received():
    """White space, another order of members and the case of hexadecimal digits change nothing, once signed."""
    intel = Intel(OAK, OAK_SET)
    info = dict(reversed(intel.info.items())) | {"fmspc": intel.info["fmspc"].swapcase()}
    intel.info = json.dumps(info, indent=3).encode()
    judgement = verify(intel)
    assert (judgement.rules, judgement.status) == ([], "UpToDate")
    signature = raw_signature(ec_key("signer"), intel.info)
    document = b'{ "tcbInfo" :' + intel.info + b',\n"signature":"' + signature.hex().encode() + b'"}'
    assert tcb_collateral.cut(document, "tcbInfo") == (intel.info, signature)
    document = b'{"signature":"' + signature.hex().encode() + b'", "tcbInfo":' + intel.info + b"}"
    assert tcb_collateral.cut(document, "tcbInfo") == (intel.info, signature)


# The TCB.


def changed_qe(at, value):
    return forged(lambda intel: intel.qe_report.__setitem__(slice(at, at + len(value)), value))


def changed_body(at, value, change=lambda intel: None):
    def apply(intel):
        intel.body[at : at + len(value)] = value
        change(intel)

    return forged(apply)


case("tdx.qe.miscselect")(lambda: changed_qe(16, b"\x01"))
case("tdx.qe.attributes")(lambda: changed_qe(55, b"\x01"))
case("tdx.qe.attributes", "tdx.qe.debug")(lambda: changed_qe(48, bytes([0x17])))
case("tdx.qe.mrsigner")(lambda: changed_qe(128, b"\x00"))
case("tdx.qe.isvprodid")(lambda: changed_qe(256, b"\x01"))
case("tdx.qe.unsupported")(lambda: changed_qe(258, b"\x00\x00"))
case("tdx.module.unknown")(lambda: documents({"tdxModuleIdentities": []}))
case("tdx.module.mrsigner")(lambda: changed_body(64, b"\x01"))
case("tdx.module.attributes")(lambda: changed_body(112, b"\x01"))
case("tdx.module.unsupported")(lambda: changed_body(0, b"\x00"))


@case("tdx.qe.debug")
def an_identity_whose_mask_leaves_debug_out():
    def change(intel):
        intel.qe_report[48] |= 2
        intel.identity["attributesMask"] = "F9" + intel.identity["attributesMask"][2:]

    return forged(change)


def running_now(change):
    """A TD 1.5 that a module launched which `change` of it leads to the one that runs now."""
    intel = Intel(TD15, TD15_SET)
    intel.body[584:600] = intel.body[0:16]
    change(intel.body)
    return verify(intel, TD15_TIME)


@case("tdx.tcb.svn")
def the_module_s_minor_version_went_back():
    return running_now(put(584, bytes([4])))


@case("tdx.tcb.svn")
def the_module_s_major_version_went_back():
    return running_now(put(584, bytes([255, 0])))


@case("tdx.tcb.svn")
def another_component_went_back():
    return running_now(put(586, bytes([1])))


def test_a_new_major_version_counts_minor_ones_anew():
    assert running_now(put(584, bytes([0, 2]))).rules == []


@case("tdx.tcb.unsupported")
def a_component_below_every_level():
    def change(intel):
        for level in intel.info["tcbLevels"]:
            level["tcb"]["sgxtcbcomponents"][15]["svn"] = 1

    return forged(change)


@case("tdx.tcb.unsupported")
def a_tdx_component_below_every_level():
    def change(intel):
        for level in intel.info["tcbLevels"]:
            level["tcb"]["tdxtcbcomponents"][15]["svn"] = 1

    return forged(change)


@case("tdx.tcb.revoked")
def a_revoked_platform():
    def change(intel):
        for level in intel.info["tcbLevels"]:
            level["tcbStatus"] = "Revoked"

    return forged(change)


@case("tdx.tcb.revoked")
def a_revoked_quoting_enclave():
    return forged(lambda intel: intel.identity["tcbLevels"][0].update(tcbStatus="Revoked"))


def test_first_two_tdx_components_count_only_without_a_module_s_entry():
    def change(intel):
        for level in intel.info["tcbLevels"]:
            for component in level["tcb"]["tdxtcbcomponents"][:2]:
                component["svn"] = 255

    assert forged(change).rules == []
    assert changed_body(1, b"\x00", change).rules == ["tdx.tcb.unsupported"]


# (platform, module or quoting enclave, whole)
CONVERGENCE = [
    ("UpToDate", "UpToDate", "UpToDate"),
    ("UpToDate", "OutOfDate", "OutOfDate"),
    ("SWHardeningNeeded", "OutOfDate", "OutOfDate"),
    ("ConfigurationNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"),
    ("ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"),
    ("OutOfDate", "OutOfDate", "OutOfDate"),
    ("OutOfDate", "UpToDate", "OutOfDate"),
    ("OutOfDateConfigurationNeeded", "OutOfDate", "OutOfDateConfigurationNeeded"),
    ("ConfigurationNeeded", "UpToDate", "ConfigurationNeeded"),
    ("UpToDate", "Revoked", "Revoked"),
    ("Revoked", "UpToDate", "Revoked"),
]


@pytest.mark.parametrize(("platform", "other", "whole"), CONVERGENCE)
def test_statuses_converge(platform, other, whole):
    def platform_is(intel):
        for level in intel.info["tcbLevels"]:
            level["tcbStatus"] = platform

    def module_is(intel):
        platform_is(intel)
        for module in intel.info["tdxModuleIdentities"]:
            for level in module["tcbLevels"]:
                level["tcbStatus"] = other

    def enclave_is(intel):
        platform_is(intel)
        for level in intel.identity["tcbLevels"]:
            level["tcbStatus"] = other

    assert forged(module_is).status == whole
    assert forged(enclave_is).status == whole


# Its appraisal.


def policy_for(quote):
    return quote_policy.Policy(frozenset({quote.mrtd}), frozenset({quote.rtmrs}), quote.report_data)


def appraised_quote(change=None, at=OAK_TIME, judgement=None, **demands):
    judgement = judgement or forged()
    assert judgement.rules == []
    policy = policy_for(judgement.quote)
    if change is not None:
        body = bytearray(judgement.quote.body)
        change(body)
        judgement.quote = dataclasses.replace(judgement.quote, body=bytes(body))
    return quote_policy.appraise(judgement, dataclasses.replace(policy, **demands), at)


ATTRIBUTES, XFAM = 120, 128


def out_of_date(excepted=frozenset(), end=OAK_TIME + SECOND):
    def change(intel):
        for level in intel.info["tcbLevels"]:
            level.update(tcbStatus="OutOfDate", advisoryIDs=["INTEL-SA-1", "INTEL-SA-2"])

    return appraised_quote(judgement=forged(change), exceptions={"OutOfDate": (frozenset(excepted), end)})


def relaunch(**demands):
    """A TD 1.5 that an older module launched: TEE_TCB_SVN is below the first level of the module's entry, TEE_TCB_SVN_2 is not."""
    intel = Intel(TD15, TD15_SET)
    intel.body[584:600] = intel.body[0:16]
    intel.body[584] += 1
    newest = intel.body[584]
    for module in intel.info["tdxModuleIdentities"]:
        levels = ((newest, "UpToDate"), (0, "OutOfDate"))
        module["tcbLevels"] = [module["tcbLevels"][0] | {"tcb": {"isvsvn": svn}, "tcbStatus": status} for svn, status in levels]
    for level in intel.info["tcbLevels"]:
        level["tcbStatus"] = "UpToDate"
    judgement = verify(intel, TD15_TIME)
    assert (judgement.status, judgement.relaunch) == ("OutOfDate", True)
    return appraised_quote(at=TD15_TIME, judgement=judgement, mrservicetds=frozenset({judgement.quote.mrservicetd}), **demands)


case("tdx.collateral.minimum")(lambda: appraised_quote(min_evaluation=20))
case("tdx.collateral.rollback")(lambda: appraised_quote(seen_evaluation={bytes.fromhex("00806f050000"): 20}))
case("tdx.tcb.status")(lambda: out_of_date({"INTEL-SA-1"}))
case("tdx.tcb.status")(lambda: out_of_date({"INTEL-SA-1", "INTEL-SA-2"}, OAK_TIME))
case("tdx.tcb.relaunch")(relaunch)
case("tdx.platform.unlisted")(lambda: appraised_quote(platforms=frozenset({bytes(16)})))
case("tdx.seam.mrsigner")(lambda: appraised_quote(put(64, b"\x01")))
case("tdx.seam.attributes")(lambda: appraised_quote(put(112, b"\x01")))
case("tdx.seam.mrseam")(lambda: appraised_quote(mrseams=frozenset({bytes(48)})))
case("tdx.attributes.debug")(lambda: appraised_quote(bit(ATTRIBUTES, 0)))
case("tdx.attributes.debug")(lambda: appraised_quote(bit(ATTRIBUTES, 7)))
case("tdx.attributes.sept_ve_disable")(lambda: appraised_quote(bit(ATTRIBUTES, 28)))
case("tdx.attributes.migratable")(lambda: appraised_quote(bit(ATTRIBUTES, 29)))
case("tdx.attributes.perfmon")(lambda: appraised_quote(bit(ATTRIBUTES, 63)))
case("tdx.attributes.reserved")(lambda: appraised_quote(bit(ATTRIBUTES, 8)))
case("tdx.xfam")(lambda: appraised_quote(bit(XFAM, 0)))
case("tdx.xfam")(lambda: appraised_quote(bit(XFAM, 63)))
case("tdx.mrtd")(lambda: appraised_quote(mrtds=frozenset()))
case("tdx.rtmr")(lambda: appraised_quote(bit(472, 383)))
case("tdx.mrconfigid")(lambda: appraised_quote(put(184, b"\x01")))
case("tdx.mrowner")(lambda: appraised_quote(put(232, b"\x01")))
case("tdx.mrownerconfig")(lambda: appraised_quote(put(280, b"\x01")))
case("tdx.report_data")(lambda: appraised_quote(bit(520, 511)))


@case("tdx.mrservicetd")
def a_service_td():
    def up_to_date(intel):
        for level in (*intel.info["tcbLevels"], *(level for module in intel.info["tdxModuleIdentities"] for level in module["tcbLevels"])):
            level["tcbStatus"] = "UpToDate"

    intel = Intel(TD15, TD15_SET)
    up_to_date(intel)
    return appraised_quote(at=TD15_TIME, judgement=verify(intel, TD15_TIME))


def test_quote_policies_that_fit_refuse_nothing():
    assert appraised_quote().rules == []
    assert out_of_date({"INTEL-SA-1", "INTEL-SA-2"}).rules == []
    assert relaunch(allow_relaunch=True).rules == []

# The cases, run.


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)


def test_forged_root_is_not_intel_s():
    assert digest_of(ec_key("root")) not in quote_verifier.ROOTS
