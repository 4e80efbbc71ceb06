#!/usr/bin/env python3
"""What the software path costs: one whole deployment on this machine, asked in three ways in turn (bench/README.md says how to read it).

./dev bench system runs it; the programs come from OPENPCC_BIN, the Python packages are those of tests/requirements.txt.
"""

import argparse
import contextlib
import dataclasses
import gc
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import figures  # noqa: E402  (this folder must be on the path first)
import load  # noqa: E402

NODES = 2  # as many as an envelope has recipients by default
SETTLE_S = 0.001  # what the programs still do when an answer has ended belongs to its request

DIRECT, NODE, CHAIN, BALANCED = "engine direct", "behind the node", "whole chain", "whole chain, balanced"
PARTIES = {"proxy": ["proxy"], "relays": ["relay-1", "relay-2"], "gateway": ["gateway"], "nodes": ["node-1", "node-2"],
           "engines": ["engine-1", "engine-2"]}
PATH = [role for role in PARTIES if role != "engines"]
USED = {DIRECT: ["engines"], NODE: ["nodes", "engines"], CHAIN: list(PARTIES), BALANCED: list(PARTIES)}


@dataclasses.dataclass(frozen=True)
class Setting:
    """An engine's pace, and how often it is asked for how much."""

    title: str
    ttft_ms: int
    tpot_ms: int
    rounds: int  # of single requests for short_tokens tokens
    short_tokens: int
    long_rounds: int  # of single requests for long_tokens tokens
    long_tokens: int
    stream_rounds: int  # of `streams` requests at once, for stream_tokens tokens each
    streams: tuple
    stream_tokens: int
    idle_s: float = 3.0  # how long to watch what the programs do unasked
    role_first_rounds: int = 20


NO_DELAY = Setting("engine without delay: the raw cost of the software",
                   ttft_ms=0, tpot_ms=0, rounds=200, short_tokens=1, long_rounds=20, long_tokens=1024, stream_rounds=5,
                   streams=(1, 16, 64), stream_tokens=512)
# 16 GB of weights, read once per token at 2 TB/s (an A100 80 GB), are 8 ms, here for any number of streams: a real engine slows down as
# they become more, so we carry more tokens than behind one. 60 ms: a prompt of some hundred tokens. Four tokens are the fewest whose end
# does not come within the 20 ms of the profile balanced: it would set the first one free.
LLAMA = Setting("engine paced like Llama-3 8B on one A100 (assumed: first token 60 ms, each further one 8 ms)",
                ttft_ms=60, tpot_ms=8, rounds=50, short_tokens=4, long_rounds=6, long_tokens=64, stream_rounds=4, streams=(16, 64),
                stream_tokens=128)


FULL = (NO_DELAY, LLAMA)
QUICK = (dataclasses.replace(NO_DELAY, rounds=40, long_rounds=6, stream_rounds=3, idle_s=1.0),
         dataclasses.replace(LLAMA, rounds=8, long_rounds=2, stream_rounds=1, idle_s=1.0,
                             role_first_rounds=5))


@dataclasses.dataclass
class Single:
    """Figures of single requests, one entry a round."""

    first_s: list = dataclasses.field(default_factory=list)
    whole_s: list = dataclasses.field(default_factory=list)
    cpu_s: list = dataclasses.field(default_factory=list)  # {role: seconds}

    def cpu_median_s(self):
        return median_by_role(self.cpu_s)


@dataclasses.dataclass
class Streams:
    """Figures of many requests at once, one entry a round."""

    tokens_per_s: list = dataclasses.field(default_factory=list)
    decoded_per_s: list = dataclasses.field(default_factory=list)  # the same without the time to each stream's first token
    first_s: list = dataclasses.field(default_factory=list)  # the median stream's
    cores: list = dataclasses.field(default_factory=list)  # busy, those that the load needs included
    token_cpu_s: list = dataclasses.field(default_factory=list)  # {role: seconds}, each token's share of its request included


