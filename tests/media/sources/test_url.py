"""Far cameras over loopback, by servers that speak the real protocols."""

import socket
import ssl
import time
from collections import Counter

import numpy as np
import pytest
import trustme

from media.farcamera import PASSWORD, TONE_HZ, FarCamera, RtspCamera
from media.films import write_film
from media.webserver import WebServer, moved, page
from triptych.clock import SystemClock
from triptych.errors import Invalid, Unavailable
from triptych.media.hosts import check_not_metadata
from triptych.media.sources import UrlOptions
from triptych.media.sources.url import UrlSource
from triptych.model import Inputs, Place

KINDS = pytest.mark.parametrize("kind", [FarCamera, RtspCamera])


@pytest.fixture
def opened(tmp_path):
    sources = []

    def open_url(url, *, resolve=None, private_hosts=(), **options):
        place = Place(worker_id="", data_dir=str(tmp_path), inputs=Inputs(private_hosts=private_hosts))
        resolved = {} if resolve is None else {"resolve": resolve}
        sources.append(UrlSource(UrlOptions(url=url, **options), SystemClock(), place, **resolved))
        return sources[-1]

    yield open_url
    for source in sources:
        source.close()


def read(source):
    return next(frame for _ in range(40) if (frame := source.read()) is not None)


@KINDS
def test_the_picture_is_that_of_the_camera(opened, kind):
    with kind() as camera:
        source = opened(camera.url)
        blue, _, red = (read(source).image[:, :, channel].astype(int) for channel in range(3))
        bar = np.flatnonzero((red - blue).mean(axis=0) > 100)
        assert 15 <= len(bar) <= 25, "the red bar is 20 px wide"
        assert source.fps == pytest.approx(25, rel=0.3)


@KINDS
def test_a_right_password_opens_and_a_wrong_one_says_so(opened, kind):
    """camera S6: by digest, and never in what is said."""
    with kind(locked=True) as camera:
        assert read(opened(camera.url_with_password))
        for url in (camera.url, camera.url_with_password.replace(PASSWORD, "wr0ng")):
            with pytest.raises(Unavailable) as refused:
                opened(url)
            assert refused.value.message == "The camera refused the user name or password."
        assert not any(PASSWORD in head for head in camera.asked)


def test_rtsp_brings_its_sound(opened):
    with RtspCamera() as camera:
        source = opened(camera.url)
        assert source.has_sound
        heard = []
        while sum(len(sound.samples) for sound in heard) < 24000:
            read(source)
            heard += source.listen()
        samples = np.concatenate([sound.samples for sound in heard])[:24000]
        assert np.argmax(np.abs(np.fft.rfft(samples))) / 0.5 == pytest.approx(TONE_HZ, abs=4)
        assert abs((SystemClock().monotonic() - heard[-1].captured).total_seconds()) < 1


def test_a_mute_camera_has_no_sound(opened):
    with RtspCamera(mute=True) as camera:
        source = opened(camera.url)
        assert read(source)
        assert (source.has_sound, source.listen()) == (False, ())


def test_a_film_over_http_plays(opened, tmp_path):
    write_film(tmp_path / "film.ts", frames=50)
    with WebServer({"/film.ts": page((tmp_path / "film.ts").read_bytes())}) as server:
        source = opened(f"http://127.0.0.1:{server.port}/film.ts")
        assert (source.size, source.has_sound) == ((320, 240), True)


def test_a_playlist_is_not_followed(opened):
    """camera S7: what a body names is never opened."""
    with WebServer({"/other.ts": page(b""), "/list.m3u8": page(b"#EXTM3U\n#EXTINF:1,\nother.ts\n")}) as server:
        with pytest.raises(Unavailable, match="nothing that can be decoded"):
            opened(f"http://127.0.0.1:{server.port}/list.m3u8")
        assert [path for _, path, _ in server.asked] == ["/list.m3u8"]


