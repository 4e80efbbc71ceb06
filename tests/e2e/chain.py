"""A chain of parties with a disturber between every two of them: proxy - relay - gateway - node - engine.

A disturber forwards bytes and can cut, reset, stall or delay a connection after so many bytes in one direction. The parties are real processes:
those of `openpcc up`, and a proxy, a relay and a gateway more, with the same settings but for whom they reach.
"""

import contextlib
import dataclasses
import pathlib
import random
import re
import socket
import struct
import threading
import time
import urllib.parse

from harness import BIN, Deployment, faulty_engine, free_port, get, running, wait_answering

HOPS = ["relay", "gateway", "node", "engine"]
BUFFER = 16384


@dataclasses.dataclass
class Fault:
    """What happens once `after` bytes went in `direction` over a hop: "close" ends cleanly, "reset" does not, "stall" goes on after a while,
    "delay" adds a pause to every piece from there on."""

    kind: str
    direction: str  # "sent" by the one who connects, or "received"
    after: int


class Disturber:
    """Forwards connections to `target`, "unix:/path" or "http://host:port". One fault at a time is armed; it counts bytes from then on."""

    STALL_S = 0.3
    DELAY_S = 0.002

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock = threading.Lock()
        self.fault = None
        self.counted = 0
        self.fired = False
        self.pairs = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, fault):
        with self.lock:
            self.fault, self.counted, self.fired = fault, 0, False

    def disarm(self):
        """Returns whether the fault had happened."""
        with self.lock:
            self.fault = None
            return self.fired

    def kill_some(self, share, chance):
        """Resets a share of the connections that are open now; returns how many."""
        with self.lock:
            pairs = [pair for pair in self.pairs if chance.random() < share]
        for pair in pairs:
            for end in pair:
                reset(end)
        return len(pairs)

    def close(self):
        self.listener.close()

    def _connect(self):
        if self.target.startswith("unix:"):
            out = socket.socket(socket.AF_UNIX)
            out.connect(self.target.removeprefix("unix:"))
            return out
        parts = urllib.parse.urlsplit(self.target)
        return socket.create_connection((parts.hostname, parts.port))

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                reset(near)
                continue
            for end in (near, far):
                if end.family == socket.AF_INET:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (near, far)
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=self._pump, args=(pair, near, far, "sent"), daemon=True).start()
            threading.Thread(target=self._pump, args=(pair, far, near, "received"), daemon=True).start()

    def _pump(self, pair, source, sink, direction):
        try:
            while data := source.recv(BUFFER):
                if not self._pass(pair, sink, data, direction):
                    return
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in pair:
                reset(end)
        finally:
            with self.lock:
                self.pairs.discard(pair)

    def _pass(self, pair, sink, data, direction):
        """Forwards a piece; False: the connection is gone."""
        with self.lock:
            fault = self.fault
            if fault is None or fault.direction != direction:
                cut = None
            else:
                cut = fault.after - self.counted
                self.counted += len(data)
                if cut >= len(data) or (self.fired and fault.kind in ("close", "reset")):
                    cut = None
                else:
                    self.fired = True
        if cut is None:
            sink.sendall(data)
            return True
        if fault.kind in ("stall", "delay"):
            sink.sendall(data[: max(cut, 0)])
            time.sleep(self.STALL_S if fault.kind == "stall" and cut >= 0 else self.DELAY_S)
            sink.sendall(data[max(cut, 0) :])
            return True
        sink.sendall(data[: max(cut, 0)])
        if fault.kind == "close":
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        else:
            for end in pair:
                reset(end)
        return False


def reset(end):
    """Closes with a reset where the family has one. A thread that still reads from it gets an error."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def copied_party(stack, folder, deployment, party, program, port, changes, environment=None, ready="/readyz"):
    """Starts a deployment's party once more, on a port of its own and with these settings changed; it ends with `stack`."""
    admin = stack.enter_context(free_port())
    text = (deployment.folder / f"config/{party}.toml").read_text()
    listen, admin_listen = re.findall(r"^listen = .*$", text, re.MULTILINE)
    text = text.replace(admin_listen, f'listen = "http://127.0.0.1:{admin}"').replace(listen, f'listen = "http://127.0.0.1:{port}"', 1)
    for name, value in changes.items():
        written = '["' + '", "'.join(value) + '"]' if isinstance(value, list) else f'"{value}"'
        text, count = re.subn(rf"^{name} = .*$", lambda _: f"{name} = {written}", text, count=1, flags=re.MULTILINE)
        assert count == 1, (party, name)
    config, log = folder / f"{party}.toml", folder / f"{party}.log"
    config.write_text(text)
    variables = [f"{name}={value}" for name, value in (environment or {}).items()]
    process = stack.enter_context(running(["env", *variables, BIN / program.split()[0], *program.split()[1:], "--config", config], log))
    wait_answering(process, log, lambda: get(f"http://127.0.0.1:{admin}{ready}")[0] == 200, party)


class Chain:
    def __init__(self, folder, *, nodes=4, ttft="0ms", tpot="0ms"):
        self.folder = pathlib.Path(folder)
        self.nodes, self.ttft, self.tpot = nodes, ttft, tpot
        self.disturbers = {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.engine = stack.enter_context(faulty_engine(self.folder, self.ttft, self.tpot))
            engine = self._disturb("engine", self.engine.listen)
            self.deployment = stack.enter_context(Deployment(self.folder / "up", nodes=self.nodes, engines=[engine]))
            parties = self.deployment.state["parties"]
            # One disturber for all nodes would need one address for them all: each has its own, and they share their fault.
            nodes = [Disturber(parties[f"node-{n}"]["listen"]) for n in range(1, self.nodes + 1)]
            self.disturbers["node"] = nodes
            gateway = self._start(stack, "gateway", "openpcc-gateway", {"nodes": [node.url for node in nodes]})
            relay = self._start(stack, "relay-1", "openpcc-relay", {"gateway": self._disturb("gateway", gateway)})
            self.url = self._start(stack, "proxy", "openpcc proxy", {"relays": [self._disturb("relay", relay)]})
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)
        for disturbers in self.disturbers.values():
            for disturber in disturbers:
                disturber.close()

    def _disturb(self, hop, target):
        self.disturbers[hop] = [Disturber(target)]
        return self.disturbers[hop][0].url

    def _start(self, stack, party, program, changes):
        port = stack.enter_context(free_port())
        copied_party(stack, self.folder, self.deployment, party, program, port, changes)
        return f"http://127.0.0.1:{port}"

    @contextlib.contextmanager
    def fault(self, hop, fault):
        """Armed on every connection of a hop for as long as the block lasts; yields a function that says whether it happened."""
        for disturber in self.disturbers[hop]:
            disturber.arm(fault)
        try:
            yield lambda: any(disturber.fired for disturber in self.disturbers[hop])
        finally:
            for disturber in self.disturbers[hop]:
                disturber.disarm()

    def kill_some(self, share, chance):
        return sum(disturber.kill_some(share, chance) for disturbers in self.disturbers.values() for disturber in disturbers)


def random_fault(chance: random.Random, bytes_max):
    """Mostly cuts, at a byte that is as likely among the first hundred as among all."""
    kind = chance.choice(["close", "reset", "close", "reset", "stall"])
    after = chance.randrange(100) if chance.random() < 0.3 else chance.randrange(bytes_max)
    return Fault(kind, chance.choice(["sent", "received", "received"]), after)
