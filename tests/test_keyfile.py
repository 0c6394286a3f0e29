"""camera S6: keys lie in a file of mode 0600."""

import os

import pytest

from triptych.errors import Unavailable
from triptych.keyfile import KeyFile


def test_keys_are_kept_changed_and_forgotten(tmp_path):
    file = KeyFile(tmp_path / "keys.json")
    assert file.read() == {}
    file.change({"a": "1", "b": "2"})
    file.change({"a": None, "b": "3", "c": None})
    assert file.read() == {"b": "3"}


def test_only_its_owner_may_read_it(tmp_path):
    before = os.umask(0)
    try:
        KeyFile(tmp_path / "keys.json").change({"a": "1"})
    finally:
        os.umask(before)
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a":1}'])
def test_a_damaged_file_is_told_and_left_alone(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="cannot be read"):
        KeyFile(path).change({"a": "1"})
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unavailable, match="cannot be written"):
        KeyFile(tmp_path / "none" / "keys.json").change({"a": "1"})
