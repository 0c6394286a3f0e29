"""camera 6: kinds rtmp and rtmps, by a line of our own."""

import socket
import threading

import pytest

from camera.studio import Studio
from triptych.camera import rtmp
from triptych.camera.rtmp import AUDIO, DATA, VIDEO, RtmpLine
from triptych.camera.sites import address
from triptych.errors import Unavailable

KEY = "k-3f1c"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(rtmp, "ANSWER_S", 1.0)


@pytest.fixture
def studio():
    with Studio() as studio:
        yield studio


def publish(studio, key=KEY):
    line = RtmpLine(address(studio.server), secure=False)
    try:
        line.publish(key)
    except BaseException:
        line.close()
        raise
    return line


def test_a_publisher_tells_application_and_key(studio):
    line = publish(studio)
    line.finish()
    studio.until(lambda: len(studio.commands) == 7)
    line.close()
    asked = {name: values for name, _, *values in studio.commands}
    assert asked["connect"][0]["app"] == "live"
    assert asked["connect"][0]["tcUrl"] == studio.server
    assert asked["publish"] == [None, KEY, "live"]
    assert list(asked) == ["connect", "releaseStream", "FCPublish", "createStream", "publish", "FCUnpublish", "deleteStream"]


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
@pytest.mark.parametrize("at_ms", [0, 40, 0xFFFFFE, 0xFFFFFF, 0x1_2345_6789 & 0xFFFFFFFF])
def test_media_arrive_whole_whatever_their_size_and_time(studio, size, at_ms):
    line, body = publish(studio), bytes(range(256)) * (size // 256 + 1)
    for kind in (VIDEO, AUDIO, DATA):
        line.send(kind, at_ms, body[:size])
    studio.until(lambda: len(studio.tags) == 3)
    line.close()
    assert studio.tags == [(kind, at_ms, body[:size]) for kind in (VIDEO, AUDIO, DATA)]


def test_a_ping_is_answered_and_the_window_acknowledged():
    ping = bytes([2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0]) + b"\x00\x06\x00\x00\x12\x34"
    with Studio(chatty=ping) as studio:
        line = publish(studio)
        studio.until(lambda: len(studio.heard) >= 2)
        line.close()
    assert (4, b"\x00\x07\x00\x00\x12\x34") in studio.heard
    assert any(kind == 3 and int.from_bytes(body, "big") >= 500 for kind, body in studio.heard)


@pytest.mark.parametrize("refused", ["connect", "createStream", "publish", "publish status"])
def test_a_refusal_is_told_without_the_key(refused):
    """camera S6."""
    with Studio(refuses=(refused,)) as studio, pytest.raises(Unavailable, match="refused") as told:
        publish(studio)
    assert told.value.code == "live_refused"
    assert KEY not in str(told.value)


def test_a_server_that_does_not_answer_is_given_up():
    with Studio(deaf=True) as studio, pytest.raises(OSError, match=r"timed out|no answer"):
        publish(studio)


def send_for_long(line):
    for _ in range(1000):
        line.send(VIDEO, 0, bytes(1000))


def test_a_server_that_hangs_up_is_noticed(studio):
    line = publish(studio)
    studio.close()
    with pytest.raises(OSError):  # noqa: PT011 - a reset, a broken pipe or an end, as the kernel has it
        send_for_long(line)
    line.close()


def test_what_is_no_rtmp_server_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = address(f"rtmp://127.0.0.1:{listener.getsockname()[1]}/live")

        def answer():
            line, _ = listener.accept()
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            line.recv(1 << 16)
            line.close()

        server = threading.Thread(target=answer)
        server.start()
        line = RtmpLine(where, secure=False)
        with pytest.raises(ConnectionError, match="not an RTMP server"):
            line.publish(KEY)
        line.close()
        server.join()


def test_who_waits_for_a_slow_far_end_is_freed_by_another_thread():
    """camera 6: a far end that takes nothing holds up nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = RtmpLine.__new__(RtmpLine)
        line._bare = line._line = socket.create_connection(listener.getsockname())
        line._line.settimeout(20)
        line._stream = 1
        freed = []

        def wait():
            try:
                line.send(VIDEO, 0, bytes((1 << 24) - 1))
            except OSError:
                freed.append(True)

        waiting = threading.Thread(target=wait)
        waiting.start()
        line.close()
        waiting.join(5)
        assert freed
