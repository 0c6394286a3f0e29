"""What a recording is, seen from outside."""

import av
import numpy as np

from triptych.cli.demo.probe import Movie, probe


def test_length_size_and_codecs_are_read(tmp_path):
    path = tmp_path / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "bgr24")))
        container.mux(stream.encode())
    assert probe(path) == Movie(2.0, (64, 48), ("h264",))
