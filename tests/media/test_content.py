"""media V6: media that came in a request lies in files that nobody else can name, read or keep."""

import os
import stat

import pytest

from triptych.errors import NotFound
from triptych.media.content import FOLDER, drop, drop_all_but, keep, open_content


def test_content_is_kept_for_this_account_alone_and_read_back(tmp_path) -> None:
    name = keep(tmp_path, b"a film")
    folder = tmp_path / FOLDER
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / name)] == [0o700, 0o600]
    descriptor = open_content(tmp_path, name)
    assert os.read(descriptor, 99) == b"a film"
    os.close(descriptor)


@pytest.mark.parametrize("name", ["", "x", "../triptych.db", "0" * 31, "0" * 32 + "\n", "0" * 32])
def test_a_name_that_is_not_ours_opens_nothing(tmp_path, name) -> None:
    (tmp_path / "triptych.db").write_bytes(b"secret")
    with pytest.raises(NotFound, match="input not found"):
        open_content(tmp_path, name)


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path) -> None:
    name = keep(tmp_path, b"a film")
    drop(tmp_path, name)
    (tmp_path / FOLDER / name).symlink_to("/etc/passwd")
    with pytest.raises(NotFound):
        open_content(tmp_path, name)


def test_what_is_dropped_is_gone_and_may_be_dropped_again(tmp_path) -> None:
    name = keep(tmp_path, b"a film")
    drop(tmp_path, name)
    drop(tmp_path, name)
    with pytest.raises(NotFound):
        open_content(tmp_path, name)


def test_files_that_nobody_needs_are_cleared(tmp_path) -> None:
    needed, orphan = keep(tmp_path, b"1"), keep(tmp_path, b"2")
    drop_all_but(tmp_path, {needed, "other"})
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [needed]
    assert orphan != needed
    drop_all_but(tmp_path / "empty", ())