@KINDS
def test_a_silent_camera_makes_no_read_wait(opened, kind):
    """camera 11: the loop hears of it within 300 ms, and closing takes at most 1 s."""
    with kind() as camera:
        source = opened(camera.url)
        read(source)
        camera.stalled.set()
        while source.read() is not None:
            pass
        begun = time.monotonic()
        assert source.read() is None
        assert time.monotonic() - begun < 0.6
        begun = time.monotonic()
        source.close()
        assert time.monotonic() - begun < 1
        assert not source._thread.is_alive()


@KINDS
def test_an_unplugged_camera_is_gone(opened, kind):
    with kind() as camera:
        source = opened(camera.url)
        read(source)
        camera.unplug()
        with pytest.raises(Unavailable):
            list(iter(source.read, "never"))
        with pytest.raises(Unavailable, match="takes no connection"):
            opened(camera.url)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_host_that_never_answers_is_given_up_within_5_s(opened, scheme):
    """camera W9"""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            opened(f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/")
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200", "x"],
)
def test_link_local_and_metadata_addresses_are_refused_unless_configured(opened, address):
    """camera S7"""
    with pytest.raises(Invalid):
        check_not_metadata(address)
    for scheme in ("http", "rtsp"):
        with pytest.raises(Unavailable, match="The camera's host is not allowed"):
            opened(f"{scheme}://camera.test/", resolve=lambda *_: ["192.168.1.4", address])


@pytest.mark.parametrize("address", ["192.168.1.4", "10.0.0.9", "127.0.0.1", "8.8.8.8", "fd12::1"])
def test_other_addresses_are_not(address):
    check_not_metadata(address)


def test_a_configured_host_may_have_any_address(opened):
    """camera S7: refused unless configured. Nobody is there, but it is asked."""
    with pytest.raises(Unavailable, match="not allowed"):
        opened("http://camera.test:9/", resolve=lambda *_: ["::ffff:169.254.0.1"])
    with FarCamera() as camera:
        source = opened(f"http://camera.test:{camera.port}/", resolve=lambda *_: ["127.0.0.1"], private_hosts=("camera.test",))
        assert read(source)


@KINDS
def test_a_redirect_is_followed_after_its_address_was_judged(opened, kind):
    """camera S7: redirects checked again; the password goes along to the same host alone."""
    asked = Counter()

    def resolve(host, _port):
        asked[host] += 1
        return ["169.254.169.254"] if host == "metadata.test" else ["127.0.0.1"]

    with kind(locked=True) as camera, kind(leads_to=camera.url.replace("127.0.0.1", "here.test")) as first:
        url = first.url_with_password.replace("127.0.0.1", "here.test")
        assert read(opened(url, resolve=resolve))
        first.leads_to = camera.url.replace("127.0.0.1", "there.test")
        with pytest.raises(Unavailable, match="user name or password"):
            opened(url, resolve=resolve)
        first.leads_to = f"{first.scheme}://metadata.test/"
        with pytest.raises(Unavailable, match="not allowed"):
            opened(url, resolve=resolve)
        first.leads_to = "file:///etc/passwd"
        with pytest.raises(Unavailable, match="not allowed"):
            opened(url, resolve=resolve)
    assert asked["metadata.test"] == 1


@KINDS
def test_redirects_end(opened, kind):
    with kind() as camera:
        camera.leads_to = camera.url
        with pytest.raises(Unavailable, match="from one address to the next"):
            opened(camera.url)
        assert len([head for head in camera.asked if head.startswith(("GET", "DESCRIBE"))]) == 4


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_that_is_allowed(opened):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with WebServer({"/": moved("/")}, context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            opened(url)
        with pytest.raises(Unavailable, match="from one address to the next"):
            opened(url, verify_tls=False)


@pytest.mark.parametrize(("status", "said"), [(404, "no such stream"), (403, "user name or password"), (500, "answered with an error")])
def test_what_a_camera_answers_is_said(opened, status, said):
    with WebServer({"/": page(b"", status)}) as server, pytest.raises(Unavailable, match=said):
        opened(f"http://127.0.0.1:{server.port}/")
