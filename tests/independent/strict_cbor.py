"""A reader of CBOR (RFC 8949) that takes one form of everything: minimal heads, definite lengths, UTF-8 text, no key twice, nothing left over. The
outermost map alone may be of indefinite length where the caller says so. Kinds that attestation documents do not have are refused."""

import dataclasses

DEPTH_MAX, ITEMS_MAX = 4, 256
UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
INDEFINITE, BREAK, NULL = 31, 0xFF, 22


class BadCbor(ValueError):
    pass


class DoubledKey(BadCbor):
    pass


@dataclasses.dataclass(frozen=True)
class Item:
    """`value`: int, bytes, str, list of items, list of (key, item), or None; `start` and `end` are those of its content in the whole."""

    kind: int
    value: object
    head: int
    start: int
    end: int

    def member(self, name):
        return next((item for key, item in self.value if key.value == name), None)


def need(holds, what):
    if not holds:
        raise BadCbor(what)


class Reader:
    def __init__(self, data, open_map=False):
        self.data, self.at, self.open_map = data, 0, open_map

    def byte(self):
        need(self.at < len(self.data), "cut short")
        self.at += 1
        return self.data[self.at - 1]

    def head(self):
        """(kind, argument); the argument is None for an indefinite length."""
        first = self.byte()
        kind, short = first >> 5, first & 31
        if short < 24:
            return kind, short
        if short == INDEFINITE:
            return kind, None
        need(short < 28, "head")
        size = 1 << (short - 24)
        need(self.at + size <= len(self.data), "cut short")
        value = int.from_bytes(self.data[self.at : self.at + size], "big")
        self.at += size
        need(value >= (24 if size == 1 else 1 << (4 * size)), "head not minimal")
        return kind, value

    def item(self, depth=1):
        need(depth <= DEPTH_MAX, "nesting")
        head = self.at
        kind, argument = self.head()
        start = self.at
        if argument is None:
            need(kind == MAP and depth == 1 and self.open_map, "indefinite length")
            value = self.open_pairs()
        elif kind in (BYTES, TEXT):
            need(argument <= len(self.data) - start, "cut short")
            self.at += argument
            value = self.data[start : self.at]
        elif kind in (ARRAY, MAP):
            need(argument <= ITEMS_MAX, "too many items")
            value = [self.item(depth + 1) for _ in range(argument)] if kind == ARRAY else self.pairs(argument, depth)
        else:
            need(kind in (UNSIGNED, NEGATIVE) or (kind == SIMPLE and argument == NULL), "kind of item")
            value = {UNSIGNED: argument, NEGATIVE: -1 - argument, SIMPLE: None}[kind]
        return Item(kind, self.text(value) if kind == TEXT else value, head, start, self.at)

    def text(self, value):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadCbor(str(error)) from None

    def pair(self, found, depth):
        key = self.item(depth + 1)
        need(key.kind in (UNSIGNED, NEGATIVE, TEXT), "key")
        if any((key.kind, key.value) == (other.kind, other.value) for other, _ in found):
            raise DoubledKey(str(key.value))
        found.append((key, self.item(depth + 1)))

    def pairs(self, n, depth):
        found = []
        for _ in range(n):
            self.pair(found, depth)
        return found

    def open_pairs(self):
        found = []
        while self.at < len(self.data) and self.data[self.at] != BREAK:
            need(len(found) < ITEMS_MAX, "too many items")
            self.pair(found, 1)
        need(self.byte() == BREAK, "no break")
        return found