@dataclasses.dataclass
class Measured:
    setting: Setting
    short: dict  # way: Single
    long: dict
    streams: dict  # (way, how many at once): Streams
    others: float  # cores that were busy with something else meanwhile

    def token_cpu_s(self, way):
        """{role: seconds} for one token more: what a long answer costs beyond a short one."""
        long, short = self.long[way].cpu_median_s(), self.short[way].cpu_median_s()
        return {role: (long[role] - short[role]) / (self.setting.long_tokens - self.setting.short_tokens) for role in PARTIES}


def median_by_role(spent):
    return {role: figures.median([entry[role] for entry in spent]) for role in PARTIES}


# ---- measuring


def turns(ways, rounds):
    """Round after round, each beginning with another way, so that drift and neighbours hit all alike."""
    for n in range(rounds):
        for way in ways[n % len(ways) :] + ways[: n % len(ways)]:
            yield way


class Meter:
    """CPU time of the parties, without what they also do when nobody asks: keys, bundles and health are looked after all the time."""

    def __init__(self, cpu, idle_s):
        self.cpu = cpu
        self.idle = {role: 0.0 for role in PARTIES}
        if idle_s > 0:
            self.start()
            time.sleep(idle_s)
            self.idle = {role: seconds / idle_s for role, seconds in self.spent().items()}

    def start(self):
        self.began, self.before = time.perf_counter(), self.cpu.read()

    def spent(self):
        elapsed = time.perf_counter() - self.began
        return {role: now - self.before[role] - elapsed * self.idle[role] for role, now in self.cpu.read().items()}


def measure_single(ways, meter, tokens, rounds):
    out = {way.name: Single() for way in ways}
    for way in ways:
        way.prepare(tokens, rounds + NODES)
        for _ in range(NODES):
            way.ask(tokens)
    for way in turns(ways, rounds):
        meter.start()
        first, whole = way.ask(tokens, then=lambda: time.sleep(SETTLE_S))
        single = out[way.name]
        single.cpu_s.append(meter.spent())
        single.first_s.append(first)
        single.whole_s.append(whole)
    return out


def measure_streams(ways, meter, setting):
    out = {(way.name, count): Streams() for way in ways for count in setting.streams}
    for count in setting.streams:
        for way in ways:
            load.streams(way, count, 2)  # opens the connections between the programs
        for way in turns(ways, setting.stream_rounds):
            meter.start()
            run = load.streams(way, count, setting.stream_tokens)
            spent, tokens = meter.spent(), count * setting.stream_tokens
            streams = out[way.name, count]
            streams.tokens_per_s.append(tokens / run.seconds)
            decoding_s = max(figures.median([whole - first for first, whole in zip(run.first_s, run.whole_s)]), 1e-6)  # all in one read
            streams.decoded_per_s.append((tokens - count) / decoding_s)
            streams.first_s.append(figures.median(run.first_s))
            streams.cores.append((sum(spent.values()) + run.own_cpu_s) / run.seconds)
            streams.token_cpu_s.append({role: s / tokens for role, s in spent.items()})
    return out


def measure(setting, folder):
    with contextlib.ExitStack() as stack:
        deployment = stack.enter_context(
            load.harness.Deployment(folder, nodes=NODES, ttft=f"{setting.ttft_ms}ms", tpot=f"{setting.tpot_ms}ms"))
        parties = deployment.state["parties"]

        def addresses(role):
            return [parties[name]["listen"] for name in PARTIES[role]]

        direct = load.Direct(DIRECT, addresses("engines"))
        node = load.BehindTheNode(NODE, addresses("nodes"), load.Sealer(deployment))
        chain = load.WholeChain(CHAIN, [deployment.url], "low-latency")
        balanced = load.WholeChain(BALANCED, [deployment.url], "balanced")
        ways = [direct, node, chain, balanced]
        cpu = load.Cpu({role: [parties[name]["pid"] for name in names] for role, names in PARTIES.items()})
        for closed in [*ways, cpu]:
            stack.callback(closed.close)

        gc.collect()
        gc.disable()
        stack.callback(gc.enable)
        others, meter = load.Others(cpu), Meter(cpu, setting.idle_s)
        short = measure_single(ways, meter, setting.short_tokens, setting.rounds)
        long = measure_single(ways, meter, setting.long_tokens, setting.long_rounds)
        streams = measure_streams([direct, chain, balanced], meter, setting)
        return Measured(setting, short, long, streams, others.cores())


