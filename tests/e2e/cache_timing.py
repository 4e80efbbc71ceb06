"""Does it show in the time of an answer that somebody else's prompt began the same? A rank statistic, since times depend on the machine.

User A sends a long prompt; then user B sends one that begins the same, or one that begins otherwise. Which of the two, chance decides. Where
nothing is shared, all orders of B's times are equally likely, whatever the machine does meanwhile: the statistic's distribution is known
exactly. AUC is the share of pairs (one of each kind) in which the one that begins the same was faster: 0.5 without a signal, 1 with a clear one.
"""

import http.client
import json
import math
import random
import time
import urllib.parse

# With so many of each kind, an AUC beyond these limits comes without a signal in 6 of 100,000 runs (chance_beyond).
TRIALS = 42
NO_SIGNAL = (0.25, 0.75)
SIGNAL = 0.8  # what a control must reach: beyond the limits above, also on a machine that is busy with other things
FALSE_ALARM_MAX = 1e-4

QUESTION = " What is this about?"


def chance_beyond(trials, low):
    """The probability, without a signal, of an AUC of `low` or less, or of 1 - `low` or more: of all orders, those with few enough pairs won."""
    most = int(low * trials * trials)
    # orders[a][u]: orders of a times of one kind and so many of the other, in which the one wins u pairs.
    orders = [[1] + [0] * most for _ in range(trials + 1)]
    for others in range(1, trials + 1):
        grown = [orders[0]]
        for a in range(1, trials + 1):
            # The last is one of the other kind, which wins nothing; or of the one, which wins against all others.
            won = [0] * others + grown[a - 1]
            grown.append([lost + more for lost, more in zip(orders[a], won)])
        orders = grown
    return 2 * sum(orders[trials]) / math.comb(2 * trials, trials)


def auc(same, other):
    won = sum((s < o) + (s == o) / 2 for s in same for o in other)
    return won / (len(same) * len(other))


class User:
    """Asks for one token over a connection that stays open."""

    def __init__(self, url, model, headers):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        self.model, self.headers = model, {"content-type": "application/json", **(headers or {})}

    def ask(self, prompt):
        """Returns the seconds to the answer."""
        body = json.dumps({"model": self.model, "max_tokens": 1, "messages": [{"role": "user", "content": prompt}]})
        begun = time.perf_counter()
        self.connection.request("POST", "/v1/chat/completions", body, self.headers)
        answer = self.connection.getresponse()
        answer.read()
        took = time.perf_counter() - begun
        assert answer.status == 200
        return took


def order_of(kinds, trials, chance):
    """Yields (kind, does it count): what an engine prepares once for a size of prompt is not to be measured."""
    order = [kind for kind in kinds for _ in range(trials)]
    chance.shuffle(order)
    yield from ((kind, False) for kind in (*kinds, *kinds))
    yield from ((kind, True) for kind in order)


def prefix(chance, letters):
    return "".join(chance.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(letters))


def probe(url, model, letters, seed, trials=TRIALS, headers=None):
    """The AUC of prompts that begin with `letters` of another user's against those that do not. Each probe of an engine has a seed of its own:
    a prompt that was there before is no fresh one."""
    chance = random.Random(seed)
    first, second = User(url, model, headers), User(url, model, headers)
    times = {"same": [], "other": []}
    for kind, counts in order_of(list(times), trials, chance):
        theirs, fresh = prefix(chance, letters), prefix(chance, letters)
        first.ask(theirs + QUESTION)
        took = second.ask((theirs if kind == "same" else fresh) + " And" + QUESTION)
        if counts:
            times[kind].append(took)
    return auc(times["same"], times["other"])


def resolution(url, model, letters, seed, trials=12):
    """The AUC of prompts without those letters against prompts with them: what would be seen if nothing had to be computed for them."""
    chance = random.Random(seed)
    user = User(url, model, None)
    times = {"short": [], "long": []}
    for kind, counts in order_of(list(times), trials, chance):
        text = prefix(chance, letters)
        took = user.ask((text if kind == "long" else "") + QUESTION)
        if counts:
            times[kind].append(took)
    return auc(times["short"], times["long"])
