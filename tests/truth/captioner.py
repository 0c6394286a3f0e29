"""Encoders for CEA-608 and CEA-708 captions, and the A/53 user data that carries them in H.264, written from the standards."""

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av

from triptych.media.sample import _frame, flat

ROW_CODES = {11: (0x10, 0), 1: (0x11, 0), 2: (0x11, 1), 3: (0x12, 0), 4: (0x12, 1), 12: (0x13, 0), 13: (0x13, 1)} | {
    14: (0x14, 0),
    15: (0x14, 1),
    5: (0x15, 0),
    6: (0x15, 1),
    7: (0x16, 0),
    8: (0x16, 1),
    9: (0x17, 0),
    10: (0x17, 1),
}
PLAIN = {"'": 0x27, "á": 0x2A, "é": 0x5C, "í": 0x5E, "ó": 0x5F, "ú": 0x60, "ç": 0x7B, "÷": 0x7C, "Ñ": 0x7D, "ñ": 0x7E}
SPECIAL = {"®": 0x30, "°": 0x31, "½": 0x32, "¿": 0x33, "™": 0x34, "¢": 0x35, "£": 0x36, "♪": 0x37, "à": 0x38, "è": 0x3A} | {
    "â": 0x3B,
    "ê": 0x3C,
    "î": 0x3D,
    "ô": 0x3E,
    "û": 0x3F,
}
SPANISH = {"Á": 0x20, "É": 0x21, "Ó": 0x22, "Ú": 0x23, "Ü": 0x24, "ü": 0x25, "¡": 0x27, "—": 0x2A, "“": 0x2E, "”": 0x2F}
FRENCH = {"À": 0x30, "Â": 0x31, "Ç": 0x32, "È": 0x33, "Ê": 0x34, "Ë": 0x35, "ë": 0x36, "Î": 0x37, "Ï": 0x38, "ï": 0x39} | {
    "Ô": 0x3A,
    "Ù": 0x3B,
    "ù": 0x3C,
    "Û": 0x3D,
    "«": 0x3E,
    "»": 0x3F,
}
PORTUGUESE = {"Ã": 0x20, "ã": 0x21, "Í": 0x22, "Õ": 0x27, "õ": 0x28, "Ä": 0x30, "ä": 0x31, "Ö": 0x32, "ö": 0x33, "ß": 0x34}
EXTENDED = {letter: (0x12, code) for letter, code in (SPANISH | FRENCH).items()} | {
    letter: (0x13, code) for letter, code in PORTUGUESE.items()
}
RCL, BS, RU2, RDC, EDM, CR, ENM, EOC = 0x20, 0x21, 0x25, 0x29, 0x2C, 0x2D, 0x2E, 0x2F
TRIPLETS_A_SECOND = 600
Pair = tuple[int, int]


def parity(byte: int) -> int:
    """Return 7 bits with odd parity in the eighth."""
    return byte | (0x80 if byte.bit_count() % 2 == 0 else 0)


