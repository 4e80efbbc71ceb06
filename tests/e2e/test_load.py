"""Many streams at once, some of whose connections are killed somewhere on the way: each ends, none is short, none is another's, and no
program's memory grows."""

import asyncio
import contextlib
import json
import os
import pathlib
import random
import resource
import socket
import time
import urllib.parse

import pytest

from chain import copied_party
from harness import MODEL, SLOW, Deployment, faulty_engine, free_port, running, wait_until

# `./dev test soak` asks for a thousand streams for a minute.
STREAMS = int(os.environ.get("OPENPCC_STREAMS", "0")) or (150 if SLOW == 1 else 40)
SECONDS = int(os.environ.get("OPENPCC_STREAM_SECONDS", "0")) or 12
LAST_WORDS = "opened only beside me."
FRAMES_PER_S = 10

HAPROXY = """
global
    stats socket {folder}/control mode 600 level admin
    maxconn {connections}
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
"""
HOP = """
listen {hop}
    bind 127.0.0.1:{port}
    server there {target}
"""


class Killer:
    """HAProxy as a plain forwarder between the parties; kills sessions of its hops by its control socket."""

    def __init__(self, folder, stack):
        self.folder, self.stack, self.hops = folder, stack, []
        folder.mkdir()

    def between(self, hop, target):
        port = self.stack.enter_context(free_port())
        self.hops.append(HOP.format(hop=hop, port=port, target=urllib.parse.urlsplit(target).netloc))
        return f"http://127.0.0.1:{port}"

    def start(self):
        config = self.folder / "haproxy.cfg"
        # Two descriptors a connection, within what the system allows.
        connections = min(9000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 200)
        config.write_text(HAPROXY.format(folder=self.folder, connections=connections) + "".join(self.hops))
        log = self.folder / "haproxy.log"
        self.stack.enter_context(running([os.environ["OPENPCC_HAPROXY"], "-f", config], log))
        wait_until(lambda: (self.folder / "control").exists() and b"hop" in self.ask("show stat").lower(), 10, "the forwarder runs")

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "control"))
            control.sendall(command.encode() + b"\n")
            data = b""
            while piece := control.recv(65536):
                data += piece
        return data

    def kill(self, share, chance):
        sessions = [line.split(b":")[0].decode() for line in self.ask("show sess").splitlines() if b" proto=tcpv4" in line]
        chosen = [session for session in sessions if chance.random() < share]
        for session in chosen:
            self.ask(f"shutdown session {session}")
        return len(chosen)


class Loaded:
    """A deployment whose hops all lead through the killer: app - proxy - * - relay - * - gateway - * - node - engine."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            engine = stack.enter_context(faulty_engine(self.folder, "50ms", f"{1000 // FRAMES_PER_S}ms", "--concurrency", "4096"))
            up = stack.enter_context(Deployment(self.folder / "up", nodes=4, engines=[engine.listen]))
            parties = up.state["parties"]
            self.killer = Killer(self.folder / "killer", stack)
            ports = {party: stack.enter_context(free_port()) for party in ("relay", "gateway", "proxy")}
            here = {party: f"http://127.0.0.1:{port}" for party, port in ports.items()}
            nodes = [self.killer.between(f"hop-node-{n}", parties[f"node-{n}"]["listen"]) for n in range(1, 5)]
            to_gateway = self.killer.between("hop-gateway", here["gateway"])
            to_relay = self.killer.between("hop-relay", here["relay"])
            self.killer.start()
            copied_party(stack, self.folder, up, "gateway", "openpcc-gateway", ports["gateway"], {"nodes": nodes})
            copied_party(stack, self.folder, up, "relay-1", "openpcc-relay", ports["relay"], {"gateway": to_gateway})
            copied_party(stack, self.folder, up, "proxy", "openpcc proxy", ports["proxy"], {"relays": [to_relay]})
            self.up, self.url, self.engine = up, here["proxy"], engine
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)

    def memory(self):
        """Resident bytes by program, of every program that this deployment started."""
        out = {}
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
                if any(str(self.folder) in word for word in words) and "openpcc" in words[0]:
                    pages = int((entry / "statm").read_text().split()[1])
                    name = pathlib.Path(words[0]).name + " " + next((pathlib.Path(w).stem for w in words if w.endswith(".toml")), "")
                    out[f"{name} {entry.name}"] = pages * os.sysconf("SC_PAGE_SIZE")
        return out


async def stream(address, marker):
    """Asks once; returns "whole", "error" or "cut", and checks that what is called whole is."""
    body = json.dumps({"model": MODEL, "stream": True, "messages": [{"role": "user", "content": f"Who reads {marker}?"}]}).encode()
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    try:
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: " + address.netloc.encode() + b"\r\ncontent-type: application/json\r\n"
                     b"openpcc-profile: low-latency\r\nconnection: close\r\ncontent-length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        data = await reader.read(-1)
    except OSError:
        return "cut"
    finally:
        writer.close()
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        return "error" if b'"error"' in rest else "cut"
    if not rest.endswith(b"\r\n0\r\n\r\n"):
        assert b"[DONE]" not in rest, "a cut stream must not look complete"
        return "error" if b"event: error" in rest else "cut"
    text = text_of(rest)
    assert marker in text and text.endswith(LAST_WORDS), f"short or foreign: {text[-200:]!r}"
    return "whole"


def text_of(chunked):
    content = b""
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        content += chunked[: int(size, 16)]
        chunked = chunked[int(size, 16) + 2 :]
    events = [json.loads(line[6:]) for line in content.decode().split("\n\n") if line.startswith("data: {")]
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])


async def load(loaded, streams, seconds, kill_share):
    address, chance = urllib.parse.urlsplit(loaded.url), random.Random(7)
    seen, killed, ends = {"whole": 0, "error": 0, "cut": 0}, 0, time.monotonic() + seconds
    early = {}

    async def worker(number):
        turn = 0
        await asyncio.sleep(number / streams * 2)
        while time.monotonic() < ends:
            turn += 1
            seen[await stream(address, f"marker-{number}-{turn}-end")] += 1

    workers = [asyncio.create_task(worker(n)) for n in range(streams)]
    begun = time.monotonic()
    while time.monotonic() < ends:
        await asyncio.sleep(2)
        killed += await asyncio.to_thread(loaded.killer.kill, kill_share, chance)
        if not early and time.monotonic() - begun > seconds / 3:
            early = loaded.memory()
    late = loaded.memory()
    # Every stream ends: an answer that is lost silently would wait here.
    await asyncio.wait_for(asyncio.gather(*workers), timeout=120 * SLOW)
    return seen, killed, early, late


@pytest.mark.timeout(900)
def test_many_streams_end_truly_and_memory_stays(tmp_path):
    with Loaded(tmp_path) as loaded:
        seen, killed, early, late = asyncio.run(load(loaded, STREAMS, SECONDS, 0.01 if STREAMS >= 500 else 0.03))
        print(f"\n{STREAMS} streams for {SECONDS} s, {killed} connections killed: {seen}")
        for name in sorted(late):
            print(f"  {name:<42} {early.get(name, 0) / 1e6:7.1f} MB, then {late[name] / 1e6:7.1f} MB")
        assert killed > 0 and seen["whole"] >= STREAMS / 2, seen
        assert seen["error"] + seen["cut"] <= killed * 16, "an error without a killed connection"
        if SLOW == 1:
            for name, before in early.items():
                assert late.get(name, 0) < before * 1.3 + 16e6, f"{name} grew from {before} to {late[name]} bytes"
