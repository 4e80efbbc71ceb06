"""AMD's and Intel's services on loopback, with answers made of recorded evidence, and with every fault that such a service may have."""

import http.server
import json
import threading
import time
import urllib.parse


class Services:
    """Answers GET by target. An answer is (status, header fields, body), or a function that is given the handler and does as it likes."""

    def __init__(self, answers, context=None):
        self.answers, self.asked = dict(answers), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append(self.path)
                answer = outer.answers.get(self.path, (404, {}, b""))
                try:
                    answer(self) if callable(answer) else reply(self, *answer)
                except OSError:
                    self.close_connection = True  # the client left

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def port(self):
        return self.server.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def reply(handler, status, fields, body):
    handler.send_response(status)
    for name, value in fields.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def slow(answer, seconds=0.7):
    def act(handler):
        time.sleep(seconds)
        reply(handler, *answer)
    return act


def stalls(answer):
    """The head and half the body, and then nothing."""
    def act(handler):
        status, _, body = answer
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        handler.connection.recv(1)  # until the client leaves
        handler.close_connection = True
    return act


def says_nothing(handler):
    handler.connection.recv(1)
    handler.close_connection = True


def trickles(handler):
    """Always another byte, never the end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "4000")
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.05)


def cut(answer):
    """An answer that ends before its length says so."""
    def act(handler):
        status, _, body = answer
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:-10])
        handler.close_connection = True
    return act


def endless(handler):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def after(first, answer):
    """One answer after another: those of `first`, and then always `answer`."""
    waiting = list(first)

    def act(handler):
        reply(handler, *(waiting.pop(0) if waiting else answer))
    return act


# AMD, from the bytes of a report (ATTESTATION_REPORT) and nothing of the program under test.


def vcek_target(report, product):
    tcb = report[0x180:0x188]
    if product == "Turin":
        return (f"/vcek/v1/Turin/{report[0x1a0:0x1a8].hex()}?fmcSPL={tcb[0]:02}&blSPL={tcb[1]:02}&teeSPL={tcb[2]:02}&snpSPL={tcb[3]:02}"
                f"&ucodeSPL={tcb[7]:02}")
    return f"/vcek/v1/{product}/{report[0x1a0:0x1e0].hex()}?blSPL={tcb[0]:02}&teeSPL={tcb[1]:02}&snpSPL={tcb[6]:02}&ucodeSPL={tcb[7]:02}"


def amd(evidence, product, report=None, vcek=None):
    """What AMD's service answers of a product line, and of one chip."""
    line = product.lower()
    out = {}
    for kind in ("vcek", "vlek"):
        out[f"/{kind}/v1/{product}/cert_chain"] = (200, {}, (evidence / f"snp/roots/{line}/kds_cert_chain_{kind}.pem").read_bytes())
        out[f"/{kind}/v1/{product}/crl"] = (200, {}, (evidence / f"snp/crl/{line}-2026-08-19.crl.der").read_bytes())
    if vcek:
        out[vcek_target(report, product)] = (200, {"Content-Type": "application/x-x509-ca-cert"}, vcek)
    return out


# Intel.


def document(member, folder, name):
    value = (folder / f"{name}.json").read_text()
    signature = (folder / f"{name}.sig.hex").read_text().strip()
    json.loads(value)
    return f'{{"{member}":{value},"signature":"{signature}"}}'.encode()


def intel(folder, fmspc, technology="tdx", ca="platform", query=""):
    """What Intel's services answer of a platform model, from a set of collateral."""
    chain = urllib.parse.quote((folder / "tcb_signing_chain.pem").read_text().rstrip("\0"))
    base = f"/{technology}/certification/v4"
    more = "&" + query if query else ""
    return {
        f"{base}/tcb?fmspc={fmspc.lower()}{more}": (200, {"TCB-Info-Issuer-Chain": chain}, document("tcbInfo", folder, "tcb_info")),
        f"{base}/qe/identity{'?' + query if query else ''}": (200, {"SGX-Enclave-Identity-Issuer-Chain": chain},
                                                              document("enclaveIdentity", folder, "qe_identity")),
        f"/sgx/certification/v4/pckcrl?ca={ca}&encoding=der": (200, {}, (folder / "pck_crl.der").read_bytes()),
        "/IntelSGXRootCA.der": (200, {}, (folder / "root_ca_crl.der").read_bytes()),
    }
