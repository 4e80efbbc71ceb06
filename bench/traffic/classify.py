"""Can a classifier tell one topic from all others by what an observer saw? After Whisper Leak (arXiv 2511.03675): gradient-boosted trees and
a sequence model on sizes and times, cross-validated so that no question is in both halves.
"""

import dataclasses
import warnings

import numpy
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

FOLDS = 5
RESAMPLES = 300
FIRST = 32  # pieces whose sizes and gaps are features of their own
FREQUENT = 16  # sizes whose shares are
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SIZES = 12  # as many of them the sequence model tells apart
GAPS_S = (0.004, 0.03)  # what it takes for one moment, and for a pause
PRIOR = 8.0  # how many transitions the sequence model believes to have seen before the first one
RARE = 0.01  # share of the target among all questions, where precision is told


# ---- what of a trace may be used

# sizes: of the pieces, in order, and so how many they are. times: when they came. total, duration: one number of the whole answer.
VIEWS = ["both", "sizes", "times", "total", "duration"]


def sizes_of(trace):
    return numpy.array([size for _, size in trace.pieces], float)


def gaps_of(trace):
    return numpy.diff([seconds for seconds, _ in trace.pieces], prepend=0.0)


def padded(values):
    return numpy.pad(values[:FIRST], (0, max(0, FIRST - len(values))), constant_values=-1)


def shape(values):
    return [values.mean(), values.std(), *numpy.quantile(values, QUANTILES)]


def size_features(traces):
    sizes = [sizes_of(trace) for trace in traces]
    seen, counts = numpy.unique(numpy.concatenate(sizes), return_counts=True)
    frequent = seen[numpy.argsort(-counts)[:FREQUENT]]
    return numpy.array([[len(s), s.sum(), *shape(s), *((s == size).mean() for size in frequent), *padded(s)] for s in sizes])


def time_features(traces):
    gaps = [gaps_of(trace) for trace in traces]
    return numpy.array([[len(g), g.sum(), *shape(g), *padded(g)] for g in gaps])


def features(traces, view):
    if view == "both":
        return numpy.hstack([size_features(traces), time_features(traces)])
    if view == "sizes":
        return size_features(traces)
    if view == "times":
        return time_features(traces)
    if view == "total":
        return numpy.array([[trace.received_bytes] for trace in traces], float)
    return numpy.array([[trace.pieces[-1][0]] for trace in traces])


# ---- two models


def scores_of_trees(values, labels, train, test):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trees = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=10, random_state=0)
        trees.fit(values[train], labels[train])
    return trees.predict_proba(values[test])[:, 1]


def symbols_of(traces):
    """Each trace as numbers: its pieces in bins of size and of the gap before, 0 as begin and end."""

    sizes = [sizes_of(trace) for trace in traces]
    seen = numpy.unique(numpy.concatenate(sizes))
    edges = seen[1:] if len(seen) <= SIZES else numpy.unique(numpy.quantile(numpy.concatenate(sizes), numpy.arange(1, SIZES) / SIZES))
    kinds = [numpy.searchsorted(edges, size, side="right") * (len(GAPS_S) + 1) + numpy.searchsorted(GAPS_S, gaps_of(trace))
             for size, trace in zip(sizes, traces)]
    return [numpy.concatenate([[0], 1 + kind, [0]]) for kind in kinds]


def scores_of_chains(sequences, labels, train, test):
    """Log likelihood ratio of two Markov chains, one counted on each class."""
    count = 1 + SIZES * (len(GAPS_S) + 1)
    pairs, alone = numpy.zeros((2, count, count)), numpy.full(count, 0.5)
    for n in train:
        numpy.add.at(pairs[labels[n]], (sequences[n][:-1], sequences[n][1:]), 1)
        numpy.add.at(alone, sequences[n][1:], 1)
    alone /= alone.sum()
    logs = numpy.log((pairs + PRIOR * alone) / (pairs.sum(axis=2, keepdims=True) + PRIOR))
    ratio = logs[1] - logs[0]
    return numpy.array([ratio[sequences[n][:-1], sequences[n][1:]].sum() for n in test])


def out_of_fold(scores_of, values, labels, questions):
    """The score of each trace by a model that never saw an answer to its question."""
    out = numpy.zeros(len(labels))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels, questions):
        out[test] = scores_of(values, labels, train, test)
    return out


# ---- how good that is


@dataclasses.dataclass(frozen=True)
class Quality:
    """auc: the chance that an answer on the topic gets a higher score than another. Bounds: 95 %, over questions drawn with replacement.
    auprc: area under precision and recall; as good as chance is the share of the topic. precision: of the half of the topic's answers with
    the highest scores, where one answer in a hundred is on the topic."""

    auc: float
    low: float
    high: float
    auprc: float
    precision: float


def quality(scores, labels, questions):
    chance = numpy.random.default_rng(0)
    of_question = [numpy.flatnonzero(questions == question) for question in numpy.unique(questions)]
    resampled = []
    while len(resampled) < RESAMPLES:
        drawn = numpy.concatenate([of_question[n] for n in chance.integers(0, len(of_question), len(of_question))])
        if 0 < labels[drawn].sum() < len(drawn):
            resampled.append(roc_auc_score(labels[drawn], scores[drawn]))
    low, high = numpy.quantile(resampled, [0.025, 0.975])
    return Quality(roc_auc_score(labels, scores), low, high, average_precision_score(labels, scores), rare_precision(scores, labels))


def rare_precision(scores, labels):
    """False alarms are counted one too many: none among a few hundred is not none."""
    threshold = numpy.median(scores[labels == 1])
    others = scores[labels == 0]
    false_rate, recall = ((others >= threshold).sum() + 1) / (len(others) + 1), (scores[labels == 1] >= threshold).mean()
    return recall * RARE / (recall * RARE + false_rate * (1 - RARE))


def permuted(labels, questions, number):
    """Other labels, as many, a question's answers still alike."""
    names = numpy.unique(questions)
    of_question = numpy.array([labels[questions == name][0] for name in names])
    shuffled = dict(zip(names, numpy.random.default_rng(number).permutation(of_question)))
    return numpy.array([shuffled[question] for question in questions])


@dataclasses.dataclass
class Outcome:
    """What is told of one way: by view, by the sequence model, and by trees on labels that mean nothing."""

    traces: int
    views: dict
    chains: Quality
    chance: list


def classify(traces, target, permutations):
    labels = numpy.array([int(trace.topic == target) for trace in traces])
    questions = numpy.array([trace.prompt for trace in traces])
    views = {}
    for view in VIEWS:
        views[view] = quality(out_of_fold(scores_of_trees, features(traces, view), labels, questions), labels, questions)
    chains = quality(out_of_fold(scores_of_chains, symbols_of(traces), labels, questions), labels, questions)
    everything, chance = features(traces, "both"), []
    for number in range(permutations):
        meaningless = permuted(labels, questions, number)
        chance.append(roc_auc_score(meaningless, out_of_fold(scores_of_trees, everything, meaningless, questions)))
    return Outcome(len(traces), views, chains, chance)
