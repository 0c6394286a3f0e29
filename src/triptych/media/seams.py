"""Where decoding may begin as if nothing came before: which coded pictures are seams (media P2)."""

from collections.abc import Callable, Iterator

IsSeam = Callable[[bytes], bool]
"""Says of a packet that is marked as a key frame whether it is a seam."""

INTRA = frozenset(
    {"prores", "dnxhd", "mjpeg", "ffvhuff", "huffyuv", "utvideo", "v210", "rawvideo", "jpeg2000", "cfhd", "magicyuv", "png", "r210", "ffv1"}
)
"""Codecs whose key frames stand alone; all but ffv1 have no others."""

KEYED = frozenset({"vp8", "vp9", "av1", "libdav1d", "libaom-av1"})
H264_IDR = frozenset({5})
H264_PICTURES = frozenset(range(1, 6))
HEVC_SEAMS = frozenset(range(16, 22))
"""BLA, IDR and CRA."""
HEVC_PICTURES = frozenset(range(32))
START_CODE = b"\x00\x00\x01"
MPEG2_SEAMS = (b"\x00\x00\x01\xb3", b"\x00\x00\x01\xb8")
"""A sequence or a group of pictures begins."""
MPEG2_PICTURE = b"\x00\x00\x01\x00"


def seam_test(codec: str, extradata: bytes) -> IsSeam | None:
    """Return the test for a codec as FFmpeg calls it, None where no picture of it is known to be a seam."""
    if codec in INTRA or codec in KEYED:
        return lambda _packet: True
    if codec == "mpeg2video":
        return _begins_mpeg2
    if codec == "h264":
        size = extradata[4] % 4 + 1 if len(extradata) > 6 and extradata[0] == 1 else 0  # noqa: PLR2004 - the size of an avcC's head
        return lambda packet: _first_picture(packet, size, lambda byte: byte & 31, H264_PICTURES) in H264_IDR
    if codec == "hevc":
        size = extradata[21] % 4 + 1 if len(extradata) > 22 and extradata[:3] not in {b"\x00\x00\x00", START_CODE} else 0  # noqa: PLR2004
        return lambda packet: _first_picture(packet, size, lambda byte: byte >> 1 & 63, HEVC_PICTURES) in HEVC_SEAMS
    return None


def _begins_mpeg2(packet: bytes) -> bool:
    head = packet.partition(MPEG2_PICTURE)[0]
    return any(code in head for code in MPEG2_SEAMS)


def _first_picture(packet: bytes, length_size: int, kind: Callable[[int], int], pictures: frozenset[int]) -> int | None:
    """Return the kind of the first unit that holds a part of a picture."""
    heads = _lengths(packet, length_size) if length_size else _start_codes(packet)
    return next((found for byte in heads if (found := kind(byte)) in pictures), None)


def _lengths(packet: bytes, size: int) -> Iterator[int]:
    """Yield the first byte of each unit that its length precedes."""
    at = 0
    while at + size < len(packet):
        yield packet[at + size]
        at += size + int.from_bytes(packet[at : at + size])


def _start_codes(packet: bytes) -> Iterator[int]:
    """Yield the first byte of each unit that a start code precedes."""
    at = packet.find(START_CODE)
    while 0 <= at < len(packet) - len(START_CODE):
        yield packet[at + len(START_CODE)]
        at = packet.find(START_CODE, at + len(START_CODE))
