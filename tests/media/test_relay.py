"""The relay passes answers and media on as they are, and keeps what leads elsewhere."""

import socket

import pytest

from triptych.media.relay import Relay


@pytest.fixture
def ends():
    """The client's end, the camera's end, and the relay between them."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        far = socket.create_connection(door.getsockname())
        camera, _ = door.accept()
    relay = Relay(far)
    client = socket.create_connection(("127.0.0.1", relay.port))
    client.settimeout(5)
    camera.settimeout(5)
    yield client, camera, relay
    relay.close()
    for one in (client, camera):
        one.close()
    assert not any(thread.is_alive() for thread in relay._threads)


def received(end, count):
    data = b""
    while len(data) < count and (piece := end.recv(count - len(data))):
        data += piece
    return data


@pytest.mark.parametrize(
    "answer",
    [
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nv=0\r\n\n",
        b"RTSP/1.0 401 Unauthorized\r\nLocation: rtsp://other/\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n",
        b"$\x00\x00\x05RTSP/$\x02\x00\x00",
    ],
)
def test_what_the_camera_says_arrives_as_it_is(ends, answer):
    client, camera, relay = ends
    client.sendall(b"DESCRIBE rtsp://x/ RTSP/1.0\r\n\r\n")
    assert received(camera, 31) == b"DESCRIBE rtsp://x/ RTSP/1.0\r\n\r\n"
    camera.sendall(answer + answer)
    assert received(client, 2 * len(answer)) == answer + answer
    assert relay.moved is None


def test_an_answer_that_leads_elsewhere_ends_the_connection_and_is_kept(ends):
    """camera S7: FFmpeg never learns of it, so it cannot follow."""
    client, camera, relay = ends
    camera.sendall(b"RTSP/1.0 200 OK\r\n\r\nRTSP/1.0 302 Moved\r\nCSeq: 2\r\nLocation: rtsp://169.254.169.254/x\r\n\r\n")
    assert received(client, 100) == b"RTSP/1.0 200 OK\r\n\r\n"
    assert relay.moved == "rtsp://169.254.169.254/x"


def test_each_end_that_leaves_ends_the_other(ends):
    client, camera, _ = ends
    client.close()
    assert received(camera, 1) == b""


def test_a_camera_that_leaves_ends_the_client(ends):
    client, camera, _ = ends
    camera.close()
    assert received(client, 1) == b""
