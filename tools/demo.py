#!/usr/bin/env python3
"""The demo: starts a whole deployment with `openpcc up --record`, asks it two questions, and shows what each party saw.

What a party saw is not told but looked up: every connection between two parties went through a tap that kept a copy of its bytes.
"""

import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import captures

BIN = pathlib.Path(os.environ["OPENPCC_BIN"])
MODEL = "openpcc-demo"
ANSWER_WORD = b"chat.completion.chunk"
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def style(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if COLOUR else text


def heading(text):
    print("\n" + style("1", f"== {text}"), flush=True)


def command_line(text):
    print(style("2", f"   $ {text}") + "\n", flush=True)


class Deployment:
    """`openpcc up --record` as a child; ends with the block."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "up.log"

    def __enter__(self):
        command = [BIN / "openpcc", "up", "--record", "--port", "0", "--folder", self.folder]
        self.process = subprocess.Popen(command, stdout=self.log.open("wb"), stderr=subprocess.STDOUT)
        state = self.folder / "state.json"
        for _ in range(600):
            if state.exists():
                self.state = json.loads(state.read_text())
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.end()
        sys.exit(f"demo: the deployment did not start:\n{self.log.read_text()}")

    def __exit__(self, kind, error, trace):
        self.end()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def show_parties(state):
    for name, party in state["parties"].items():
        print(f"   {name:<12} {party['listen'].removeprefix('http://') or '-'}")
    print("\n   Every line is a process of its own. The TEEs of the nodes are simulated: this shows how it works, it protects nothing.")


def show_verdict(folder, policy):
    bundle = folder / "bundle" / "bundle"
    done = subprocess.run([BIN / "openpcc", "verify", bundle, "--policy", policy, "-o", "json"], capture_output=True, text=True, check=False)
    verdicts = [entry["verdict"] for entry in json.loads(done.stdout)]
    print(f"   {len(verdicts)} nodes; outcome: {', '.join(sorted({verdict['outcome'] for verdict in verdicts}))}   (exit code {done.returncode})")
    print("   of the first one, in the words of `openpcc verify --explain`:\n")
    marks = {"passed": style("32", "passed"), "failed": style("31", "failed"), "not_checked": style("33", "not checked"),
             "not_provable": style("33", "not provable")}
    for row in verdicts[0]["rows"]:
        seen = row.get("seen") or row.get("remedy") or ""
        pad = " " * (13 - len(row["state"]))
        print(f"   {row['property']:<20} {marks[row['state']]}{pad} {seen[:84]}")


def ask_with_curl(base_url, question):
    body = json.dumps({"model": MODEL, "stream": True, "messages": [{"role": "user", "content": question}]})
    command_line(f"curl -N {base_url}/chat/completions -H 'content-type: application/json' -d '{body}'")
    curl = subprocess.Popen(["curl", "-sSN", f"{base_url}/chat/completions", "-H", "content-type: application/json", "-d", body],
                            stdout=subprocess.PIPE, text=True)
    lines = 0
    for line in curl.stdout:
        if not line.strip():
            continue
        lines += 1
        if lines <= 4 or "[DONE]" in line:
            print("   " + line.rstrip()[:150], flush=True)
        elif lines == 5:
            print("   ...", flush=True)
    if curl.wait() != 0:
        sys.exit("demo: curl got no complete answer")


def ask_with_openai(base_url, question):
    import openai

    command_line(f'openai.OpenAI(base_url="{base_url}", api_key="unused").chat.completions.create(…, stream=True)')
    client = openai.OpenAI(base_url=base_url, api_key="unused")
    sys.stdout.write("   ")
    for chunk in client.chat.completions.create(model=MODEL, stream=True, messages=[{"role": "user", "content": question}]):
        piece = chunk.choices[0].delta.content or "" if chunk.choices else ""
        sys.stdout.write(piece.replace("\n", "\n   "))
        sys.stdout.flush()
    print()


def answers_of(hops, prefix):
    """The exchanges of the hops whose name begins so, those of a question alone."""
    return [exchange for hop, exchanges in sorted(hops.items()) if hop.startswith(prefix)
            for exchange in exchanges if exchange.request.start.startswith("POST")]


def head_of(message):
    return message.start + "".join(f"\n     {name}: {value}" for name, value in message.fields)


def show_hop(title, exchange, what):
    print("\n   " + style("1", title))
    print(f"     {head_of(exchange.request)}")
    print(f"     {what}")
    chunks = len(exchange.answer.chunks or []) or 1
    print(f"     answer: {len(exchange.answer.body)} bytes in {chunks} pieces, {exchange.answer.field('content-type')}")


def sealed(message):
    return f"body: {len(message.body)} bytes, sealed: {message.body[:16].hex()}…"


def show_envelope(body):
    recipients = body[3]
    ids = [body[36 + 32 * i : 68 + 32 * i].hex()[:16] + "…" for i in range(recipients)]
    return f"body: {len(body)} bytes: an envelope for nodes {' and '.join(ids)}, the rest sealed"


def show_parties_views(folder, hops):
    relay = answers_of(hops, "relay-")[0]
    show_hop("relay sees (from the proxy):", relay, sealed(relay.request))
    gateway = answers_of(hops, "gateway-from-")[0]
    show_hop("gateway sees (from a relay; nothing of the client's connection):", gateway, sealed(gateway.request))
    node = answers_of(hops, "node-")[0]
    show_hop("gateway sees, once the outer layer is open, and hands to a node:", node, show_envelope(node.request.body))
    engine = answers_of(hops, "engine-")[0]
    show_hop("node opened the envelope and asks its engine, inside the TEE:", engine, "body: " + engine.request.body.decode()[:400])


def show_search(folder, hops, marker):
    """Looks for the question's marker, and for a word that stands in every event of the answers, in all bytes of each hop."""
    rows = [("relay-1", "relay 1", "who asks (an address)"), ("relay-2", "relay 2", "who asks (an address)"),
            ("gateway-from-relay-1", "gateway, from 1", "the relay's address"), ("gateway-from-relay-2", "gateway, from 2", "the relay's address"),
            ("node-", "gateway to nodes", "the gateway's address"), ("engine-", "node to engine", "nobody's")]
    found = lambda yes: style("33", "readable") if yes else style("32", "not there")
    print(f"\n   {'hop':<17} {'bytes':>8}  {'question':<10} {'answer':<10} whose connection it is")
    leaks = []
    for prefix, name, whose in rows:
        data = b"".join(captures.raw(folder, hop) for hop in hops if hop.startswith(prefix))
        question, answer = marker.encode() in data, ANSWER_WORD in data
        inside = prefix == "engine-"
        pad = lambda yes: " " * (10 - len("readable" if yes else "not there"))
        print(f"   {name:<17} {len(data):>8}  {found(question)}{pad(question)} {found(answer)}{pad(answer)} {whose}")
        if data and (question or answer) is not inside:
            leaks.append(name)
    return leaks


def main():
    marker = "marker-" + secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="openpcc-demo-") as name:
        folder = pathlib.Path(name)
        heading("starting a deployment: proxy, two relays, gateway, directory, three nodes with their engines")
        with Deployment(folder) as up:
            show_parties(up.state)
            base_url = up.state["proxy"] + "/v1"
            heading("the verdict: what the proxy could verify of the nodes before it sends anything")
            show_verdict(folder, up.state["policy"])
            heading("curl asks, and the answer streams")
            ask_with_curl(base_url, f"Who can read this? {marker}")
            heading("OpenAI's Python client asks; only its base URL was changed")
            ask_with_openai(base_url, f"What reached you, and from whom? {marker}")
            with urllib.request.urlopen(up.state["parties"]["proxy"]["admin"] + "/metrics", timeout=10) as metrics:
                complete = re.search(rb"^openpcc_answers_complete_total(?:\{[^}]*\})? (\d+)", metrics.read(), re.MULTILINE)
        hops = captures.read(folder / "capture")
        heading("what each party saw, from the captures of its connections")
        show_parties_views(folder / "capture", hops)
        heading(f"looking for the question ({marker}) and the answer in all captured bytes")
        leaks = show_search(folder / "capture", hops, marker)
    print(f"\n   answers that the proxy saw complete: {complete.group(1).decode() if complete else '?'}")
    if leaks:
        sys.exit(f"demo: plaintext where none belongs, or none where it must be: {', '.join(leaks)}")
    print("\n   Only node and engine read the question; only relays see who connects. To keep such a deployment running:\n")
    print(f"   {os.path.relpath(BIN / 'openpcc')} up\n")


if __name__ == "__main__":
    main()
