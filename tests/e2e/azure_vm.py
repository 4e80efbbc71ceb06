"""An Azure confidential VM's TPM: swtpm, and before it a paravisor that answers for the index of its report, which is larger than swtpm's may be. The
report is a recorded one with the user data and the key of this VM put in, so that everything in it fits together but the hardware's signature."""

import base64
import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import socket
import socketserver
import struct
import threading
import time

from harness import running, wait_until

REPORT_INDEX, USER_DATA_INDEX, KEY_HANDLE = 0x01400001, 0x01400002, 0x81000003
NV_READ_PUBLIC, NV_READ, NV_WRITE = 0x169, 0x14E, 0x137
PASSWORD = bytes.fromhex("0000000940000009000001" "0000")  # an authorisation by the empty password
OWNER = 0x40000001
RENEWAL_S = 2  # the report is not renewed more often


def command(code, *parts, tag=0x8001):
    body = b"".join(parts)
    return struct.pack(">HII", tag, 10 + len(body), code) + body


def answer(body, tag=0x8001):
    return struct.pack(">HII", tag, 10 + len(body), 0) + body


def sized(data):
    return struct.pack(">H", len(data)) + data


def receive(connection):
    """One command or one answer: its header has its length. Empty: the peer left."""
    out = b""
    while len(out) < 10 or len(out) < struct.unpack(">I", out[2:6])[0]:
        piece = connection.recv(65536)
        if not piece:
            return b""
        out += piece
    return out


class Tpm:
    """swtpm, by its commands."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(str(path))

    def ask(self, raw):
        self.connection.sendall(raw)
        return receive(self.connection)

    def must(self, *arguments, **keywords):
        out = self.ask(command(*arguments, **keywords))
        assert struct.unpack(">I", out[6:10])[0] == 0, out.hex()
        return out[10:]

    def make_key(self):
        """Leaves an attestation key where a paravisor has it, and gives its modulus."""
        area = bytes.fromhex("0001000b00050072000000100014000b0800000000000000")  # restricted RSA of 2048 bits, RSASSA with SHA-256
        made = self.must(0x131, struct.pack(">I", OWNER), PASSWORD, sized(sized(b"") + sized(b"")), sized(area), sized(b""), bytes(4), tag=0x8002)
        handle, (area_bytes,) = made[:4], struct.unpack(">H", made[8:10])
        modulus = made[10:10 + area_bytes][-256:]
        self.must(0x120, struct.pack(">I", OWNER), handle, PASSWORD, struct.pack(">I", KEY_HANDLE), tag=0x8002)
        self.must(0x165, handle)
        return modulus

    def extend(self, pcr, digest):
        self.must(0x182, struct.pack(">I", pcr), PASSWORD, struct.pack(">IH", 1, 0x0B), digest, tag=0x8002)

    def close(self):
        self.connection.close()


class Report:
    """A recorded report of a paravisor, made over: `report_data_at` is where the hardware's report has its own."""

    def __init__(self, recorded, modulus):
        self.bytes = bytearray(recorded)
        self.is_snp = recorded[1224] == 2
        self.report_data_at = 32 + (0x50 if self.is_snp else 128)
        (self.json_bytes,) = struct.unpack("<I", recorded[1232:1236])
        key = base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()
        self._put(r'("kid":"HCLAkPub".*?"n":")[^"]+', key)
        self.renew(bytes(64))

    def _put(self, pattern, value):
        text = bytes(self.bytes[1236:1236 + self.json_bytes]).decode()
        changed, count = re.subn(pattern, lambda found: found.group(1) + value, text)
        assert count == 1 and len(changed) == len(text), text
        self.bytes[1236:1236 + self.json_bytes] = changed.encode()

    def renew(self, user_data):
        self._put(r'("user-data":")[^"]+', user_data.hex())
        digest = hashlib.sha256(self.bytes[1236:1236 + self.json_bytes]).digest()
        self.bytes[self.report_data_at:self.report_data_at + 64] = digest + bytes(32)


class Paravisor:
    """Listens as a TPM does. What is written into the index of user data appears in the report that is read later."""

    def __init__(self, folder, recorded):
        self.folder, self.recorded = pathlib.Path(folder), recorded
        self.path, self.user_data, self.renewed = self.folder / "vtpm", bytes(64), 0.0

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            below, control = self.folder / "swtpm", self.folder / "vtpm.ctrl"
            (self.folder / "state").mkdir()
            stack.enter_context(running(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/state", "--server", f"type=unixio,path={below}",
                                         "--ctrl", f"type=unixio,path={control}", "--flags", "not-need-init,startup-clear"], self.folder / "swtpm.log"))
            wait_until(below.exists, 20, "swtpm listens")
            with contextlib.closing(Tpm(below)) as tpm:
                self.report = Report(self.recorded, tpm.make_key())
                tpm.extend(4, bytes(range(32)))
            self._listen(stack, below)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)

    def _listen(self, stack, below):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.closing(Tpm(below)) as tpm:
                    while raw := receive(self.request):
                        self.request.sendall(outer._own(raw) or tpm.ask(raw))

        server = socketserver.ThreadingUnixStreamServer(str(self.path), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)

    def _own(self, raw):
        """The answer to what is about the report's index; nothing: swtpm has it."""
        (code,) = struct.unpack(">I", raw[6:10])
        if code == NV_READ_PUBLIC and raw[10:14] == struct.pack(">I", REPORT_INDEX):
            area = struct.pack(">IHIHH", REPORT_INDEX, 0x0B, 0x20060006, 0, len(self.report.bytes))
            return answer(sized(area) + sized(struct.pack(">H", 0x0B) + hashlib.sha256(area).digest()))
        if code == NV_READ and raw[14:18] == struct.pack(">I", REPORT_INDEX):
            size, offset = struct.unpack(">HH", raw[-4:])
            if offset == 0:
                self._renew()
            piece = sized(bytes(self.report.bytes[offset:offset + size]))
            return answer(struct.pack(">I", len(piece)) + piece + bytes.fromhex("0000010000"), tag=0x8002)
        if code == NV_WRITE and raw[14:18] == struct.pack(">I", USER_DATA_INDEX):
            self.user_data = raw[-66:-2]
        return None

    def _renew(self):
        if time.monotonic() - self.renewed > RENEWAL_S:
            self.renewed = time.monotonic()
            self.report.renew(self.user_data)


class QuoteService:
    """The host's service that makes quotes: plays a recorded one back, over the TDREPORT that it is shown. `spoil` changes what it answers."""

    def __init__(self, recorded):
        self.recorded, self.asked, self.spoil = recorded, [], lambda body: body
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.asked.append(self.path)
                body = outer.spoil(outer._answer(base64.urlsafe_b64decode(request["report"] + "==")))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/acc/tdquote"

    def _answer(self, td_report):
        quote = bytearray(self.recorded)
        quote[48 + 520:48 + 584] = td_report[128:192]
        return json.dumps({"quote": base64.urlsafe_b64encode(quote).decode()}).encode()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
