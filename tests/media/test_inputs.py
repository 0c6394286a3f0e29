import os
import time
from pathlib import Path

import pytest

from triptych.errors import Invalid, NotFound
from triptych.media.inputs import check_uri, find_directory, open_input, peek, refuse_text
from triptych.model import Inputs


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


@pytest.mark.parametrize(
    "uri", ["rtsp://h/", "rtsps://h/", "udp://h:1", "rtp://h", "rtmp://h", "http://h/", "https://h/", "HTTP://h/", "gs://b/o"]
)
def test_what_is_for_live_cores_or_not_set_up_is_refused_in_a_job(uri) -> None:
    """media 2.6."""
    scheme = uri.partition(":")[0]
    with pytest.raises(Invalid, match=f"inputUri scheme '{scheme}' is not allowed here"):
        check_uri(uri)


@pytest.fixture
def inputs(roots, tmp_path) -> Inputs:
    buckets = {"news": str(tmp_path / "two" / "some"), "leak": str(tmp_path), "all": str(tmp_path / "two")}
    return Inputs(buckets=buckets, hosts=("media.example",))


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("gs://news/b c.mp4", b"\0b"),
        ("gs://news/b%20c.mp4", b"\0b"),
        ("GS://news//b c.mp4", b"\0b"),
        ("gs://all/a.mp4", b"\0two"),
        ("gs://all/some/../a.mp4", b"\0two"),
        ("gs://all/%20.mp4", b"\0percent"),
    ],
)
def test_a_bucket_stands_for_a_folder(roots, inputs, uri, content) -> None:
    """media 2.6."""
    descriptor = open_input(uri, roots, inputs)
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == content


@pytest.mark.parametrize(
    "uri", ["gs://leak/secret.mp4", "gs://news/../a.mp4", "gs://news/%2e%2e/a.mp4", "gs://news/../../secret.mp4", "gs://all/../secret.mp4"]
)
def test_a_bucket_leads_nowhere_outside_its_folder_or_the_roots(roots, inputs, uri) -> None:
    """media 2.6, U1."""
    with pytest.raises(Invalid, match="outside the media roots"):
        open_input(uri, roots, inputs)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("gs://other/a.mp4", "inputUri bucket 'other' is not known here"),
        ("gs://news/*.mp4", "inputUri must name one object, without wildcards"),
        ("gs://news/b?c.mp4", "inputUri must name one object, without wildcards"),
        ("gs://news/", "inputUri must be a path or URI"),
        ("gs://news", "inputUri must be a path or URI"),
        ("http://elsewhere.example/", "inputUri host is not allowed"),
    ],
)
def test_a_bucket_or_host_is_judged_by_its_words_alone(inputs, uri, message) -> None:
    """media 2.6."""
    with pytest.raises(Invalid) as caught:
        check_uri(uri, inputs)
    assert caught.value.message == message


def test_what_is_fetched_is_looked_at_by_the_job(roots, inputs) -> None:
    """media U0."""
    peek("https://media.example/a.mp4", roots, inputs)
    with pytest.raises(Invalid, match="host is not allowed"):
        peek("https://elsewhere.example/a.mp4", roots, inputs)


def test_what_may_lie_in_a_root_that_is_not_mounted_here_is_looked_at_by_the_job(roots, tmp_path) -> None:
    """media U0."""
    with pytest.raises(NotFound):
        peek("far.mp4", roots)
    peek("far.mp4", [*roots, str(tmp_path / "unmounted")])


def test_an_imf_composition_is_judged_by_the_job(roots, tmp_path) -> None:
    """media 9: it fails with code 3, whereas other text is refused at submit."""
    cpl = b'<?xml version="1.0"?>\n<!-- made -->\n<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    (tmp_path / "one" / "cpl.xml").write_bytes(cpl)
    peek("cpl.xml", roots)
    with pytest.raises(Invalid, match="input refers to media outside the file") as caught:
        refuse_text(cpl)
    assert caught.value.code == "bad_media"


def test_a_link_that_is_swapped_after_the_look_is_found_out(roots, tmp_path, monkeypatch) -> None:
    """media U1: what was opened is judged, not what its name led to before."""
    link = tmp_path / "one" / "link.mp4"
    link.symlink_to(tmp_path / "two" / "a.mp4")
    real_open = os.open

    def swapping(path, flags, *more, **named):
        if str(path) == str(link):
            link.unlink()
            link.symlink_to(tmp_path / "secret.mp4")
        return real_open(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises(Invalid, match="outside the media roots"):
        open_input("link.mp4", roots)


def test_a_file_that_is_swapped_for_a_device_after_the_look_is_not_touched(roots, tmp_path, monkeypatch) -> None:
    """media U1: the very file that was judged is opened, not what bears its name by then."""
    path, real_fstat = tmp_path / "one" / "a.mp4", os.fstat

    def swapping(descriptor):
        found = real_fstat(descriptor)
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        return found

    monkeypatch.setattr(os, "fstat", swapping)
    descriptor = open_input("a.mp4", roots)
    monkeypatch.undo()
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == b"\0one"


@pytest.mark.parametrize("uri", ["null.mp4", "loop.mp4", "a.mp4/b.mp4", "x" * 300])
def test_a_device_a_link_to_itself_and_impossible_names_are_refused(roots, tmp_path, uri) -> None:
    """media 9: devices are never opened."""
    (tmp_path / "one" / "null.mp4").symlink_to("/dev/null")
    (tmp_path / "one" / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises((Invalid, NotFound)) as caught:
        open_input(uri, roots)
    assert str(tmp_path) not in caught.value.message


def test_a_peek_takes_less_than_50_ms(roots, tmp_path) -> None:
    """media U0."""
    (tmp_path / "one" / "large.mp4").touch()
    os.truncate(tmp_path / "one" / "large.mp4", 1 << 40)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        peek("large.mp4", roots)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05


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
