"""The files that keep what jobs write (workers O1-O4, O9)."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from stores.disks import disk_that_fills, kinds
from triptych.errors import Invalid
from triptych.messages import Ended, Output, Report
from triptych.model import End, EndReason
from triptych.outputs import FEW, Outputs, OutputSlice

WHOLE = 10_000_000


@pytest.fixture
async def outputs(tmp_path: Path) -> AsyncIterator[Outputs]:
    async with Outputs(tmp_path / "output") as outputs:
        yield outputs


def _chunk(offset: int, data: bytes, *, job_id: str = "a", attempt: int = 1, stream: Literal["stdout", "stderr"] = "stdout") -> Report:
    return Report(job_id=job_id, attempt=attempt, seq=1, at_us=0, body=Output(stream=stream, offset=offset, data=data))


def _end(*, reason: EndReason = EndReason.EXITED, **sizes: int) -> Report:
    told = {stream: {"bytes": size, "gaps": []} for stream, size in sizes.items()}
    return Report(job_id="a", attempt=1, seq=9, at_us=0, body=Ended(end=End(reason=reason), facts={"output": told}))


async def _read(outputs: Outputs, offset: int = 0, *, stream: str = "stdout", ended: bool = False) -> OutputSlice:
    return await outputs.read("a", 1, stream, offset, WHOLE, ended=ended)


@contextmanager
def _disk_that_ends_at(size_bytes: int) -> Iterator[None]:
    """Let every write of this process fail beyond a file size; a real refusal of the kernel, as a full disk's is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_bytes_are_kept_exactly(outputs: Outputs) -> None:
    """workers O1."""
    data = bytes(range(256)) + b"\x00\xff\xfe broken \xc3"
    await outputs.append([_chunk(0, data)])
    assert await _read(outputs) == OutputSlice(data=data, next_offset=len(data), complete=False)


async def test_streams_and_attempts_are_apart(outputs: Outputs) -> None:
    """workers O1, O3."""
    await outputs.append([_chunk(0, b"out"), _chunk(0, b"err", stream="stderr"), _chunk(0, b"again", attempt=2)])
    assert (await _read(outputs)).data == b"out"
    assert (await _read(outputs, stream="stderr")).data == b"err"
    assert (await outputs.read("a", 2, "stdout", 0, WHOLE)).data == b"again"


async def test_nothing_written_reads_as_nothing(outputs: Outputs) -> None:
    assert await _read(outputs) == OutputSlice(data=b"", next_offset=0, complete=False)
    assert await _read(outputs, ended=True) == OutputSlice(data=b"", next_offset=0, complete=True)


async def test_a_read_is_complete_only_at_the_end_of_an_ended_attempt(outputs: Outputs) -> None:
    """workers O9."""
    await outputs.append([_chunk(0, b"123456")])
    assert not (await _read(outputs, ended=True)).complete
    await outputs.finish([_end(stdout=6)])
    assert not (await outputs.read("a", 1, "stdout", 0, 5)).complete
    assert (await outputs.read("a", 1, "stdout", 5, 5)).complete


async def test_a_repeated_chunk_changes_nothing(outputs: Outputs) -> None:
    await outputs.append([_chunk(0, b"one "), _chunk(4, b"two "), _chunk(0, b"ONE "), _chunk(4, b"TWO three")])
    assert (await _read(outputs)).data == b"one two three"[:8] + b"three"


async def test_a_hole_is_a_gap_and_is_never_filled(outputs: Outputs) -> None:
    """workers O3, O4: a read ends at a gap; the next one skips it."""
    await outputs.append([_chunk(0, b"head"), _chunk(10, b"tail")])
    await outputs.append([_chunk(4, b"late!!")])
    assert await _read(outputs) == OutputSlice(data=b"head", next_offset=4, complete=False)
    assert await _read(outputs, 4) == OutputSlice(data=b"", next_offset=10, complete=False, gap=(4, 10))
    assert await _read(outputs, 7) == OutputSlice(data=b"", next_offset=10, complete=False, gap=(4, 10))
    assert await _read(outputs, 10) == OutputSlice(data=b"tail", next_offset=14, complete=False)


