"""The process that describes faces: dlib holds the interpreter for some 80 ms a face, which a frame loop beside it would feel.

Reads pictures from its standard input and writes descriptors to its standard output until the input ends; see `describer.py`.
"""

import signal
import struct
import sys
from typing import Any, BinaryIO

import numpy as np

ASK = struct.Struct("<2I4i")
"""Height and width in pixels, then left, top, right, bottom of the face in pixels; (H, W, 3) bytes RGB follow."""
READY = b"r"
NUMBERS = 128
ANSWER_BYTES = NUMBERS * 4
"""The descriptor as little-endian float32."""


def serve(network: Any, landmarks: Any, rectangle: Any, asks: BinaryIO, answers: BinaryIO) -> None:
    """Describe face after face until `asks` ends."""
    answers.write(READY)
    answers.flush()
    while len(head := asks.read(ASK.size)) == ASK.size:
        high, wide, *box = ASK.unpack(head)
        picture = np.frombuffer(asks.read(high * wide * 3), np.uint8).reshape(high, wide, 3)
        descriptor = network.compute_face_descriptor(picture, landmarks(picture, rectangle(*box)))
        answers.write(np.asarray(descriptor, "<f4").tobytes())
        answers.flush()


def main(network: str, landmarks: str) -> None:
    """Load the two models, by their paths, and serve."""
    import dlib  # noqa: PLC0415 - the extra is needed in this process alone

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    made = dlib.face_recognition_model_v1(network), dlib.shape_predictor(landmarks), dlib.rectangle
    serve(*made, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(*sys.argv[1:])
