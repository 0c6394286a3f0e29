"""Makes an ordinary file of a recording that was cut off by a kill."""

from pathlib import Path

import av
import structlog

log = structlog.get_logger()


def finish(path: Path) -> float | None:
    """Rewrite a recording that was cut off as an ordinary file and return its length in seconds; None when nothing in it plays."""
    aside = path.with_name(f".{path.name}.part")
    try:
        length_s = _copy(path, aside)
    except (av.FFmpegError, OSError, ValueError):
        log.warning("recording not recovered", path=str(path), exc_info=True)
        aside.unlink(missing_ok=True)
        return None
    aside.replace(path)
    return length_s


def _copy(path: Path, aside: Path) -> float:
    end_s = 0.0
    with av.open(str(path)) as source, av.open(str(aside), "w", format="mp4") as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.pts is None or packet.dts is None:
                continue
            if packet.stream.type == "video":
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    if not end_s:
        raise ValueError("no picture")
    return end_s