async def test_an_empty_chunk_says_how_far_a_gap_goes(outputs: Outputs) -> None:
    await outputs.append([_chunk(0, b"head"), _chunk(9, b"")])
    assert await _read(outputs, 4) == OutputSlice(data=b"", next_offset=9, complete=False, gap=(4, 9))


async def test_bytes_and_gaps_are_the_same_after_a_restart(tmp_path: Path) -> None:
    """workers O3."""
    async with Outputs(tmp_path) as outputs:
        await outputs.append([_chunk(3, b"abc"), _chunk(9, b"xyz")])
    async with Outputs(tmp_path) as outputs:
        await outputs.append([_chunk(3, b"ABC"), _chunk(12, b"!")])
        slices = [await _read(outputs, offset) for offset in (0, 3, 6, 9)]
    assert [(piece.data, piece.gap) for piece in slices] == [(b"", (0, 3)), (b"abc", None), (b"", (6, 9)), (b"xyz!", None)]


async def test_output_of_a_forgotten_job_is_gone(outputs: Outputs, tmp_path: Path) -> None:
    await outputs.append([_chunk(0, b"a"), _chunk(0, b"b", attempt=2), _chunk(0, b"c", job_id="b")])
    await outputs.forget("a")
    assert (await _read(outputs)).data == b""
    assert _files(tmp_path) == ["order", "stdout"]
    assert (await outputs.read("b", 1, "stdout", 0, WHOLE)).data == b"c"


async def test_what_else_a_forgotten_job_left_goes_with_it(tmp_path: Path) -> None:
    """media T1: recordings and reports lie in `media/<job id>`."""
    for name in ("a", "b"):
        (tmp_path / "media" / name).mkdir(parents=True)
        (tmp_path / "media" / name / "recording.mp4").write_bytes(b"x")
    async with Outputs(tmp_path / "output", beside=tmp_path / "media") as outputs:
        await outputs.forget("a")
        with pytest.raises(Invalid):
            await outputs.forget("..")
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["b"]


async def test_no_more_files_are_open_than_allowed(tmp_path: Path) -> None:
    async with Outputs(tmp_path, open_reels=2) as outputs:
        await outputs.append([_chunk(0, b"x", job_id=f"j{n}") for n in range(50)])
        await outputs.append([_chunk(1, b"y", job_id=f"j{n}") for n in range(50)])
        assert _open_below(tmp_path) <= 4
        assert all([(await outputs.read(f"j{n}", 1, "stdout", 0, 9)).data == b"xy" for n in range(50)])


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def _open_below(folder: Path) -> int:
    links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    return sum(link.readlink().is_relative_to(folder) for link in links)


async def test_finish_closes_the_files_of_an_attempt(outputs: Outputs, tmp_path: Path) -> None:
    await outputs.append([_chunk(0, b"x"), _chunk(0, b"x", stream="stderr")])
    await outputs.finish([_end(stdout=1, stderr=1)])
    assert _open_below(tmp_path) == 0
    assert (await _read(outputs)).complete


@pytest.mark.parametrize("job_id", ["../b", "a/b", "", ".", "a\0b", "-a"])
async def test_a_job_id_that_is_none_reaches_no_file(outputs: Outputs, tmp_path: Path, job_id: str) -> None:
    with capture_logs() as logs:
        await outputs.append([_chunk(0, b"x", job_id=job_id), _chunk(0, b"kept")])
    assert [entry["event"] for entry in logs] == ["output lost"]
    assert (await _read(outputs)).data == b"kept"
    with pytest.raises(Invalid):
        await outputs.read(job_id, 1, "stdout", 0, 1)
    assert _files(tmp_path) == ["order", "stdout"]


