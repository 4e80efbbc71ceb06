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
import textwrap
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent)]

import classify  # noqa: E402  (the folders must be on the path first)
import collect  # noqa: E402
import engine  # noqa: E402
import figures  # noqa: E402
import numpy  # noqa: E402
import plot  # noqa: E402

TARGET = "law"
STREAMS = 16
CONTROL_AUC = 0.9  # of the unpadded stream: below it the attack does not work here, and nothing that it fails at says anything
CHANCE = 0.15  # how far from 0.5 the classifier may come, on average, on labels that mean nothing
PERMUTATIONS, QUICK_PERMUTATIONS = 5, 3
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
    one_length: bool = False  # no topic's answers are longer than others'
    rounded: tuple = ()  # rows that are computed from another way's traces: (name, way, bytes that every flush is rounded up to)

    @property
    def rows(self):
        return [way.name for way in self.ways] + [name for name, _, _ in self.rounded]


GUESSING = "an engine that guesses tokens ahead (speculative decoding)"
PLAIN = "an engine that writes token by token"
# An event of 226 bytes and its token must fit into 252: with a name as long as those of real models it no longer always does.
LONG_NAME = "topic-chain-with-a-name-as-long-as-many"
STREAMED = [collect.DIRECT, collect.LOW_LATENCY, collect.BALANCED, collect.STRICT]
FULL = (Setting(GUESSING, 3, engine.MODEL, collect.WAYS, 3, 6, rounded=(
                    ("balanced, 1024", collect.BALANCED, 1024), ("strict, 4096", collect.STRICT, 4096))),
        Setting(GUESSING + ", all topics' answers equally long", 3, engine.MODEL, STREAMED, 2, 4, one_length=True),
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


def rare_table(outcomes, mine, others):
    head = ["", "AUPRC", "of the sequence model", "right, of 100", "of the sequence model"]
    rows = [[way, f"{o.views['both'].auprc:.2f}", f"{o.chains.auprc:.2f}", f"{100 * o.views['both'].precision:.0f}",
             f"{100 * o.chains.precision:.0f}"] for way, o in outcomes.items()]
    perfect = numpy.concatenate([numpy.zeros(others), numpy.arange(1, mine + 1)])
    most = classify.rare_precision(perfect, (perfect > 0).astype(int))
    return (f"{figures.table(head, rows)}\nGuessing has AUPRC {mine / (mine + others):.2f}. Right: of 100 answers that are taken for the topic, "
            f"where it is 1 answer in 100\nand half of those are to be found; guessing: 1; the most that so few answers can show: {100 * most:.0f}.")


def costs_table(traces, setting):
    """Medians; times are differences to the same answer asked directly in the same way."""
    by_key = {(trace.way, trace.prompt, trace.seed): trace for trace in traces}
    head = ["medians", "request, bytes", "answer, bytes", "x what the app reads", "pieces", "sizes seen", "first text, ms more", "end, ms more"]
    rows = []
    whole = [way.name for way in setting.ways if not way.streamed]
    for name in setting.rows:
        mine = [trace for trace in traces if trace.way == name]
        reference = collect.WHOLE_DIRECT if name in whole else collect.DIRECT
        pairs = [(trace, by_key[reference.name, trace.prompt, trace.seed]) for trace in mine]

        def median(values):
            return statistics.median(list(values))

        rows.append([name, f"{median(t.sent_bytes for t in mine):,.0f}", f"{median(t.received_bytes for t in mine):,.0f}",
                     f"{median(t.received_bytes / t.body_bytes for t in mine):.2f}", f"{median(len(t.pieces) for t in mine):.0f}",
                     str(len({size for t in mine for _, size in t.pieces})),
                     f"{1e3 * median(t.first_s - d.first_s for t, d in pairs):+.1f}",
                     f"{1e3 * median(t.whole_s - d.whole_s for t, d in pairs):+.1f}"])
    return figures.table(head, rows)


def computed_note(setting):
    notes = [f"{name}: computed from the traces of {way.name}, every flush rounded up to a multiple of {unit} bytes; no profile does that."
             for name, way, unit in setting.rounded]
    return [*notes, ""] if notes else []


def requests_table(traces, ways):
    return "Different sizes among the requests: " + "; ".join(
        f"{way.name} {len({t.sent_bytes for t in traces if t.way == way.name})}" for way in ways)


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
        with collect.engine(address, texts, prompts_folder(prompts, folder), setting.model, setting.draft, setting.one_length) as url:
            with collect.Service(folder, url, setting.model, kind) as service:
                return asyncio.run(collect.collect(service, work, setting.model, streams, max_tokens, Progress()))


def prompts_folder(prompts, folder):
    out = pathlib.Path(folder, "prompts")
    out.mkdir()
    for topic, lines in prompts.items():
        (out / f"{topic}.txt").write_text("\n".join(lines) + "\n")
    return out


def judge(setting, traces, target, permutations):
    """{way: Outcome}"""
    of_row = [[trace for trace in traces if trace.way == name] for name in setting.rows]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(setting.rows, pool.map(classify.classify, of_row, itertools.repeat(target), itertools.repeat(permutations))))


def report(setting, traces, outcomes, target):
    count = outcomes[setting.ways[0].name].traces
    mine = sum(trace.topic == target and trace.way == setting.ways[0].name for trace in traces)
    return "\n".join([f"\n## {setting.title}", f"{count} answers a row, {mine} of them on the topic {target!r}\n", qualities_table(outcomes), "",
                      rare_table(outcomes, mine, count - mine), "", costs_table(traces, setting), "", *computed_note(setting),
                      requests_table(traces, setting.ways)])


def control(outcomes):
    """The line that says whether the attack works at all, and whether it sees only what is there. Returns (good, line)."""
    direct = outcomes[collect.DIRECT.name]
    auc, chance = direct.views["both"].auc, statistics.mean(direct.chance)
    good = auc >= CONTROL_AUC and abs(chance - 0.5) <= CHANCE
    line = (f"control {'good' if good else 'FAILED'}: unpadded {auc:.3f} (at least {CONTROL_AUC}), meaningless labels {chance:.3f} "
            f"(0.5 within {CHANCE})")
    if good:
        shares = [f"{row} {(outcome.views['both'].auc - 0.5) / (auc - 0.5):.2f}" for row, outcome in outcomes.items()]
        line += "\n" + textwrap.fill("shares of its signal (AUC above 0.5): " + "; ".join(shares), 140)
    return good, line


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
    mine = len(prompts.get(options.target, []))
    if min(mine, sum(map(len, prompts.values())) - mine) < classify.FOLDS:
        sys.exit(f"traffic: error: {options.prompts} must have {classify.FOLDS} questions on {options.target!r}, and as many on other topics")
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
        traces += [trace for row in setting.rounded for trace in collect.rounded(traces, *row)]
        outcomes = judge(setting, traces, options.target, QUICK_PERMUTATIONS if options.quick else PERMUTATIONS)
        passed, line = control(outcomes)
        good = good and passed
        print(report(setting, traces, outcomes, options.target) + "\n\n" + line, flush=True)
        if options.plot and number == 1:
            pathlib.Path(options.plot).write_text(plot.draw(f"Topic of an answer from its traffic: {setting.title}",
                                                            {way.name: outcomes[way.name].views for way in setting.ways}))
    print(f"\n({time.monotonic() - start:.0f} s)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
