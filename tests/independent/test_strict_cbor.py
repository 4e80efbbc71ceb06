"""The reader of CBOR takes one form of everything; the examples are of RFC 8949, appendix A, where it has them."""

import pytest
from strict_cbor import BadCbor, DoubledKey, Reader

pytestmark = pytest.mark.once

TAKEN = {
    "00": 0, "17": 23, "1818": 24, "190100": 256, "1a00010000": 65536, "1b0000000100000000": 1 << 32, "20": -1, "3822": -35, "f6": None, "40": b"",
    "4401020304": b"\x01\x02\x03\x04", "60": "", "62c3bc": "\u00fc",
}  # fmt: skip
REFUSED = [
    "", "18", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff",  # cut short, not minimal
    "1c", "1d", "1e", "3c", "5c", "fc",  # reserved
    "f4", "f5", "f7", "f0", "f818", "f90000", "fa00000000", "fb0000000000000000",  # simple values and floats
    "c000", "d81800",  # tags
    "1f", "3f", "5f4100ff", "7f6161ff", "9f00ff", "bf00ff", "ff",  # indefinite lengths
    "41", "61", "4200", "61ff", "62c3", "80" + "00", "81", "a1", "a100",  # cut short, not UTF-8
    "a1400000", "a1f600", "a18000",  # keys
    "8181818100", "a100a100a100a10000",  # nesting
    "9a00000101" + "00" * 257, "990101" + "00" * 257, "9affffffff", "bbffffffffffffffff", "5bffffffffffffffff",  # sizes
]  # fmt: skip


def read(text, **options):
    reader = Reader(bytes.fromhex(text), **options)
    item = reader.item()
    if reader.at != len(reader.data):
        raise BadCbor("bytes left over")
    return item


@pytest.mark.parametrize("text", TAKEN)
def test_item_is_read(text):
    assert read(text).value == TAKEN[text]


def test_arrays_and_maps_are_read():
    assert [item.value for item in read("83010203").value] == [1, 2, 3]
    assert [(key.value, item.value) for key, item in read("a201026161f6").value] == [(1, 2), ("a", None)]
    assert read("818181" + "00").value[0].value[0].value[0].value == 0
    assert len(read("990100" + "00" * 256).value) == 256


@pytest.mark.parametrize("text", REFUSED)
def test_item_is_refused(text):
    with pytest.raises(BadCbor):
        read(text)


@pytest.mark.parametrize("text", ["a201000100", "a2616100616100", "a200f600f6"])
def test_key_twice_is_refused(text):
    with pytest.raises(DoubledKey):
        read(text)


def test_one_and_minus_one_are_two_keys():
    assert len(read("a301002000613100").value) == 3


def test_outermost_map_alone_may_be_open():
    assert [(key.value, item.value) for key, item in read("bf0102ff", open_map=True).value] == [(1, 2)]
    for text in ("bf01", "bf0102", "bf01ff", "9f00ff", "5f4100ff", "81bf0102ff", "bf01bf0102ffff", "bf00" + "0000" * 1, "a100bf0000ff"):
        with pytest.raises(BadCbor):
            read(text, open_map=True)
    many = "".join(f"{0x1900 << 8 | i:06x}00" if i > 255 else f"18{i:02x}00" if i > 23 else f"{i:02x}00" for i in range(257))
    assert len(read("bf" + many[: -len("19010000")] + "ff", open_map=True).value) == 256
    with pytest.raises(BadCbor):
        read("bf" + many + "ff", open_map=True)