def measure_role_first(setting, folder):
    """{way: [seconds to the first token]} where the engine names the role and writes the token 1 ms later, so that no read gets both."""
    pace = ["--ttft", f"{setting.ttft_ms}ms", "--tpot", f"{setting.tpot_ms}ms", "--fault", "hold@1/1ms"]
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(load.demo_engine(folder, *pace))
        deployment = stack.enter_context(load.harness.Deployment(pathlib.Path(folder, "up"), nodes=NODES, engines=[engine]))
        ways = [load.Direct(DIRECT, [engine]), load.WholeChain(CHAIN, [deployment.url], "low-latency"),
                load.WholeChain(BALANCED, [deployment.url], "balanced")]
        first_s = {way.name: [] for way in ways}
        for way in ways:
            stack.callback(way.close)
            way.ask(setting.short_tokens)
        for way in turns(ways, setting.role_first_rounds):
            first_s[way.name].append(way.ask(setting.short_tokens)[0])
        return first_s


# ---- reporting


def counted(tokens):
    return f"{tokens} token" + "s" * (tokens != 1)


def times_table(measured):
    head = ["ms", "first token: min", "median", "p95", "x direct", "more", f"{measured.setting.long_tokens} tokens: median", "x direct",
            "more"]
    rows = []
    first_direct, whole_direct = figures.median(measured.short[DIRECT].first_s), figures.median(measured.long[DIRECT].whole_s)
    for way, short in measured.short.items():
        first, whole = figures.median(short.first_s), figures.median(measured.long[way].whole_s)
        rows.append([way, *(figures.number(1e3 * s, 2) for s in (min(short.first_s), first, figures.quantile(short.first_s, 0.95))),
                     figures.number(first / first_direct, 2), f"{1e3 * (first - first_direct):+.2f}", figures.number(1e3 * whole, 2),
                     figures.number(whole / whole_direct, 2), f"{1e3 * (whole - whole_direct):+.2f}"])
    return figures.table(head, rows)


def role_first_table(first_s):
    direct = figures.median(first_s[DIRECT])
    rows = [[way, *(figures.number(1e3 * s, 2) for s in (min(values), figures.median(values), figures.quantile(values, 0.95))),
             figures.number(figures.median(values) / direct, 2), f"{1e3 * (figures.median(values) - direct):+.2f}"]
            for way, values in first_s.items()]
    return figures.table(["ms", "first token: min", "median", "p95", "x direct", "more"], rows)


def cpu_table(measured):
    most = max(measured.setting.streams)
    requests = {way: single.cpu_median_s() for way, single in measured.short.items()}
    blocks = {
        f"a request, answer of {counted(measured.setting.short_tokens)}": requests,
        "each token more, one stream": {way: measured.token_cpu_s(way) for way in measured.long},
        f"each token of {most} streams": {
            way: median_by_role(streams.token_cpu_s) for (way, count), streams in measured.streams.items() if count == most},
    }
    rows = []
    for title, costs in blocks.items():
        rows.append([title])
        for way, cost in costs.items():
            spent = {role: cost[role] if role in USED[way] else None for role in PARTIES}
            path = sum(cost[role] for role in PATH if role in USED[way])
            rows.append([f"  {way}", *(figures.number(spent[role], 1, 1e6) for role in PATH), figures.number(path, 1, 1e6),
                         figures.number(spent["engines"], 1, 1e6)])
    return figures.table(["CPU, µs", *PATH, "sum of these", "engines"], rows)


