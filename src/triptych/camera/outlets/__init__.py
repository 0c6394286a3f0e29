"""The ways out of a live stream: what each is called, and what opens one."""

from types import MappingProxyType

OUTLETS = MappingProxyType(
    {
        "rtmp": "triptych.camera.outlets.rtmp:RtmpOutlet",
        "rtmps": "triptych.camera.outlets.rtmp:RtmpOutlet",
        "file": "triptych.camera.outlets.file:FileOutlet",
    }
)
"""By the kind of a target: `module:class`, taking (target, disk) and giving an `Outlet`; named as text, as it imports what muxes."""