@pytest.mark.parametrize("offset", [-1, 2**53 + 1, 2**63])
async def test_an_offset_out_of_range_is_dropped(outputs: Outputs, offset: int) -> None:
    await outputs.append([_chunk(offset, b"x"), _chunk(0, b"kept")])
    assert (await _read(outputs)).data == b"kept"


async def test_a_full_disk_makes_a_gap_and_output_goes_on_when_space_returns(outputs: Outputs) -> None:
    with capture_logs() as logs, _disk_that_ends_at(6):
        await outputs.append([_chunk(0, b"0123456789"), _chunk(10, b"lost")])
        await outputs.append([_chunk(14, b"lost too")])
        assert (await _read(outputs)).data == b"012345"
        assert (await _read(outputs, 6)).gap == (6, 22)
    assert [entry["event"] for entry in logs] == ["output lost"]
    await outputs.append([_chunk(22, b"back")])
    assert await _read(outputs, 6) == OutputSlice(data=b"", next_offset=22, complete=False, gap=(6, 22))
    assert (await _read(outputs, 22)).data == b"back"


async def test_a_gap_that_could_not_be_written_down_is_kept_until_it_can(tmp_path: Path) -> None:
    async with Outputs(tmp_path, open_reels=1) as outputs:
        with capture_logs(), _disk_that_ends_at(0):
            await outputs.append([_chunk(0, b"lost", job_id="b"), _chunk(0, b"lost")])
            await outputs.finish([_end(stdout=4)])
        await outputs.append([_chunk(0, b"x", job_id="c")])
    async with Outputs(tmp_path) as outputs:
        assert (await _read(outputs)).gap == (0, 4)
        assert (await outputs.read("b", 1, "stdout", 0, 9)).gap == (0, 4)


async def test_what_is_not_on_disk_is_told_and_tried_again(outputs: Outputs) -> None:
    """workers O5: an acknowledgement that follows `sync` promises nothing that is not on disk."""
    with capture_logs(), _disk_that_ends_at(0):
        await outputs.append([_chunk(0, b"lost", job_id="b")])
        assert await outputs.sync() == {("b", 1)}
    await outputs.append([_chunk(0, b"kept")])
    assert await outputs.sync() == frozenset()
    assert not outputs._dirty


async def test_many_attempts_are_made_durable_in_one_go(outputs: Outputs) -> None:
    """workers O5."""
    with capture_logs(), _disk_that_ends_at(0):
        await outputs.append([_chunk(0, b"lost", job_id="b")])
    await outputs.append([_chunk(0, b"kept", job_id=f"j{n}") for n in range(2 * FEW)])
    assert await outputs.sync() == frozenset()
    with capture_logs(), _disk_that_ends_at(0):
        await outputs.append([_chunk(9, b"lost", job_id=f"j{n}") for n in range(2 * FEW)])
        assert len(await outputs.sync()) == 2 * FEW


async def test_a_disk_that_is_full_makes_a_gap_until_it_has_room(tmp_path: Path) -> None:
    """workers F9: never other bytes, and recovery by itself."""
    if "a full disk" not in kinds():
        pytest.skip("no file system of our own may be mounted here")
    with disk_that_fills() as (folder, fill, free):
        async with Outputs(folder / "output") as outputs:
            await outputs.append([_chunk(0, b"x" * 5000)])
            fill()
            with capture_logs():
                await outputs.append([_chunk(5000, b"y" * 100_000)])
            free()
            await outputs.append([_chunk(105_000, b"z" * 10)])
            await outputs.finish([_end(stdout=105_010)])
            kept = await _read(outputs)
            gap = await _read(outputs, kept.next_offset)
            rest = await _read(outputs, gap.next_offset)
        assert kept.data == (b"x" * 5000 + b"y" * 100_000)[: len(kept.data)]
        assert gap.gap == (len(kept.data), 105_000)
        assert (rest.data, rest.complete) == (b"z" * 10, True)


