"""What a shim writes down is there again, whole and in order."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from triptych.agent.channel import Begins, Enrol, Page, pack
from triptych.agent.spool import PAGE_BYTES, Spool, identity_of, page_of, pages_of, replay, size_of
from triptych.messages import Output, Paused, Report

CAP = 1 << 30


def identity(folder: Path, cap_bytes: int = CAP) -> Enrol:
    return Enrol(folder=str(folder), pid=7, start_ticks=9, boot_id="boot", token=bytes(16), cap_bytes=cap_bytes)


def report(seq: int, size: int = 10) -> Report:
    return Report(job_id="j", attempt=1, seq=seq, at_us=0, body=Output(stream="stdout", offset=seq, data=bytes(size)))


def seqs(folder: str) -> list[int]:
    return [message.seq for message in replay(folder) if isinstance(message, Report)]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(identity(tmp_path / "spools" / "one"))


@contextmanager
def no_file_over(size_bytes: int) -> Iterator[None]:
    """Let the kernel refuse what would make a file larger than this, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_written_is_read_again_in_order_over_all_pages(spool: Spool) -> None:
    """workers K11."""
    frames = [Begins(job_id="j", attempt=1), report(1), report(2)]
    for frame in frames:
        assert spool.append(pack(frame), must=False)
    assert spool.turn() == pack(Page(number=2))
    assert spool.append(pack(report(3)), must=False)
    assert list(replay(spool.folder)) == [Page(number=1), *frames, Page(number=2), report(3)]
    assert size_of(spool.folder) == sum(Path(page_of(spool.folder, number)).stat().st_size for number in (1, 2))


def test_only_its_owner_may_look_into_a_spool(spool: Spool) -> None:
    folder = Path(spool.folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert identity_of(spool.folder) == identity(folder)


def test_a_spool_of_which_nobody_finished_saying_whose_it_is_has_no_identity(tmp_path: Path) -> None:
    assert identity_of(str(tmp_path)) is None
    (tmp_path / "identity").write_bytes(pack(identity(tmp_path))[:-3])
    assert identity_of(str(tmp_path)) is None


def test_reading_stops_where_it_is_told_to(spool: Spool) -> None:
    spool.append(pack(report(1)), must=False)
    until = spool.position
    spool.append(pack(report(2)), must=False)
    spool.turn()
    spool.append(pack(report(3)), must=False)
    assert [message for message in replay(spool.folder, until) if isinstance(message, Report)] == [report(1)]


@pytest.mark.parametrize("cut", range(1, len(pack(report(2)))))
def test_a_record_that_was_cut_short_is_no_record(spool: Spool, cut: int) -> None:
    """workers F16."""
    spool.append(pack(report(1)), must=False)
    with Path(page_of(spool.folder, 1)).open("ab") as page:
        page.write(pack(report(2))[:cut])
    assert seqs(spool.folder) == [1]


def test_what_does_not_fit_leaves_no_trace_and_what_must_be_kept_comes_first_when_there_is_room(spool: Spool) -> None:
    """workers F9."""
    spool.append(pack(report(1)), must=False)
    with no_file_over(spool.position[1] + 20):
        assert not spool.append(pack(report(2)), must=False)
        assert not spool.append(pack(Report(job_id="j", attempt=1, seq=3, at_us=0, body=Paused())), must=True)
        assert seqs(spool.folder) == [1]
    assert spool.append(pack(report(4)), must=False)
    assert seqs(spool.folder) == [1, 3, 4]


def test_a_page_that_cannot_be_begun_is_not(spool: Spool) -> None:
    with no_file_over(3):
        assert spool.turn() is None
    assert pages_of(spool.folder) == [1]
    assert spool.append(pack(report(1)), must=False)


def test_the_noisiest_falls_silent_when_all_together_are_over_the_cap(tmp_path: Path) -> None:
    """workers O8: its output, not its states, and not the others'; with room it is heard again."""
    quiet = Spool(identity(tmp_path / "spools" / "quiet", cap_bytes=PAGE_BYTES))
    loud = Spool(identity(tmp_path / "spools" / "loud", cap_bytes=PAGE_BYTES))
    while not loud.overfull:
        loud.append(pack(report(1, 1 << 20)), must=False)
    assert loud.turn() is None
    assert not loud.append(pack(report(2)), must=False)
    assert loud.append(pack(report(3)), must=True)
    assert quiet.append(pack(report(4)), must=False)
    Path(page_of(loud.folder, 1)).unlink()
    loud._look_at_s = 0.0
    assert loud.turn() == pack(Page(number=2))
    assert loud.append(pack(report(5)), must=False)


def test_whole_frames_are_read_on_from_any_place_that_a_read_ended_at(spool: Spool) -> None:
    sizes = [10, 1 << 19, 70_000, 70_000, 1]
    for number, size in enumerate(sizes):
        spool.append(pack(report(number, size)), must=False)
    spool.turn()
    spool.append(pack(report(9)), must=False)
    data, place = b"", (1, 0)
    while place != spool.position:
        more, place = spool.read(place)
        data += more
    wanted = [Page(number=1), *(report(number, size) for number, size in enumerate(sizes)), Page(number=2), report(9)]
    assert data == b"".join(map(pack, wanted))
