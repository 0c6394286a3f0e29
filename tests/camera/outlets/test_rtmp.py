"""camera 6: live streams to RTMP servers, our own of the tests and FFmpeg's."""

import socket
import ssl
import threading

import av
import pytest
import trustme

from camera.onair import OnAir
from camera.studio import Studio
from triptych.camera.outlet import Disk
from triptych.camera.outlets.rtmp import RtmpOutlet
from triptych.camera.sites import Target
from triptych.camera.tap import Tap

BOUND_S = 20


def outlet(server, key="key", tmp_path=None):
    return RtmpOutlet(Target(site_id="1", site="A", account="main", server=server, key=key), Disk(folder=tmp_path, check_room=lambda: None))


@pytest.fixture
def on_air():
    on_air = OnAir().run(2.5)
    on_air.caster.close()
    return on_air


def test_a_stream_arrives_as_h264_and_aac(on_air):
    with Studio() as studio:
        out = outlet(studio.server)
        out.open()
        out.carry(Tap(on_air.ring))
        studio.until(lambda: any(name == "deleteStream" for name, *_ in studio.commands))
        out.close()
        times = studio.frames()
    assert times == pytest.approx([number / 30 for number in range(15)], abs=0.002)
    first = {kind: body for kind, _, body in reversed(studio.tags)}
    assert first[18].startswith(b"\x02\x00\x0aonMetaData")
    assert first[9][:2] == b"\x17\x00", "AVC, the decoder's configuration first"
    assert first[8][:2] in {b"\xaf\x00", b"\xae\x00"}, "AAC, likewise"


def test_the_server_of_ffmpeg_takes_a_stream(on_air):
    """The far end is another implementation than ours."""
    port = Studio()
    port.close()
    found = {}

    def listen():
        with av.open(f"{port.server}/key", "r", options={"listen": "1"}, timeout=BOUND_S) as container:
            found["codecs"] = {stream.codec_context.name for stream in container.streams}
            try:
                found["frames"] = 0
                for _ in container.decode(video=0):
                    found["frames"] += 1
            except OSError:
                found["lost"] = True

    far_end = threading.Thread(target=listen)
    far_end.start()
    out = outlet(port.server)
    reached = threading.Event()
    for _ in range(200):
        try:
            out.open()
            break
        except ConnectionRefusedError:
            reached.wait(0.05)
    out.carry(Tap(on_air.ring))
    out.close()
    far_end.join(BOUND_S)
    assert found["codecs"] == {"h264", "aac"}
    assert found["frames"] >= 14


def test_who_is_not_connected_carries_nothing(on_air):
    with pytest.raises(ConnectionError, match="not connected"):
        outlet("rtmp://127.0.0.1:1/live").carry(Tap(on_air.ring))


def test_a_certificate_that_nobody_trusts_is_refused():
    """camera S6: a key is not sent to a stranger."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            line, _ = listener.accept()
            with pytest.raises(ssl.SSLError), context.wrap_socket(line, server_side=True) as secure:
                secure.recv(1)

        server = threading.Thread(target=answer)
        server.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            outlet(f"rtmps://localhost:{listener.getsockname()[1]}/live").open()
        server.join()
