"""A reader's end of a ring: the file that a demuxer reads, and the packets that another container takes."""

import threading
from datetime import timedelta
from typing import Any, Protocol

import av
from av.container import OutputContainer

from triptych.camera.fragments import Ring

LOOK = timedelta(milliseconds=500)


class Tap:
    """The fragments of a ring from the newest key fragment on, as one file."""

    name = "live.mp4"

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._cursor = 0
        self._pending = b""
        self._closed = threading.Event()

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, waiting for some; none at the end."""
        while not self._pending and not self._closed.is_set():
            reading = self._ring.read(self._cursor, LOOK)
            if reading.ended:
                break
            self._pending, self._cursor = reading.data, reading.cursor
        data, self._pending = self._pending[:size], self._pending[size:]
        return data

    def close(self) -> None:
        """End the file where it is, from any thread."""
        self._closed.set()
        self._ring.wake()


class Readable(Protocol):
    """What a demuxer reads."""

    @property
    def name(self) -> str:
        """What it is called in faults."""
        ...

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, none at the end."""
        ...


def remux(tap: Readable, target: OutputContainer) -> None:
    """Write all that `tap` gives into `target`, which is not begun yet; its time begins at zero with a key frame."""
    with av.open(tap, "r", format="mp4", options={"fpsprobesize": "0", "probesize": "65536"}) as source:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        start: float | None = None
        for packet in source.demux():
            if start is None and packet.stream.type == "video" and packet.pts is not None:
                start = float(packet.pts * packet.time_base)
            if start is not None and _moved(packet, start):
                packet.stream = streams[packet.stream.index]
                target.mux(packet)


def _moved(packet: "av.Packet[Any]", start_s: float) -> bool:
    """Let the time of a packet begin at `start_s`; False where it lies before that."""
    shift = round(start_s / packet.time_base)
    if packet.pts is None or packet.dts is None or packet.dts < shift:
        return False
    packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
    return True
