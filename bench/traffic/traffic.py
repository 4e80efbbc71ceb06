#!/usr/bin/env python3
"""What sizes and times on the wire reveal of an answer's topic, by profile, and what hiding it costs (README.md beside this says how).

./dev bench traffic runs it; the programs come from OPENPCC_BIN, the Python packages are those of requirements.txt.
"""

import argparse
import asyncio
import concurrent.futures
import dataclasses
import itertools
import os
import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent)]

import classify  # noqa: E402  (the folders must be on the path first)
import collect  # noqa: E402
import engine  # noqa: E402
import figures  # noqa: E402
import plot  # noqa: E402

TARGET = "law"
STREAMS = 16
CONTROL_AUC = 0.9  # of the unpadded stream: below it the attack does not work here, and nothing that it fails at says anything
CHANCE = 0.15  # how far from 0.5 the classifier may come, on average, on labels that mean nothing
PROGRESS_S = 10


@dataclasses.dataclass(frozen=True)
class Setting:
    """An engine, and how it is asked."""

    title: str
    draft: int  # tokens that a step may bring besides its own
    model: str
    ways: list
    repeats: int  # of each question on other topics
    target_repeats: int


GUESSING = "an engine that guesses tokens ahead (speculative decoding)"
PLAIN = "an engine that writes token by token"
# An event of 226 bytes and its token must fit into 252: with a name as long as those of real models it no longer always does.
LONG_NAME = "topic-chain-with-a-name-as-long-as-many"
STREAMED = [collect.DIRECT, collect.LOW_LATENCY, collect.BALANCED, collect.STRICT]
FULL = (Setting(GUESSING, 3, engine.MODEL, collect.WAYS, 3, 6),
        Setting(PLAIN, 0, engine.MODEL, STREAMED, 2, 4),
        Setting(PLAIN + ", its model's name 28 bytes longer", 0, LONG_NAME, [collect.DIRECT, collect.LOW_LATENCY, collect.BALANCED], 2, 4))
QUICK = (Setting(GUESSING, 3, engine.MODEL, STREAMED, 1, 1),)


# ---- tables


def qualities_table(outcomes):
    head = ["AUC (95 %)", "sizes and times", "sizes", "times", "total size", "duration", "sequence model", "meaningless labels"]
    rows = []
    for way, outcome in outcomes.items():
        cells = [f"{q.auc:.2f} ({q.low:.2f}-{q.high:.2f})" for q in [*(outcome.views[view] for view in classify.VIEWS), outcome.chains]]
        rows.append([way, *cells, f"{min(outcome.chance):.2f}-{max(outcome.chance):.2f}"])
    return figures.table(head, rows)


def rare_table(outcomes, base):
    head = ["sizes and times", "AUPRC", "of the sequence model", "right, of half the target's, 1 in 100", "of the sequence model"]
    rows = [[way, f"{o.views['both'].auprc:.2f}", f"{o.chains.auprc:.2f}", f"{o.views['both'].precision:.2f}", f"{o.chains.precision:.2f}"]
            for way, o in outcomes.items()]
    return figures.table(head, rows) + f"\nGuessing has AUPRC {base:.2f}, and is right with 1 in 100."


def costs_table(traces, ways):
    """Medians; times are differences to the same answer asked directly in the same way."""
    by_key = {(trace.way, trace.prompt, trace.seed): trace for trace in traces}
    head = ["medians", "request, bytes", "answer, bytes", "x what the app reads", "pieces", "sizes seen", "first text, ms more", "end, ms more"]
    rows = []
    for way in ways:
        mine = [trace for trace in traces if trace.way == way.name]
        reference = collect.DIRECT if way.streamed else collect.WHOLE_DIRECT
        pairs = [(trace, by_key[reference.name, trace.prompt, trace.seed]) for trace in mine
                 if (reference.name, trace.prompt, trace.seed) in by_key]

        def median(values):
            return statistics.median(list(values) or [0])

        rows.append([way.name, f"{median(t.sent_bytes for t in mine):,.0f}", f"{median(t.received_bytes for t in mine):,.0f}",
                     f"{median(t.received_bytes / t.body_bytes for t in mine):.2f}", f"{median(len(t.pieces) for t in mine):.0f}",
                     str(len({size for t in mine for _, size in t.pieces})),
                     f"{1e3 * median(t.first_s - d.first_s for t, d in pairs):+.1f}", f"{1e3 * median(t.whole_s - d.whole_s for t, d in pairs):+.1f}"])
    return figures.table(head, rows)


def requests_table(traces, ways):
    return "sizes of requests: " + "; ".join(
        f"{way.name}: {len({t.sent_bytes for t in traces if t.way == way.name})} different" for way in ways)


# ---- running


class Progress:
    def __init__(self):
        self.began = self.last = time.monotonic()

    def __call__(self, done, total):
        now = time.monotonic()
        if now - self.last > PROGRESS_S or done == total:
            self.last = now
            print(f"   {done} of {total} answers, {now - self.began:.0f} s", file=sys.stderr, flush=True)


