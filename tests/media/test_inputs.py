import os
from pathlib import Path

import pytest

from triptych.errors import Invalid, NotFound
from triptych.media.inputs import check_uri, find_directory, open_input, peek, refuse_text


@pytest.fixture
def roots(tmp_path: Path) -> list[str]:
    for name in ("one", "two"):
        (tmp_path / name / "some").mkdir(parents=True)
    (tmp_path / "one" / "a.mp4").write_bytes(b"\0one")
    (tmp_path / "two" / "a.mp4").write_bytes(b"\0two")
    (tmp_path / "two" / "some" / "b c.mp4").write_bytes(b"\0b")
    (tmp_path / "two" / "%20.mp4").write_bytes(b"\0percent")
    (tmp_path / "secret.mp4").write_bytes(b"\0secret")
    return [str(tmp_path / "one"), str(tmp_path / "two")]


def _content(uri: str, roots: list[str]) -> bytes:
    descriptor = open_input(uri, roots)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("a.mp4", b"\0one"),
        ("/a.mp4", b"\0one"),
        ("file://a.mp4", b"\0one"),
        ("FILE:///a.mp4", b"\0one"),
        ("some//b c.mp4", b"\0b"),
        ("file://some/b%20c.mp4", b"\0b"),
        ("some/../a.mp4", b"\0one"),
        ("%20.mp4", b"\0percent"),
    ],
)
def test_a_name_is_sought_below_each_root_in_order(roots, uri, content) -> None:
    """2.6: literal first, percent-decoded second."""
    assert _content(uri, roots) == content


def test_a_whole_path_within_a_root_is_used_as_it_is(roots, tmp_path) -> None:
    assert _content(str(tmp_path / "two" / "a.mp4"), roots) == b"\0two"


@pytest.mark.parametrize("uri", ["../secret.mp4", "some/../../secret.mp4", "link.mp4", "%2e%2e/secret.mp4", "folder/secret.mp4"])
def test_nothing_outside_the_roots_is_opened(roots, tmp_path, uri) -> None:
    (tmp_path / "one" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (tmp_path / "one" / "folder").symlink_to(tmp_path)
    with pytest.raises(Invalid, match="outside the media roots"):
        open_input(uri, roots)


def test_a_link_within_the_roots_is_followed(roots, tmp_path) -> None:
    (tmp_path / "one" / "link.mp4").symlink_to(tmp_path / "two" / "a.mp4")
    assert _content("link.mp4", roots) == b"\0two"


def test_a_path_that_exists_outside_is_told_like_one_that_does_not(roots, tmp_path) -> None:
    for uri in (str(tmp_path / "secret.mp4"), "/nowhere/x.mp4"):
        with pytest.raises(NotFound, match="input not found"):
            open_input(uri, roots)


def test_without_roots_everything_is_outside() -> None:
    with pytest.raises(Invalid, match="outside the media roots"):
        open_input("/etc/passwd", [])


def test_a_pipe_is_refused_without_blocking(roots, tmp_path) -> None:
    os.mkfifo(tmp_path / "one" / "pipe.mp4")
    with pytest.raises(Invalid, match="not a regular file"):
        open_input("pipe.mp4", roots)


def test_a_folder_and_an_empty_file_are_no_input(roots, tmp_path) -> None:
    (tmp_path / "one" / "empty.mp4").touch()
    for uri, text in (("some", "not a regular file"), ("empty.mp4", "input is empty")):
        with pytest.raises(Invalid, match=text) as caught:
            open_input(uri, roots)
        assert caught.value.code == "unprocessable"


@pytest.mark.parametrize("uri", [None, "", 7, "a\nb", "a\x7fb", "x" * 4097, "file://"])
def test_what_is_no_path_is_refused(uri) -> None:
    with pytest.raises(Invalid, match="inputUri must be a path or URI"):
        check_uri(uri)


@pytest.mark.parametrize(
    "uri", ["concat:a|b", "subfile,,start,0,,:a", "data:x", "pipe:0", "lavfi:testsrc", "crypto+file:a", "gs://b/o", "srt://h"]
)
def test_other_schemes_are_refused(uri) -> None:
    with pytest.raises(Invalid, match="is not allowed here"):
        check_uri(uri)


def test_a_colon_after_a_blank_or_a_slash_is_part_of_a_name() -> None:
    for name in ("clip 12:30.mp4", "news/12:30.mp4"):
        assert check_uri(name) == name


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"#EXTM3U\n", "playlist"),
        (b"[playlist]\nFile1=x", "playlist"),
        (b"<?xml version='1.0'?>\n<MPD>", "manifest"),
        (b"ffconcat version 1.0", "concat list"),
        (b"file 'a.mp4'\n", "concat list"),
        (b"v=0\r\no=- 0", "session description"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n", "subtitle"),
        (b"WEBVTT\n", "subtitle"),
        (b"<svg xmlns='x'>", "drawing"),
        (b"#!/bin/sh\n", "script"),
        ("\ufeffDear reader, é".encode(), "text file"),
    ],
)
def test_text_that_points_elsewhere_is_refused_by_its_kind(head, kind) -> None:
    with pytest.raises(Invalid, match=f"input is a {kind} that points to other media; submit the media itself"):
        refuse_text(head)


def test_a_look_that_ends_within_a_letter_is_text_still() -> None:
    with pytest.raises(Invalid):
        refuse_text("é".encode() * 10 + b"\xc3")


@pytest.mark.parametrize("head", [b"\0\0\0\x20ftypisom", b"\x1aE\xdf\xa3", b"RIFF\x01\x02\x03\x04", b"\x47\x40\xff"])
def test_binary_is_not_text(head) -> None:
    refuse_text(head)


def test_a_peek_leaves_no_descriptor_open(roots) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    peek("a.mp4", roots)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("path", ["some", "/some/", "file://some", "one/../some"])
def test_a_directory_is_sought_below_each_root_in_order(roots, path) -> None:
    """media 3.2: `directory` in a root."""
    assert Path(find_directory(path, roots)) == Path(roots[0], "some")
    assert find_directory(str(Path(roots[1], "some")), roots) == str(Path(roots[1], "some"))


def test_a_directory_is_there_and_within_a_root(roots, tmp_path) -> None:
    """media 3.2: `directory` in a root."""
    (tmp_path / "one" / "out").symlink_to("/etc")
    (tmp_path / "one" / "a b").mkdir()
    for path, message in (("x", "not found"), ("a.mp4", "not found"), ("a%20b", "not found"), ("out", "outside the media roots")):
        with pytest.raises(Invalid, match=f"^directory .*{message}$") as refusal:
            find_directory(path, roots)
        assert refusal.value.field == "directory"
