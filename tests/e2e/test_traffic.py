"""What sizes on the wire tell of an answer: everything where nothing pads, nothing beyond the bucket and the frames' number where OpenPCC does.

bench/traffic measures the same with a classifier, and times too; here are the properties that hold exactly. The two classes of answers
differ in the length of their tokens alone.
"""

import asyncio
import sys

import pytest

from harness import ROOT

sys.path.append(str(ROOT / "bench/traffic"))
import collect  # noqa: E402  (bench/traffic must be on the path first)
import engine  # noqa: E402

TOKENS, PAUSE_S, ROUNDS = 30, 0.01, 2
SHORT, LONG = " a", " incomprehensible"
CLASSES = {"short": SHORT, "long": LONG}
FRAME_BYTES = {"low-latency": 256, "balanced": 512, "strict": 1024}
# Around the frames of a flush, below 16 KiB: lengths of 2 bytes and tags of 16, of the envelope's chunk and the outer one; Binary HTTP's length.
AROUND_FRAMES = 16 + 2 + 2 + 16 + 2
END_BYTES = 1 + 2 + 16  # the outer final chunk: Binary HTTP's end alone


def answer(prompt, seed):
    del seed
    return [(PAUSE_S, [CLASSES[prompt]])] * TOKENS if prompt in CLASSES else [(0, ["yes"])]


def content_of(piece_bytes):
    """Of a chunk with its line of hexadecimal digits and two line ends."""
    return next(n for n in range(piece_bytes) if n + len(f"{n:x}") + 4 == piece_bytes)


class Watched:
    """Every way was asked for answers of both classes. seen: {(way, class): [Seen]}"""

    def __init__(self, folder):
        self.seen = {}
        asyncio.run(self._ask_all(folder))

    async def _ask_all(self, folder):
        server = await engine.start(answer)
        service = collect.Service(folder, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", engine.MODEL)
        await asyncio.to_thread(service.__enter__)
        try:
            client = await service.client(0)
            for way in collect.WAYS:
                for name in CLASSES:
                    job = collect.Job(way, name, name, 0)
                    self.seen[way, name] = [(await client.ask(job, engine.MODEL))[-1] for _ in range(ROUNDS)]
            client.close()
        finally:
            await asyncio.to_thread(service.__exit__, None, None, None)
            server.close()

    def totals(self, way, name):
        return {sum(size for _, size in seen.pieces) for seen in self.seen[way, name]}

    def chunks(self, way, name):
        """The sizes of the chunks in each answer, without HTTP's framing of them; the last one, of 0 bytes, is left out."""
        return [[content_of(size) for _, size in seen.pieces[1:-1]] for seen in self.seen[way, name]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    return Watched(tmp_path_factory.mktemp("traffic"))


def test_control_unpadded_sizes_name_the_class(watched):
    short, long = (watched.totals(collect.DIRECT, name) for name in CLASSES)
    assert len(short) == len(long) == 1 and long.pop() - short.pop() == TOKENS * (len(LONG) - len(SHORT))
    events = [{size for chunks in watched.chunks(collect.DIRECT, name) for size in chunks[1:-2]} for name in CLASSES]
    assert len(events[0]) == len(events[1]) == 1 and events[0] != events[1]


@pytest.mark.parametrize("way", [collect.LOW_LATENCY, collect.BALANCED, collect.STRICT], ids=lambda way: way.name)
@pytest.mark.parametrize("name", CLASSES)
def test_a_flush_is_whole_frames_and_nothing_else(watched, way, name):
    for chunks in watched.chunks(way, name):
        _, *middle, final, end = chunks
        for size in [*middle, final + 1]:  # the final chunk of the envelope has no length
            assert size > AROUND_FRAMES and (size - AROUND_FRAMES) % FRAME_BYTES[way.profile] == 0, chunks
        assert end == END_BYTES


def test_low_latency_has_one_size_whatever_the_token(watched):
    """An event of either class fits into a frame, and the engine writes no two at once; a node that was slow may find several."""
    for name in CLASSES:
        for chunks in watched.chunks(collect.LOW_LATENCY, name):
            assert min(chunks[1:-2]) == AROUND_FRAMES + FRAME_BYTES["low-latency"], chunks


def test_whole_answers_of_a_bucket_have_one_size(watched):
    unpadded = [watched.totals(collect.WHOLE_DIRECT, name) for name in CLASSES]
    assert len(unpadded[0]) == len(unpadded[1]) == 1 and unpadded[0] != unpadded[1]
    padded = [watched.totals(collect.WHOLE, name) for name in CLASSES]
    assert len(padded[0] | padded[1]) == 1


def test_requests_have_one_size(watched):
    def sizes(way):
        return {seen.sent_bytes for name in CLASSES for seen in watched.seen[way, name]}

    assert len(sizes(collect.DIRECT)) == 2
    assert len({size for way in (collect.LOW_LATENCY, collect.BALANCED, collect.STRICT, collect.WHOLE) for size in sizes(way)}) == 1
