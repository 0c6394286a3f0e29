"""What a job's response says about its input itself (media J2, 9)."""

from fractions import Fraction

from triptych.media.measured import Finished, Indexed
from triptych.media.spans import bounds, offset_text

ERROR_GAP = Fraction(1)


def describe(index: Indexed, finished: Finished) -> dict[str, object]:
    """Return the `media` object of a response (media J2)."""
    told: dict[str, object] = {"duration": offset_text(Fraction(*finished.duration)), "frames": index.video.frames if index.video else 0}
    if index.video is not None:
        video = index.video
        told["video"] = {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "frameRate": round(float(Fraction(*video.rate)), 3),
            "pixelFormat": video.pixel_format,
            "bitDepth": video.bits,
            "fullRange": video.full_range,
        }
    if index.audio:
        streams = [
            {"codec": stream.codec, "sampleRate": stream.rate_hz, "channels": stream.channels, "layout": stream.layout}
            for stream in index.audio
        ]
        told["audio"] = {"channels": sum(stream.channels for stream in index.audio), "streams": streams}
    if finished.errors:
        told["decodeErrors"] = _damage([Fraction(*at) for at in finished.errors])
    if index.truncated or finished.truncated:
        told["truncated"] = True
    if index.times_rebuilt:
        told["timestampsRebuilt"] = True
    return told


def _damage(times: list[Fraction]) -> dict[str, object]:
    """Return how many errors there were, and where: those within a second of each other as one span."""
    spans: list[tuple[Fraction, Fraction]] = []
    for at in sorted(times):
        if spans and at - spans[-1][1] <= ERROR_GAP:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return {"count": len(times), "spans": [bounds(start, end) for start, end in spans]}
