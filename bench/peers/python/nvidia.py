#!/usr/bin/env python3
"""nvidia.py SAMPLES FOLDER SECONDS: NVIDIA's local verifier on the samples "nvgpu"; a line of JSON for each sample and extent.

It reads the clock itself and always asks a server for revocation. So each sample has a process of its own whose clock libfaketime (OPENPCC_FAKETIME)
sets to the sample's time, and the calls that ask the server are left out: report and chain, or all of it (those, the manifests, the comparison).
"""

import io
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

from OpenSSL import crypto


def quiet():
    """Its loggers write to the standard output and to a file in the working directory."""
    for name in ("gpu-verifier-info", "gpu-verifier-event"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL + 1)


SELF = pathlib.Path(__file__).resolve()
os.chdir(tempfile.gettempdir())  # it writes verifier.log where it is started
sys.stdout, real = io.StringIO(), sys.stdout
from verifier.attestation import AttestationReport  # noqa: E402
from verifier.cc_admin_utils import CcAdminUtils  # noqa: E402
from verifier.config import HopperSettings  # noqa: E402
from verifier.rim import RIM  # noqa: E402
from verifier.utils import format_vbios_version  # noqa: E402
from verifier.verifier import Verifier  # noqa: E402

sys.stdout = real
quiet()


class Sample:
    def __init__(self, entry, folder):
        self.name = entry["name"]
        self.report = (folder / entry["report"]).read_bytes()
        self.chain = (folder / entry["chain"]).read_text()
        self.rims = list(zip(("driver", "vbios"), ((folder / name).read_text() for name in entry["manifests"])))


def certificates(pem):
    end = "-----END CERTIFICATE-----"
    blocks = [block + end for block in pem.split(end) if "BEGIN" in block]
    return [crypto.load_certificate(crypto.FILETYPE_PEM, block.strip()) for block in blocks]


def report_and_chain(sample, settings):
    """What its cc_admin does of the report and the chain, with the nonce and the versions that the report itself says."""
    report = AttestationReport(sample.report, settings)
    chain = certificates(sample.chain)
    opaque = report.get_response_message().get_opaque_data()
    good = CcAdminUtils.verify_gpu_certificate_chain(chain, settings, "")
    if not (good[0] if isinstance(good, tuple) else good):
        raise ValueError("the chain")
    driver = opaque.get_data("OPAQUE_FIELD_ID_DRIVER_VERSION").decode().rstrip("\0")
    vbios = format_vbios_version(opaque.get_data("OPAQUE_FIELD_ID_VBIOS_VERSION"))
    nonce = report.get_request_message().get_nonce()
    if not CcAdminUtils.verify_attestation_report(report, chain[0], nonce, driver, vbios, settings):
        raise ValueError("the report")
    return report


def all_of_it(sample, settings):
    report = report_and_chain(sample, settings)
    rims = []
    for kind, text in sample.rims:
        rim = RIM(rim_name=kind, settings=settings, content=text)
        if not rim.validate_schema() or not rim.verify_signature(settings):
            raise ValueError(f"the {kind} RIM")
        rims.append(rim)
    if not Verifier(report, *rims, settings).verify(settings):
        raise ValueError("the measurements")


def median_us(work, seconds):
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e6


def refuses(work):
    try:
        work()
    except Exception as error:  # noqa: BLE001, whatever it raises is a refusal
        return f"{type(error).__name__}: {error}".strip().splitlines()[0]
    return None


def one(entry, folder, seconds):
    sample = Sample(entry, folder)
    settings = HopperSettings()
    for extent in (report_and_chain, all_of_it):
        line = {"sample": sample.name, "peer": f"nv-local-gpu-verifier {version('nv-local-gpu-verifier')}, {extent.__name__.replace('_', ' ')}"}
        why = refuses(lambda extent=extent: extent(sample, settings))
        if why:
            print(json.dumps(line | {"refuses": why}))
            continue
        changed = Sample(entry, folder)
        changed.report = changed.report[:200] + bytes([changed.report[200] ^ 1]) + changed.report[201:]
        if not refuses(lambda extent=extent: extent(changed, settings)):
            sys.exit(f"{line['peer']} accepts {sample.name} with one bit changed")
        print(json.dumps(line | {"us": median_us(lambda extent=extent: extent(sample, settings), seconds)}))


def main(samples, folder, seconds):
    for number, entry in enumerate(json.loads(pathlib.Path(samples).read_text())["nvgpu"]):
        clock = {"LD_PRELOAD": os.environ["OPENPCC_FAKETIME"], "FAKETIME": f"{entry['time'] - int(time.time()):+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        subprocess.run([sys.executable, SELF, samples, folder, seconds, str(number)], env=os.environ | clock, check=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        main(*sys.argv[1:])
    else:
        one(json.loads(pathlib.Path(sys.argv[1]).read_text())["nvgpu"][int(sys.argv[4])], pathlib.Path(sys.argv[2]), float(sys.argv[3]))