async def test_output_that_is_deleted_behind_our_back_is_a_gap(outputs: Outputs, tmp_path: Path) -> None:
    """workers O3: never other bytes."""
    await outputs.append([_chunk(0, b"here")])
    await outputs.finish([_end(stdout=4)])
    (tmp_path / "output" / "a" / "1" / "stdout").unlink()
    assert await _read(outputs, 1) == OutputSlice(data=b"", next_offset=4, complete=True, gap=(1, 4))


async def test_a_repeated_last_report_changes_nothing(outputs: Outputs) -> None:
    """workers I4."""
    await outputs.append([_chunk(0, b"said")])
    (first,) = await outputs.finish([_end(stdout=6)])
    assert await outputs.finish([_end(stdout=6)]) == [first]
    assert isinstance(first.body, Ended)
    assert first.body.facts["output"] == {"stdout": {"bytes": 6, "gaps": [[4, 6]]}}


async def test_a_lost_attempt_is_never_complete(outputs: Outputs) -> None:
    """workers O5: who reported the loss does not know what else was written."""
    await outputs.append([_chunk(0, b"said")])
    await outputs.finish([_end(reason=EndReason.WORKER_LOST)])
    assert await _read(outputs) == OutputSlice(data=b"said", next_offset=4, complete=False)


async def test_a_reader_sees_only_whole_truth_while_output_arrives(outputs: Outputs) -> None:
    """workers O3, O6."""
    truth = bytes(n % 251 for n in range(200_000))

    async def write() -> None:
        for offset in range(0, len(truth), 1000):
            await outputs.append([_chunk(offset, truth[offset : offset + 1000])])

    async def read() -> bytes:
        got = b""
        while len(got) < len(truth):
            got += (await _read(outputs, len(got))).data
        return got

    results = await asyncio.gather(write(), read(), read())
    assert results[1:] == [truth, truth]


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), plan=st.data())
def test_any_split_with_any_repeats_reads_back_equal(data: bytes, plan: st.DataObject) -> None:
    """workers O3: whatever comes again, in whatever pieces and batches, and over restarts."""
    cuts = sorted({0, len(data), *plan.draw(st.lists(st.integers(0, len(data)), max_size=8))})
    chunks = [(start, until) for i, start in enumerate(cuts) for until in cuts[i + 1 : i + 2]]
    sent: list[tuple[int, int]] = []
    for chunk in chunks:
        sent += [chunk, *plan.draw(st.lists(st.sampled_from([*sent, chunk]), max_size=3))]
    batch = plan.draw(st.integers(1, 5))
    step = plan.draw(st.integers(1, 400))

    async def run(folder: Path) -> bytes:
        for i in range(0, len(sent), batch):
            async with Outputs(folder, open_reels=1) as outputs:
                await outputs.append([_chunk(start, data[start:until]) for start, until in sent[i : i + batch]])
        got = b""
        async with Outputs(folder) as outputs:
            await outputs.finish([_end(stdout=len(data))])
            while not (piece := await outputs.read("a", 1, "stdout", len(got), step, ended=True)).complete:
                got += piece.data
            return got + piece.data

    with TemporaryDirectory() as folder:
        assert asyncio.run(run(Path(folder))) == data


@settings(max_examples=60, deadline=None)
@given(chunks=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12))
def test_every_offset_is_the_jobs_own_byte_or_in_a_gap(chunks: list[tuple[int, int]]) -> None:
    """workers O3: never other bytes."""
    truth = bytes(range(1, 101))

    async def run(folder: Path) -> None:
        for start, size in chunks:
            async with Outputs(folder) as outputs:
                await outputs.append([_chunk(start, truth[start : start + size])])
        async with Outputs(folder) as outputs:
            offset, end = 0, max((start + size for start, size in chunks), default=0)
            await outputs.finish([_end(stdout=end)])
            while offset < end:
                piece = await _read(outputs, offset, ended=True)
                assert piece.data == truth[offset : offset + len(piece.data)]
                assert piece.next_offset == (piece.gap[1] if piece.gap else offset + len(piece.data))
                assert piece.next_offset > offset
                assert piece.complete == (piece.next_offset == end)
                offset = piece.next_offset

    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