def traces_of(setting, prompts, target, streams, address=None, kind="openai", texts=None, max_tokens=None):
    work = collect.jobs(prompts, target, setting.repeats, setting.target_repeats, setting.ways)
    with tempfile.TemporaryDirectory(prefix="openpcc-traffic-") as folder:
        with collect.engine(address, texts, prompts_folder(prompts, folder), setting.draft, setting.model) as url:
            with collect.Service(folder, url, setting.model, kind) as service:
                return asyncio.run(collect.collect(service, work, setting.model, streams, max_tokens, Progress()))


def prompts_folder(prompts, folder):
    out = pathlib.Path(folder, "prompts")
    out.mkdir()
    for topic, lines in prompts.items():
        (out / f"{topic}.txt").write_text("\n".join(lines) + "\n")
    return out


def judge(setting, traces, target, permutations=5):
    """{way: Outcome}"""
    names = [way.name for way in setting.ways]
    of_way = [[trace for trace in traces if trace.way == name] for name in names]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(classify.classify, of_way, itertools.repeat(target), itertools.repeat(permutations))))


def report(setting, traces, outcomes, target):
    count = outcomes[setting.ways[0].name].traces
    mine = sum(trace.topic == target and trace.way == setting.ways[0].name for trace in traces)
    return "\n".join([f"\n## {setting.title}", f"{count} answers a row, {mine} of them on the topic {target!r}\n", qualities_table(outcomes), "",
                      rare_table(outcomes, mine / count), "", costs_table(traces, setting.ways), "", requests_table(traces, setting.ways)])


def control(outcomes):
    """The line that says whether the attack works at all, and whether it sees only what is there. Returns (good, line)."""
    direct = outcomes[collect.DIRECT.name]
    auc, chance = direct.views["both"].auc, statistics.mean(direct.chance)
    good = auc >= CONTROL_AUC and abs(chance - 0.5) <= CHANCE
    padded = "; ".join(f"{way} {outcome.views['both'].auc:.3f}" for way, outcome in outcomes.items() if way != collect.DIRECT.name)
    return good, (f"control {'good' if good else 'FAILED'}: unpadded {auc:.3f} (at least {CONTROL_AUC}), meaningless labels {chance:.3f} "
                  f"(0.5 within {CHANCE}); beside it {padded}")


NOTICE = """\
!! THE ANSWERS ARE NOT A LANGUAGE MODEL'S. They come from word chains counted on texts by topic (bench/traffic/model.py): how much an
!! unpadded stream reveals was set by that model's author. What the figures say is how much of it each profile leaves. Loopback, no TLS."""


def options_of(arguments):
    parser = argparse.ArgumentParser(description="What sizes and times reveal of an answer's topic, by profile.")
    parser.add_argument("--quick", action="store_true", help="under two minutes: one engine, streamed, fewer answers, wider errors")
    parser.add_argument("--engine", metavar="URL", help="http://host:port of a real OpenAI-compatible engine instead of ours")
    parser.add_argument("--engine-kind", default="openai", choices=["openai", "vllm", "llama.cpp"], help="what that engine is")
    parser.add_argument("--model", help="the model it serves")
    parser.add_argument("--max-tokens", type=int, default=250, help="of its answers")
    parser.add_argument("--prompts", default=HERE / "prompts", help="folder of questions, one file TOPIC.txt a topic")
    parser.add_argument("--target", default=TARGET, help="the topic to be told from all others")
    parser.add_argument("--streams", type=int, default=STREAMS, help="how many questions at a time")
    parser.add_argument("--texts", default=os.environ.get("OPENPCC_FORTUNES"), help="folder of texts by topic that our engine learns from")
    parser.add_argument("--plot", help="write the first engine's figures as SVG")
    parser.add_argument("--save", help="folder for the traces, a file for each engine")
    parser.add_argument("--load", help="such a folder: classify again, and ask nothing")
    options = parser.parse_args(arguments)
    if options.engine and not options.model:
        parser.error("--engine needs --model")
    return options


def settings_of(options):
    if not options.engine:
        return QUICK if options.quick else FULL
    base = (QUICK if options.quick else FULL)[0]
    return (dataclasses.replace(base, title=f"{options.model} at {options.engine}", model=options.model),)


def main(arguments=None):
    options = options_of(arguments)
    start, good = time.monotonic(), True
    prompts = engine.read_prompts(options.prompts)
    print(f"model {options.model} behind the path; loopback, no TLS" if options.engine else NOTICE)
    print(f"{options.streams} clients at a time, each with a proxy of its own; {collect.NODES} nodes, 2 relays", flush=True)
    for number, setting in enumerate(settings_of(options), 1):
        if options.load:
            traces = collect.load(pathlib.Path(options.load, f"{number}.jsonl"))
        else:
            traces = traces_of(setting, prompts, options.target, options.streams, options.engine, options.engine_kind, options.texts,
                               options.max_tokens if options.engine else None)
        if options.save:
            pathlib.Path(options.save).mkdir(parents=True, exist_ok=True)
            collect.save(pathlib.Path(options.save, f"{number}.jsonl"), traces)
        outcomes = judge(setting, traces, options.target)
        passed, line = control(outcomes)
        good = good and passed
        print(report(setting, traces, outcomes, options.target) + "\n\n" + line, flush=True)
        if options.plot and number == 1:
            pathlib.Path(options.plot).write_text(plot.draw(f"Topic of an answer from its traffic: {setting.title}",
                                                            {way: outcome.views for way, outcome in outcomes.items()}))
    print(f"\n({time.monotonic() - start:.0f} s)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
