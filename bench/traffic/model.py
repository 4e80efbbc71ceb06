"""Answers with a topic, in place of a language model's: words from a chain that was counted on texts of that topic, cut into sub-word tokens.

It is not a language model and says nothing sensible. What it has in common with one is what an observer of sizes and times could use: which
tokens come, how long they are, how many there are, and which of them a draft guesses, so that several come in one step.
"""

import collections
import dataclasses
import itertools
import math
import pathlib
import random

import tokenizers

VOCABULARY = 4000
WORDS_MEAN, WORDS_SPREAD, WORDS_MIN, WORDS_MAX = 90, 0.35, 30, 240
OPENINGS, OPENING_WORDS_MIN, OPENING_WORDS_MAX = 4, 3, 12  # answers on one topic begin in few ways, and keep to them for so many words
BACK_OFF = 0.3  # how often one word of context must do instead of two
DRAFT_MAX = 3
PROMPT_WORD_S = 2e-4


@dataclasses.dataclass(frozen=True)
class Pace:
    """The engine's times. Nothing in them knows the topic but how many steps there are."""

    ttft_s: float = 0.040
    step_s: float = 0.012
    jitter: float = 0.15  # standard deviation of a step, in proportion

    def of_step(self, chance):
        shape = 1 / self.jitter**2
        return self.step_s * chance.gammavariate(shape, 1 / shape)


@dataclasses.dataclass(frozen=True)
class Answer:
    """Pieces of text and how long each takes; the first one's time is the time to the first token."""

    steps: list  # (seconds, [text of each token]); several tokens where a draft had guessed them

    @property
    def text(self):
        return "".join(itertools.chain.from_iterable(tokens for _, tokens in self.steps))


def read_entries(path):
    """The texts of a file of fortune(6): separated by lines of one percent sign. Each as its words."""
    return [words for words in (entry.split() for entry in path.read_text(errors="replace").split("\n%\n")) if len(words) > 3]


class Chain:
    """The words of one topic: which follow two, and which follow one."""

    def __init__(self, entries):
        self.begins = [tuple(words[:2]) for words in entries]
        self.after_two, self.after_one = collections.defaultdict(list), collections.defaultdict(list)
        for words in entries:
            for first, second in itertools.pairwise(words):
                self.after_one[first].append(second)
            for first, second, third in zip(words, words[1:], words[2:]):
                self.after_two[first, second].append(third)
        self.words_mean = sum(map(len, entries)) / len(entries)

    def walk(self, chance, words, count):
        """Adds words to `words` until there are `count`; where a text would end another one begins."""
        while len(words) < count:
            following = self.after_two.get(tuple(words[-2:])) if words and chance.random() > BACK_OFF else None
            following = following or (self.after_one.get(words[-1]) if words else None)
            words.extend([chance.choice(following)] if following else chance.choice(self.begins))


class TopicModel:
    """draft_max: how many tokens a step may bring besides its own; 0: an engine that does not guess. one_length: no topic's answers are
    longer than others'."""

    def __init__(self, folder, topics, draft_max=DRAFT_MAX, one_length=False, pace=Pace()):
        entries = {topic: read_entries(pathlib.Path(folder, topic)) for topic in topics}
        self.draft_max, self.one_length, self.pace = draft_max, one_length, pace
        self.chains = {topic: Chain(texts) for topic, texts in entries.items()}
        self.words_mean = sum(chain.words_mean for chain in self.chains.values()) / len(self.chains)
        texts = [" ".join(words) for topic in topics for words in entries[topic]]
        self.tokenizer = train_tokenizer(texts)
        self.draft = train_draft(self.tokenizer, texts)

    def answer(self, topic, prompt, seed):
        """The same arguments give the same answer. Another seed: another answer to the same question."""
        chance = random.Random(f"{topic}/{prompt}/{seed}")
        chain, words = self.chains[topic], []
        chain.walk(random.Random(f"{topic}/{chance.randrange(OPENINGS)}"), words, chance.randint(OPENING_WORDS_MIN, OPENING_WORDS_MAX))
        chain.walk(chance, words, self.length(chain, chance))
        return Answer(list(self.steps(" ".join(words), prompt, chance)))

    def length(self, chain, chance):
        """In words: a topic's answers are as much longer than others' as its texts are."""
        mean = WORDS_MEAN if self.one_length else WORDS_MEAN * chain.words_mean / self.words_mean
        return round(min(max(mean * math.exp(chance.gauss(0, WORDS_SPREAD)), WORDS_MIN), WORDS_MAX))

    def steps(self, text, prompt, chance):
        encoding = self.tokenizer.encode(text)
        ids, tokens, at = encoding.ids, [text[begin:end] for begin, end in encoding.offsets], 0
        wait = self.pace.ttft_s + PROMPT_WORD_S * len(prompt.split()) + self.pace.of_step(chance)
        while at < len(ids):
            end = at + 1
            while end < len(ids) and end - at <= self.draft_max and self.draft.get(ids[end - 1]) == ids[end]:
                end += 1
            yield wait, tokens[at:end]
            at, wait = end, self.pace.of_step(chance)


def train_tokenizer(texts):
    """Byte-pair encoding, as language models use it, of these texts' own."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=VOCABULARY, show_progress=False,
                                             initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train_draft(tokenizer, texts):
    """{token: the one that follows it most often}: what speculative decoding with a small model guesses."""
    followers = collections.defaultdict(collections.Counter)
    for encoding in tokenizer.encode_batch(texts):
        for token, following in itertools.pairwise(encoding.ids):
            followers[token][following] += 1
    return {token: counts.most_common(1)[0][0] for token, counts in followers.items()}
