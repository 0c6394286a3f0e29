"""Compressed sound as it lies in PCM: AC-3 in the bursts of IEC 61937 and SMPTE ST 337, as samples with full scale 1."""

import av
import numpy as np

from triptych.media.sample import RATE_HZ

PERIOD = 1536
SYNC = {16: (0xF872, 0x4E1F), 20: (0x6F872, 0x54E1F), 24: (0x96F872, 0xA54E1F)}


def ac3(bursts: int) -> list[bytes]:
    """Return so many AC-3 frames of noise at 192 kbit/s."""
    codec = av.CodecContext.create("ac3", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = RATE_HZ, "stereo", "fltp", 192_000
    dice = np.random.default_rng(5)
    packets = []
    for number in range(bursts):
        noise = (dice.standard_normal((2, PERIOD)) * 0.1).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE_HZ, number * PERIOD
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [bytes(packet) for packet in packets[:bursts]]


def words(data: bytes, bits: int) -> list[int]:
    """Return one burst's words: Pa, Pb, Pc (AC-3), Pd (its length in bits), then the data, 16 bits a word, left-aligned."""
    data += bytes(len(data) % 2)
    payload = np.frombuffer(data, ">u2").astype(np.int64) << (bits - 16)
    return [*SYNC[bits], 1 << (bits - 16), len(data) * 8, *payload.tolist()]


def carried(bursts: int, *, bits: int = 16, channels: int = 2) -> np.ndarray:
    """Return (channels, bursts x 1536) samples: words alternate between two channels, or follow each other in one."""
    whole = np.zeros((bursts, PERIOD * channels), np.int64)
    for row, data in zip(whole, ac3(bursts), strict=True):
        burst = words(data, bits)
        row[: len(burst)] = burst
    signed = np.where(whole >> (bits - 1), whole - (1 << bits), whole)
    return (signed.reshape(-1, channels).T / (1 << (bits - 1))).astype(np.float32)
