"""A camera of this machine, by Video4Linux."""

import errno

import av
from av.container import InputContainer

from triptych.contracts import Clock
from triptych.errors import Unavailable
from triptych.media.live import LiveSource
from triptych.media.sources import V4l2Options


class V4l2Source(LiveSource):
    """The picture of a `/dev/videoN`. It is silent; its microphone is a sound device of its own."""

    def __init__(self, options: V4l2Options, clock: Clock) -> None:
        super().__init__(DeviceLine(options), clock)


class DeviceLine:
    """An open device. A driver that hangs cannot be interrupted: it keeps the device until it answers."""

    def __init__(self, options: V4l2Options) -> None:
        self._options = options

    def open(self) -> InputContainer:
        """Return the device, opened as it was asked for. Raises `Unavailable`."""
        try:
            return av.open(self._options.device, format="v4l2", container_options=asked_of(self._options))
        except (av.FFmpegError, OSError) as fault:
            raise Unavailable(_SENTENCES.get(fault.errno or 0, "The video device cannot be opened."), code="source_lost") from fault

    def hang_up(self) -> None:
        """Nothing can be done: the reader leaves after the frame that it waits for."""

    def close(self) -> None:
        """The container held all there was."""


def asked_of(options: V4l2Options) -> dict[str, str]:
    """Return what FFmpeg is told of the device's options."""
    asked = {
        "video_size": None if options.size is None else f"{options.size[0]}x{options.size[1]}",
        "framerate": None if options.fps is None else f"{options.fps:g}",
        "input_format": options.format,
    }
    return {name: value for name, value in asked.items() if value is not None}


_SENTENCES = {
    errno.ENOENT: "The video device is not there.",
    errno.ENODEV: "The video device is not there.",
    errno.ENXIO: "The video device is not there.",
    errno.EACCES: "The video device may not be opened by this user.",
    errno.EPERM: "The video device may not be opened by this user.",
    errno.EBUSY: "The video device is in use by another program.",
    errno.EINVAL: "The video device does not offer this size, fps or format.",
    errno.ENOTTY: "The device is no camera.",
}
