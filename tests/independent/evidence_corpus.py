"""The shared corpus of evidence: its expectations and files. A test module that needs it skips loudly where it is absent, and fails instead where
OPENPCC_REQUIRE_SHARED is set."""

import datetime
import json
import os
import pathlib

import pytest
from quote_format import SGX, TDX
from quote_verifier import Collateral

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("OPENPCC_SHARED") or ROOT.parent / "shared")
EVIDENCE = SHARED / "evidence"

if not (EVIDENCE / "EXPECTED.json").exists():
    if os.environ.get("OPENPCC_REQUIRE_SHARED"):
        pytest.fail(f"{EVIDENCE} is absent, and OPENPCC_REQUIRE_SHARED is set", pytrace=False)
    pytest.skip("SHARED VECTORS ABSENT: evidence of CPUs is not checked", allow_module_level=True)

EXPECTED = json.loads((EVIDENCE / "EXPECTED.json").read_text())
SECOND = datetime.timedelta(seconds=1)


def time(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def of_kind(*kinds):
    return [sample for sample in EXPECTED if sample["kind"] in kinds]


def with_id(name):
    return next(sample for sample in EXPECTED if sample["id"] == name)


def each(samples):
    return pytest.mark.parametrize("sample", samples, ids=lambda sample: sample["id"])


def read(path):
    return (EVIDENCE / path).read_bytes()


def read_optional(path):
    return read(path) if (EVIDENCE / path).exists() else None


# AMD.


def snp_root(product, name):
    return read(f"snp/roots/{product.lower()}/{name}.der")


def snp_parts(sample, product=None):
    """(report, signing key's certificate, issuer, root). Where a sample names no chain, it is that of `product`; where it has no certificate,
    there is none."""
    parts = [read(path) for path in sample["files"]]
    if len(parts) == 2:
        parts += [snp_root(product, "ask"), snp_root(product, "ark")]
    return tuple(parts + [None] * (4 - len(parts)))


# Intel. Some sets of the corpus lack the chains that sign collateral, which are the same for all sets of a time: those are lent to them.

LENDER = "flashbots-gcp-00806F"
IDENTITY_LENDER = "lunal-90c06f000000"


def signature_of(path):
    text = read_optional(path)
    return None if text is None else bytes.fromhex(text.decode("ascii").strip())


def collateral(name):
    folder = f"tdx/collateral/{name}"
    return Collateral(
        read_optional(f"{folder}/tcb_info.json"),
        signature_of(f"{folder}/tcb_info.sig.hex"),
        read_optional(f"{folder}/qe_identity.json"),
        signature_of(f"{folder}/qe_identity.sig.hex"),
        read_optional(f"{folder}/tcb_signing_chain.pem") or read(f"tdx/collateral/{LENDER}/tcb_signing_chain.pem"),
        read_optional(f"{folder}/pck_crl.der"),
        read_optional(f"{folder}/root_ca_crl.der"),
    )


def issuers(name):
    return read_optional(f"tdx/collateral/{name}/pck_crl_issuer_chain.pem") or read(f"tdx/collateral/{LENDER}/pck_crl_issuer_chain.pem")


def missing_rules(parts):
    """The rules by which a verifier must refuse a set of collateral that is not whole."""
    rules = ["tdx.crl.missing"] * [parts.root_crl, parts.pck_crl].count(None)
    return rules + ["tdx.collateral.missing"] * (parts.identity is None)


# Its quote ends with text that nothing signs: refused as it is, good without.
WITH_TRAILER = "tdx-v4-spr-google-2023"


def quote_of(sample):
    data = read(sample["files"][0])
    return data[: -sample["trailing_bytes"]] if sample["id"] == WITH_TRAILER else data


def tee_of(sample):
    return TDX if sample["kind"] == "tdx-quote" else SGX
