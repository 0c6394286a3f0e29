import os

import pytest

from triptych.media.byplace import ByPlace


@pytest.fixture
def opened(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    descriptor = os.open(tmp_path / "a", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_two_readers_of_one_descriptor_do_not_move_each_other(opened) -> None:
    one, other = ByPlace(opened), ByPlace(opened)
    assert (one.read(4), other.read(2), one.read(2), other.read()) == (b"0123", b"01", b"45", b"23456789")


def test_it_moves_as_a_file_does(opened) -> None:
    file = ByPlace(opened)
    assert (file.seek(-3, os.SEEK_END), file.read(9), file.read(1)) == (7, b"789", b"")
    assert (file.seek(2), file.seek(1, os.SEEK_CUR), file.tell(), file.read(1)) == (2, 3, 3, b"3")
    assert file.seek(-99, os.SEEK_CUR) == 0
    assert (file.size(), file.readable(), file.seekable()) == (10, True, True)
