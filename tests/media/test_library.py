import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from triptych.media.library import FOLDER, PIECE_BYTES, PIECES, Film, Library, content_of

NOW = datetime(2026, 11, 28, tzinfo=UTC)
DAY = timedelta(days=1)


def _film(source: str, pictures: int = 3) -> Film:
    return Film(source, b"\1" * 8 * pictures, os.urandom(32) * pictures)


def _sources(library: Library, now: datetime = NOW, besides: str = "") -> list[str]:
    return [film.source for film in library.films(now, besides=besides)]


@pytest.fixture
def library(tmp_path) -> Library:
    return Library(tmp_path)


def test_a_film_comes_back_as_it_was_kept(library) -> None:
    film = _film("a.mp4")
    library.keep("aa", film, NOW + DAY)
    assert list(library.films(NOW, besides="")) == [film]


def test_films_come_in_the_order_of_their_content(library) -> None:
    for content in ("bb", "cc", "aa"):
        library.keep(content, _film(content), NOW + DAY)
    assert _sources(library) == ["aa", "bb", "cc"]


def test_an_empty_data_folder_holds_no_film(library) -> None:
    assert _sources(library) == []
    library.sweep(NOW)
    assert not (library.data_dir / FOLDER).exists()


def test_a_film_never_meets_itself(library) -> None:
    """media 4.2 VIDEO_INDEX."""
    library.keep("aa", _film("a.mp4"), NOW + DAY)
    library.keep("bb", _film("b.mp4"), NOW + DAY)
    assert _sources(library, besides="aa") == ["b.mp4"]


def test_the_same_content_is_kept_once_as_last_told(library) -> None:
    library.keep("aa", _film("a.mp4"), NOW + 9 * DAY)
    library.keep("aa", _film("renamed.mp4"), NOW + DAY)
    assert _sources(library) == ["renamed.mp4"]
    assert _sources(library, NOW + DAY) == []


def test_an_expired_film_is_not_read_and_is_swept(library) -> None:
    """media T1: index entries have their own ttl."""
    library.keep("aa", _film("a.mp4"), NOW + DAY)
    library.keep("bb", _film("b.mp4"), NOW + 2 * DAY)
    late = NOW + DAY
    assert _sources(library, late - timedelta(seconds=1)) == ["a.mp4", "b.mp4"]
    assert _sources(library, late) == ["b.mp4"]
    library.sweep(late)
    assert [path.stem for path in (library.data_dir / FOLDER).iterdir()] == ["bb"]


def test_what_a_dead_writer_left_goes_after_a_day_and_what_one_writes_stays(library) -> None:
    library.keep("aa", _film("a.mp4"), NOW + 9 * DAY)
    folder = library.data_dir / FOLDER
    for name, age in (("left", 2 * DAY), ("fresh", DAY / 2)):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, ((NOW - age).timestamp(),) * 2)
    library.sweep(NOW)
    assert sorted(path.name for path in folder.iterdir()) == ["aa.film", "fresh"]


@pytest.mark.parametrize("damage", [b"", b"tript-1\n", b"another-form-of-film"])
def test_what_is_no_film_is_left_out_and_swept(library, damage) -> None:
    library.keep("aa", _film("a.mp4"), NOW + DAY)
    (library.data_dir / FOLDER / "bb.film").write_bytes(damage)
    assert _sources(library) == ["a.mp4"]
    library.sweep(NOW)
    assert [path.stem for path in (library.data_dir / FOLDER).iterdir()] == ["aa"]


def test_a_film_whose_end_is_missing_is_left_out(library) -> None:
    library.keep("aa", _film("a.mp4"), NOW + DAY)
    path = library.data_dir / FOLDER / "aa.film"
    path.write_bytes(path.read_bytes()[:-1])
    assert _sources(library) == []


def test_a_film_that_cannot_be_kept_leaves_all_as_it_was(library) -> None:
    library.keep("aa", _film("a.mp4"), NOW + DAY)
    (library.data_dir / FOLDER / "bb.film").mkdir()
    with pytest.raises(OSError, match="bb"):
        library.keep("bb", _film("b.mp4"), NOW + DAY)
    assert sorted(path.name for path in (library.data_dir / FOLDER).iterdir()) == ["aa.film", "bb.film"]


def test_jobs_write_and_read_at_the_same_time(library) -> None:
    """media 4.2 VIDEO_INDEX: a reader sees the film of one writer whole, or that of another."""

    def write(name: str) -> None:
        for _ in range(20):
            library.keep("aa", Film(name, name.encode() * 8000, name.encode() * 32_000), NOW + DAY)

    write("0")
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write, name) for name in "123"]
        films = []
        while not all(writer.done() for writer in writers):
            films += library.films(NOW, besides="")
        for writer in writers:
            writer.result()
    assert films
    assert all(film.times == film.source.encode() * 8000 and film.hashes == film.source.encode() * 32_000 for film in films)
    assert len(list((library.data_dir / FOLDER).iterdir())) == 1


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECES * PIECE_BYTES])
def test_content_is_told_by_every_byte_up_to_four_mebibytes(tmp_path, size) -> None:
    """media 4.2 VIDEO_INDEX."""
    data = os.urandom(size)
    changed = [data + b"\0", *(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in {0, size // 2, size - 1} if at < size and size)]
    assert _content(tmp_path / "a", data) == _content(tmp_path / "b", data)
    assert _content(tmp_path / "a", data) not in {_content(tmp_path / "b", other) for other in changed}


def test_content_of_a_large_file_is_told_by_pieces_from_its_start_to_its_end(tmp_path) -> None:
    data = bytearray(os.urandom(9 << 20))
    whole = _content(tmp_path / "a", bytes(data))
    for at in (0, (9 << 20) // 63, (9 << 20) - 100):
        data[at] ^= 1
        assert _content(tmp_path / "a", bytes(data)) != whole
        data[at] ^= 1


def _content(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return content_of(descriptor)
    finally:
        os.close(descriptor)
