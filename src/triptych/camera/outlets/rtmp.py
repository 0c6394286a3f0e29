"""Sends a live stream to an RTMP server, in the clear or over TLS."""

import struct
import threading

import av

from triptych.camera.outlet import Disk
from triptych.camera.rtmp import DATA, RtmpLine
from triptych.camera.sites import Target, address
from triptych.camera.tap import Tap, remux
from triptych.errors import Unavailable

_FILE_HEADER_BYTES = 13
_TAG = struct.Struct(">BHBHBBHB")
_TAG_BYTES = _TAG.size
_TRAILER_BYTES = 4


class RtmpOutlet:
    """A publisher's connection."""

    def __init__(self, target: Target, _disk: Disk) -> None:
        self._target = target
        self._line: RtmpLine | None = None
        self._door = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """Connect and become the publisher."""
        line = RtmpLine(address(self._target.server), secure=self._target.kind == "rtmps")
        with self._door:
            self._line = line
            if self._closed:
                line.close()
        line.publish(self._target.key)

    def carry(self, tap: Tap) -> None:
        """Send all that comes, as tags of FLV."""
        if self._line is None:
            raise ConnectionError("not connected")
        tags = _Tags(self._line, tap)
        with av.open(tags, "w", format="flv", options={"flvflags": "no_duration_filesize"}) as container:
            remux(tap, container)
        if tags.fault is not None:
            raise tags.fault
        self._line.finish()

    def close(self) -> None:
        """Hang up."""
        with self._door:
            self._closed = True
            if self._line is not None:
                self._line.close()


class _Tags:
    """The file that the muxer believes to write: each whole tag of it goes over the line. At a fault it closes the tap."""

    name = "live.flv"

    def __init__(self, line: RtmpLine, tap: Tap) -> None:
        self._line, self._tap = line, tap
        self.fault: OSError | Unavailable | None = None
        self._pending = bytearray()
        self._begun = False

    def write(self, data: bytes) -> int:
        try:
            if self.fault is None:
                self._send(data)
        except (OSError, Unavailable) as fault:
            self.fault = fault
            self._tap.close()
        return len(data)

    def _send(self, data: bytes) -> None:
        self._pending += data
        if not self._begun and len(self._pending) >= _FILE_HEADER_BYTES:
            del self._pending[:_FILE_HEADER_BYTES]
            self._begun = True
        while self._begun and self._send_first():
            pass

    def _send_first(self) -> bool:
        """Send the first tag if it is whole."""
        if len(self._pending) < _TAG_BYTES:
            return False
        kind, high, low, time_high, time_low, time_top, *_ = _TAG.unpack_from(self._pending)
        end = _TAG_BYTES + (high << 8 | low)
        if len(self._pending) < end + _TRAILER_BYTES:
            return False
        body = bytes(self._pending[_TAG_BYTES:end])
        del self._pending[: end + _TRAILER_BYTES]
        self._line.send(kind, time_top << 24 | time_high << 8 | time_low, _for_servers(kind, body))
        return True


def _for_servers(kind: int, body: bytes) -> bytes:
    """Return the tag's body; what describes the stream is marked to be kept for those who join later."""
    return b"\x02\x00\x0d@setDataFrame" + body if kind == DATA else body
