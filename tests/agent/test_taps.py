"""What is taken from a command's pipes: everything, at once, and no more kept than was allowed (workers O2-O4, O7, P9)."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.agent import taps
from triptych.agent.spawn import Spawned
from triptych.agent.taps import CHUNK_BYTES, GULP_BYTES, Tap, opened
from triptych.agent.tiers.subreaper import Subreaper
from triptych.messages import Output

CAP = 8000
HEAD = 7000


class Pipe:
    """A pipe with a tap at one end."""

    def __init__(self, folder: Path, cap_bytes: int = CAP) -> None:
        source, self.sink = os.pipe()
        self.tap = Tap("stdout", source, folder=str(folder), cap_bytes=cap_bytes)

    def write(self, data: bytes) -> list[Output]:
        """Write what a pipe holds and return what the tap passes on."""
        os.write(self.sink, data)
        chunks: list[Output] = []
        target = self.tap.count + len(data)
        while self.tap.count < target:
            chunks += self.tap.read()
        return chunks

    def end(self) -> list[Output]:
        os.close(self.sink)
        self.sink = -1
        return list(self.tap.read())

    def close(self) -> None:
        os.close(self.tap.source)
        if self.sink >= 0:
            os.close(self.sink)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    with closing(Pipe(tmp_path)) as pipe:
        yield pipe


def _bytes(size: int) -> bytes:
    return bytes(n * 7 % 251 for n in range(size))


def _kept(chunks: list[Output]) -> dict[int, bytes]:
    return {chunk.offset: chunk.data for chunk in chunks}


def test_what_is_below_the_head_is_passed_on_at_once(pipe: Pipe) -> None:
    """workers O1, O3."""
    assert _kept(pipe.write(b"a\0\xff")) == {0: b"a\0\xff"}
    assert _kept(pipe.write(b"more")) == {3: b"more"}
    assert pipe.end() == []
    assert pipe.tap.over
    assert pipe.tap.facts() == {"bytes": 7, "gaps": []}


def test_a_chunk_tells_when_it_was_read(pipe: Pipe) -> None:
    """workers O2: on the clock of the boot."""
    before = taps._boot_us()
    (chunk,) = pipe.write(b"now")
    assert before <= chunk.t_us <= taps._boot_us()


def test_the_first_seven_eighths_and_the_last_eighth_are_kept(pipe: Pipe) -> None:
    """workers O4."""
    data = _bytes(30_000)
    head = pipe.write(data)
    tail = pipe.end()
    assert b"".join(chunk.data for chunk in head) == data[:HEAD]
    assert _kept(tail) == {29_000: data[29_000:]}
    assert pipe.tap.facts() == {"bytes": 30_000, "gaps": [[HEAD, 29_000]]}


def test_what_fits_has_no_gap(pipe: Pipe) -> None:
    """workers O4."""
    data = _bytes(CAP)
    chunks = pipe.write(data) + pipe.end()
    assert b"".join(chunk.data for chunk in chunks) == data
    assert pipe.tap.facts() == {"bytes": CAP, "gaps": []}


def test_what_is_held_back_is_told_though_a_grandchild_holds_the_pipe(pipe: Pipe) -> None:
    """workers O7: also what nobody has read yet."""
    data = _bytes(20_000)
    chunks = pipe.write(data[:15_000])
    os.write(pipe.sink, data[15_000:])
    chunks += pipe.tap.rest()
    assert not pipe.tap.over
    assert b"".join(chunk.data for chunk in chunks) == data[:HEAD] + data[-1000:]


def test_a_grandchild_that_never_stops_writing_holds_nobody_up(tmp_path: Path) -> None:
    """workers O7."""
    with closing(Pipe(tmp_path, cap_bytes=100 * GULP_BYTES)) as pipe:
        stop = threading.Event()

        def write() -> None:
            os.set_blocking(pipe.sink, False)
            while not stop.is_set():
                try:
                    os.write(pipe.sink, bytes(4096))
                except BlockingIOError:
                    continue

        writer = threading.Thread(target=write)
        writer.start()
        assert sum(len(chunk.data) for chunk in pipe.tap.rest()) <= GULP_BYTES + CHUNK_BYTES
        stop.set()
        writer.join()


def test_without_room_for_the_tail_only_bytes_are_lost(tmp_path: Path) -> None:
    """workers F9."""
    with closing(Pipe(tmp_path / "nowhere")) as pipe:
        data = _bytes(20_000)
        chunks = pipe.write(data) + pipe.end()
        assert b"".join(chunk.data for chunk in chunks) == data[:HEAD]
        assert pipe.tap.facts() == {"bytes": 20_000, "gaps": [[HEAD, 20_000]]}


@pytest.mark.parametrize("cap_bytes", [0, 1, 7, 8, 9, 63])
def test_a_tiny_cap_is_kept_too(tmp_path: Path, cap_bytes: int) -> None:
    """workers O4."""
    with closing(Pipe(tmp_path, cap_bytes)) as pipe:
        data = _bytes(1000)
        chunks = pipe.write(data) + pipe.end()
        tail = cap_bytes // 8
        assert b"".join(chunk.data for chunk in chunks) == data[: cap_bytes - tail] + (data[-tail:] if tail else b"")


def test_the_tail_leaves_no_file_behind(pipe: Pipe, tmp_path: Path) -> None:
    pipe.write(_bytes(30_000))
    assert list(tmp_path.iterdir()) == []
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert sum(path.is_relative_to(tmp_path) for path in links) == 1
    pipe.end()
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not any(path.is_relative_to(tmp_path) for path in links)


def test_hundreds_of_megabytes_pass_in_no_memory(tmp_path: Path) -> None:
    """workers P9, O4: beyond the head one buffer serves every read."""
    block, blocks = bytes(GULP_BYTES), 256
    with closing(Pipe(tmp_path, cap_bytes=16 * GULP_BYTES)) as pipe:

        def write() -> None:
            for _ in range(blocks):
                left = memoryview(block)
                while left:
                    left = left[os.write(pipe.sink, left) :]
            os.close(pipe.sink)
            pipe.sink = -1

        writer = threading.Thread(target=write)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        writer.start()
        kept = 0
        while not pipe.tap.over:
            kept += sum(len(chunk.data) for chunk in pipe.tap.read())
        writer.join()
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kept == 16 * GULP_BYTES
    assert pipe.tap.facts() == {"bytes": blocks * GULP_BYTES, "gaps": [[14 * GULP_BYTES, (blocks - 2) * GULP_BYTES]]}
    assert grown_kib <= 16 * 1024


def test_streams_that_share_a_pipe_are_one(tmp_path: Path) -> None:
    """workers O2."""
    apart = opened(Spawned(pid=0, tree=Subreaper(), stdout=3, stderr=4), folder=str(tmp_path), cap_bytes=CAP)
    merged = opened(Spawned(pid=0, tree=Subreaper(), stdout=3, stderr=None), folder=str(tmp_path), cap_bytes=CAP)
    assert [(tap.name, tap.source) for tap in apart] == [("stdout", 3), ("stderr", 4)]
    assert [(tap.name, tap.source) for tap in merged] == [("stdout", 3)]


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 3000), max_size=20), cap_bytes=st.integers(0, 12_000))
def test_every_offset_has_the_jobs_own_byte_or_is_in_the_gap(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], cap_bytes: int
) -> None:
    """workers O3, O4."""
    data = _bytes(sum(sizes))
    with closing(Pipe(tmp_path_factory.getbasetemp(), cap_bytes)) as pipe:
        chunks, done = [], 0
        for size in sizes:
            chunks += pipe.write(data[done : done + size])
            done += size
        chunks += pipe.end()
        gaps = pipe.tap.facts()["gaps"]
    assert all(data[chunk.offset : chunk.offset + len(chunk.data)] == chunk.data for chunk in chunks)
    covered = sorted([*((chunk.offset, chunk.offset + len(chunk.data)) for chunk in chunks), *map(tuple, gaps)])
    assert [start for start, _ in covered] == [0, *(until for _, until in covered)][: len(covered)]
    assert (covered[-1][1] if covered else 0) == len(data)
    assert sum(len(chunk.data) for chunk in chunks) == min(len(data), cap_bytes)