class Line21:
    """Writes the byte pairs of one channel: 1 or 2 of its field, which is 1 or 2."""

    def __init__(self, channel: int = 1, field: int = 1) -> None:
        self._bit = 0x08 if channel == 2 else 0
        self._misc = 0x14 if field == 1 else 0x15

    def pop_on(self, rows: Sequence[str], first_row: int = 13) -> list[Pair]:
        pairs = [*self._do(RCL), *self._do(ENM)]
        for number, row in enumerate(rows):
            pairs += [*self._at(first_row + number, 4), *self._text(row)]
        return [*pairs, *self._do(EOC)]

    def roll_up(self, row: str, depth: int = 3) -> list[Pair]:
        return [*self._do(RU2 + depth - 2), *self._do(CR), *self._at(15, 0), *self._text(row)]

    def paint_on(self, rows: Sequence[str], first_row: int = 3) -> list[Pair]:
        pairs = self._do(RDC)
        for number, row in enumerate(rows):
            pairs += [*self._at(first_row + number, 8), *self._text(row)]
        return pairs

    def erase(self) -> list[Pair]:
        return self._do(EDM)

    def _do(self, code: int) -> list[Pair]:
        return self._twice(self._misc, code)

    def _at(self, row: int, indent: int) -> list[Pair]:
        first, low = ROW_CODES[row]
        return self._twice(first, 0x50 | (0x20 if low else 0) | (indent // 4) << 1)

    def _twice(self, first: int, second: int) -> list[Pair]:
        return [(parity(first | self._bit), parity(second))] * 2

    def _text(self, text: str) -> list[Pair]:
        pairs: list[Pair] = []
        waiting = b""
        for letter in text:
            if letter in SPECIAL:
                pairs += [*_filled(waiting), *self._twice(0x11, SPECIAL[letter])]
                waiting = b""
            elif letter in EXTENDED:
                pairs += [*_filled(waiting + b"?"), *self._twice(*EXTENDED[letter])]
                waiting = b""
            else:
                waiting += bytes([PLAIN.get(letter, ord(letter))])
        return [*pairs, *_filled(waiting)]


def _filled(codes: bytes) -> list[Pair]:
    codes += b"\0" * (len(codes) % 2)
    return [(parity(first), parity(second)) for first, second in zip(codes[::2], codes[1::2], strict=True)]


class Dtvcc:
    """Writes the codes of one CEA-708 service into packets of triplets."""

    sequence = 0

    def caption(self, rows: Sequence[str]) -> bytes:
        """Return codes that hide and fill a window, then show it."""
        define = bytes([0x98, 0x00, 0x4A, 0x00, 0x60 | (len(rows) - 1), 31, 0x0A])
        text = b"".join(bytes([0x92, number, 0]) + codes_708(row) for number, row in enumerate(rows))
        return bytes([0x8C, 0xFF]) + define + text + b"\x03" + bytes([0x89, 0x01])

    def open_roll_up(self, rows: int) -> bytes:
        """Return codes that show an empty window of so many rows."""
        return bytes([0x99, 0x38, 0x4A, 0x00, 0x60 | (rows - 1), 41, 0x0A, 0x92, rows - 1, 0])

    def roll_up(self, row: str) -> bytes:
        return bytes([0x81, 0x0D]) + codes_708(row) + b"\x03"

    def hide(self) -> bytes:
        return bytes([0x8A, 0xFF])

    def packets(self, service: int, codes: bytes) -> list[Pair]:
        """Return the triplets, as (first byte, data) with the type in the first."""
        triplets = []
        for at in range(0, len(codes), 29):
            block = codes[at : at + 29]
            data = bytes([service << 5 | len(block)]) + block
            triplets += self._packet(data)
        return triplets

    def _packet(self, data: bytes) -> list[bytes]:
        data += b"\0" * ((len(data) + 1) % 2)
        header = Dtvcc.sequence << 6 | (len(data) + 1) // 2
        Dtvcc.sequence = (Dtvcc.sequence + 1) % 4
        packet = bytes([header]) + data
        pairs = [packet[at : at + 2] for at in range(0, len(packet), 2)]
        return [bytes([0xFC | (2 if number else 3)]) + pair for number, pair in enumerate(pairs)]


def codes_708(text: str) -> bytes:
    """Return G0, G1, G2 or 16-bit codes for a text."""
    g2 = {"…": 0x25, "\u2019": 0x32, "“": 0x33, "”": 0x34, "™": 0x39}
    codes = b""
    for letter in text:
        if letter == "♪":
            codes += b"\x7f"
        elif letter in g2:
            codes += bytes([0x10, g2[letter]])
        elif ord(letter) < 0x100:
            codes += bytes([ord(letter)])
        else:
            codes += b"\x18" + ord(letter).to_bytes(2, "big")
    return codes


class Track:
    """The captions of a film: what is put in at a time goes out as soon as there is room, a pair per field and picture."""

    def __init__(self, rate: int = 30) -> None:
        self.rate = rate
        self._line21: tuple[deque, deque] = (deque(), deque())
        self._dtvcc: deque = deque()

    def field(self, at_s: float, pairs: Sequence[Pair], field: int = 1) -> "Track":
        self._line21[field - 1].append((at_s, deque(pairs)))
        return self

    def service(self, at_s: float, triplets: Sequence[bytes]) -> "Track":
        self._dtvcc.append((at_s, deque(triplets)))
        return self

    def triplets(self, seconds: float) -> Iterator[bytes]:
        """Yield the user data of each picture."""
        for number in range(round(seconds * self.rate)):
            at = number / self.rate
            data = b""
            for place, queue in enumerate(self._line21):
                first, second = self._next(queue, at) or (0x80, 0x80)
                data += bytes([0xFC | place, first, second])
            room = TRIPLETS_A_SECOND // self.rate - 2
            packets = [triplet for _ in range(room) if (triplet := self._next(self._dtvcc, at)) is not None]
            yield data + b"".join(packets) + b"\xf8\0\0" * (room - len(packets))

    def _next(self, queue: deque, at: float):
        while queue and not queue[0][1]:
            queue.popleft()
        return queue[0][1].popleft() if queue and queue[0][0] <= at else None


def sei(triplets: bytes) -> bytes:
    """Return the NAL unit of an SEI message that carries cc_data (ATSC A/53 part 4, ANSI/SCTE 128)."""
    body = b"\xb5\x00\x31GA94\x03" + bytes([0x40 | len(triplets) // 3, 0xFF]) + triplets + b"\xff"
    raw = b"\x04" + bytes([len(body)]) + body + b"\x80"
    escaped, zeros = bytearray(), 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1\x06" + bytes(escaped)


def user_data(triplets: bytes) -> bytes:
    """Return the user data of an MPEG-2 picture that carries cc_data (ATSC A/53 part 4)."""
    return b"\0\0\1\xb2GA94\x03" + bytes([0x40 | len(triplets) // 3, 0xFF]) + triplets + b"\xff"


OPTIONS = {"libx264": {"preset": "ultrafast", "bf": "2"}, "mpeg2video": {"bf": "2"}}


def write_captioned(path: Path, track: Track, seconds: float, codec: str = "libx264") -> None:
    """Write a small film with these captions, its pictures reordered by B-frames."""
    data = list(track.triplets(seconds))
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=track.rate, options=OPTIONS[codec])
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, track.rate)
        stream.codec_context.gop_size = 5 * track.rate
        for number in range(len(data) + 1):
            for packet in stream.encode(_picture(number, track.rate) if number < len(data) else None):
                out.mux(_with(packet, data[round(packet.pts * packet.time_base * track.rate)], codec))


def _picture(number: int, rate: int) -> av.VideoFrame:
    frame = _frame(flat((64, 48), 100 + number % 50))
    frame.pts, frame.time_base = number, Fraction(1, rate)
    return frame


def _with(packet: av.Packet, triplets: bytes, codec: str) -> av.Packet:
    """Return a packet with captions before its first slice."""
    data = bytes(packet)
    at = next(place for place in range(len(data)) if data[place : place + 3] == b"\0\0\1" and _is_slice(data[place + 3], codec))
    at -= codec == "libx264" and at > 0 and data[at - 1] == 0
    copy = av.Packet(data[:at] + (sei(triplets) if codec == "libx264" else user_data(triplets)) + data[at:])
    copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, packet.stream
    copy.duration, copy.is_keyframe = packet.duration, packet.is_keyframe
    return copy


def _is_slice(code: int, codec: str) -> bool:
    return code & 0x1F in {1, 5} if codec == "libx264" else 1 <= code <= 0xAF