def streams_table(measured):
    head = ["streams at once", "tokens/s", "x direct", "decoding only", "x direct", "first token, ms", "more", "cores busy"]
    rows = []
    for count in measured.setting.streams:
        rows.append([str(count)])
        reference = measured.streams[DIRECT, count]
        for way in (DIRECT, CHAIN, BALANCED):
            streams = measured.streams[way, count]
            first, first_direct = figures.median(streams.first_s), figures.median(reference.first_s)
            row = [f"  {way}"]
            for rates, direct in ((streams.tokens_per_s, reference.tokens_per_s), (streams.decoded_per_s, reference.decoded_per_s)):
                row += [figures.number(figures.median(rates), 0), figures.number(figures.median(rates) / figures.median(direct), 3)]
            if measured.setting.tpot_ms == 0:
                row[3:5] = "-", "-"  # all at once: there is no time in between
            rows.append([*row, figures.number(first, 2, 1e3), f"{1e3 * (first - first_direct):+.2f}",
                         figures.number(figures.median(streams.cores), 2)])
    return figures.table(head, rows)


def report(measured):
    setting = measured.setting
    return "\n".join([
        f"\n## {setting.title}",
        f"{setting.rounds} rounds of {counted(setting.short_tokens)}, {setting.long_rounds} of {setting.long_tokens}; streams: "
        f"{setting.stream_rounds} rounds of {setting.stream_tokens} tokens each.",
        f"Others kept {measured.others:.2f} of the {os.cpu_count()} cores busy meanwhile: the more, the less these figures say.\n",
        times_table(measured), "", cpu_table(measured), "", streams_table(measured)])


def summary(measured, role_first_s):
    """The figures that others publish too."""

    def against_direct(values):
        return "; ".join(f"{name} {figures.signed_percent(values[way], values[DIRECT])}" for name, way in
                         (("low-latency", CHAIN), ("balanced", BALANCED)))

    def of_streams(field, count):
        return {way: figures.median(getattr(measured.streams[way, count], field)) for way in (DIRECT, CHAIN, BALANCED)}

    lines = [f"\n## The software path in short, before an engine of {measured.setting.ttft_ms} ms and {measured.setting.tpot_ms} ms",
             "first token: " + against_direct({way: figures.median(single.first_s) for way, single in measured.short.items()}),
             "    of an engine that names the role before: " + against_direct({way: figures.median(s) for way, s in role_first_s.items()})]
    for count in measured.setting.streams:
        lines.append(f"tokens/s of {count} streams that begin together: {against_direct(of_streams('tokens_per_s', count))}")
        lines.append(f"    decoding only: {against_direct(of_streams('decoded_per_s', count))}")
    return "\n".join(lines)


NOTICE = """\
!! NO TEE HARDWARE IS INVOLVED, and no GPU: the TEE is simulated, the engine is a timer, and all programs share this machine's cores with
!! what loads them. These figures are the software path alone. They are NOT LIKE FOR LIKE with the +6.73 % (first token) and -3.78 %
!! (decoding) that the paper reports: those include a TEE and a GPU in confidential mode."""


def main(arguments=None):
    parser = argparse.ArgumentParser(description="What the software path costs, against the engine asked directly.")
    parser.add_argument("--quick", action="store_true", help="about 25 s instead of 90: fewer rounds, wider errors")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    print(NOTICE)
    print(f"\n{NODES} nodes and their engines, 2 relays, loopback without TLS, warm connections, prompt of {len(load.PROMPT)} characters, "
          f"{NODES} recipients;\nprofile low-latency where nothing else stands", flush=True)
    for setting in QUICK if options.quick else FULL:
        with tempfile.TemporaryDirectory(prefix="openpcc-bench-") as folder:
            measured = measure(setting, folder)
        print(report(measured), flush=True)
    with tempfile.TemporaryDirectory(prefix="openpcc-bench-") as folder:
        first_s = measure_role_first(setting, folder)
    print(f"\nThe same engine, but the role comes 1 ms before the first token, {setting.role_first_rounds} rounds: balanced must\n"
          "send both at once. Above, the node reads them together, nearly always.\n\n"
          f"{role_first_table(first_s)}\n{summary(measured, first_s)}\n\n({time.monotonic() - start:.0f} s)")


if __name__ == "__main__":
    main()
