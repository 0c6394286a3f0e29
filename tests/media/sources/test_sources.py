"""What may be set of a source, and what of it is shown."""

import msgspec
import pytest

from triptych.media.sources import FileOptions, UrlOptions, V4l2Options, masked


@pytest.mark.parametrize("url", ["rtsp://a/b", "rtsps://u:p@a:322/b?c=d", "http://10.0.0.2:81/video", "https://[fd00::1]/x"])
def test_far_cameras_are_named_by_four_schemes(url):
    """camera S7"""
    assert msgspec.convert({"url": url}, UrlOptions).url == url


@pytest.mark.parametrize(
    "url", ["", "a/b", "file:///etc/passwd", "ftp://a/b", "rtsp://", "http://:80/", "http://a:x/", "http://a b/", "http://a/\r\nX: y"]
)
def test_nothing_else_is_an_address_and_none_is_repeated(url):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"url": url}, UrlOptions)
    assert "passwd" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (FileOptions, {}),
        (FileOptions, {"path": ""}),
        (FileOptions, {"path": "a\0b"}),
        (V4l2Options, {"device": "/etc/passwd"}),
        (V4l2Options, {"device": "video0"}),
        (V4l2Options, {"size": [1280]}),
        (V4l2Options, {"fps": 0}),
        (V4l2Options, {"format": "mjpeg;x"}),
        (V4l2Options, {"microphone": "a b"}),
    ],
)
def test_a_wrong_option_is_refused(kind, wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, kind)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("rtsp://anna:s3cret@cam/live", "rtsp://anna:****@cam/live"),
        ("rtsp://anna:s3c:r@et@cam/live", "rtsp://anna:****@cam/live"),
        ("http://cam/v?user=anna&password=s3cret&size=1", "http://cam/v?user=anna&password=****&size=1"),
        ("http://cam/v?Token=s3cret", "http://cam/v?Token=****"),
        ("rtsp://cam:554/a@b:c", "rtsp://cam:554/a@b:c"),
        ("rtsp://anna@cam/live", "rtsp://anna@cam/live"),
    ],
)
def test_a_password_in_an_address_is_masked(url, seen):
    """camera S6"""
    assert masked(url) == seen
