"""A network camera that turns by ONVIF, with whichever of continuous, absolute and relative moves it offers."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from triptych.camera.heads import OnvifOptions
from triptych.camera.heads.remote import Pair, RemoteHead, Step
from triptych.camera.motion import within
from triptych.camera.soap import Soap
from triptych.contracts import Clock
from triptych.errors import Unavailable

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
TT = "{http://www.onvif.org/ver10/schema}"
MOVES = MappingProxyType(
    {
        "continuous": "ContinuousPanTiltVelocitySpace",
        "absolute": "AbsolutePanTiltPositionSpace",
        "relative": "RelativePanTiltTranslationSpace",
    }
)
"""In the order of preference: a device that takes speeds follows most smoothly."""
LEASE = "PT0.5S"
"""A continuous move ends by itself so soon (camera L9)."""


class OnvifHead(RemoteHead):
    """Raises `Unavailable` when the password cannot be read."""

    def __init__(self, options: OnvifOptions, clock: Clock) -> None:
        super().__init__(options.limits, OnvifDevice(options), clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A coordinate space of a device: its name, what one degree is in it, and what it spans; pan, tilt."""

    uri: str
    per_deg: Pair
    spans: tuple[Pair, Pair]

    @classmethod
    def read(cls, node: ET.Element, generic_deg: Pair) -> Self:
        """Return the space that a node describes; of one without a unit, `generic_deg` is what the whole span means."""
        uri = node.findtext(f"{TT}URI") or ""
        spans = _span(node, "XRange"), _span(node, "YRange")
        if in_degrees(uri):
            return cls(uri=uri, per_deg=(1.0, 1.0), spans=spans)
        pan, tilt = ((high - low) / whole for (low, high), whole in zip(spans, generic_deg, strict=True))
        return cls(uri=uri, per_deg=(pan, tilt), spans=spans)

    def vector(self, degrees: Pair) -> str:
        """Return the attributes of a vector of this space."""
        x, y = (within(deg * per, span) for deg, per, span in zip(degrees, self.per_deg, self.spans, strict=True))
        return f'x="{x:.5f}" y="{y:.5f}" space={quoteattr(self.uri)}'


class OnvifDevice:
    """The camera at the other end. Its flag that tells whether it moves is never asked: few devices keep it."""

    def __init__(self, options: OnvifOptions) -> None:
        self.by_speed, self.pace = True, timedelta(milliseconds=100)
        self._options = options
        self._soap = Soap(options.user, _password(options))
        self._ptz = self._profile = self._kind = ""
        self._space = Space(uri="", per_deg=(1.0, 1.0), spans=((-1.0, 1.0), (-1.0, 1.0)))
        self._scale = self._space
        self._tells = True

    def connect(self) -> None:
        """Learn the device's time, its services, the profile to turn and what that one offers."""
        self._synchronise()
        device = self._soap.call(self._options.url, f'<GetCapabilities xmlns="{DEVICE}"><Category>All</Category></GetCapabilities>')
        self._tells = True
        media, ptz = (self._address(device, name) for name in ("Media", "PTZ"))
        node_token = self._choose_profile(media)
        answer = self._soap.call(ptz, f'<GetNode xmlns="{PTZ}"><NodeToken>{escape(node_token)}</NodeToken></GetNode>')
        self._ptz = ptz
        self._choose_moves(answer)

    def send(self, step: Step) -> Pair:
        """Do a step; return the speeds that were asked for."""
        if self._kind == "continuous":
            return self._turn(step.rate_deg_s)
        speeds = [min(step.speed_deg_s, full) for full in self._options.speed_deg_s]
        if self._kind == "absolute":
            goal = _sum(step.goal_deg, self._options.home_deg)
            self._move("Absolute", f"<Position><PanTilt xmlns={quoteattr(TT[1:-1])} {self._space.vector(goal)}/></Position>", speeds)
        else:
            way = step.goal_deg[0] - step.at_deg[0], step.goal_deg[1] - step.at_deg[1]
            self._move("Relative", f"<Translation><PanTilt xmlns={quoteattr(TT[1:-1])} {self._space.vector(way)}/></Translation>", speeds)
        pan, tilt = (speed if goal >= at else -speed for speed, goal, at in zip(speeds, step.goal_deg, step.at_deg, strict=True))
        return pan, tilt

    def halt(self) -> None:
        """Stand still."""
        self._tell("Stop", "<PanTilt>true</PanTilt><Zoom>false</Zoom>")

    def where(self) -> Pair | None:
        """Return where the camera looks; None when it does not tell, and it is not asked again then."""
        if not self._tells:
            return None
        try:
            place = self._tell("GetStatus", "").find(f".//{TT}Position/{TT}PanTilt")
            self._tells = place is not None
            return None if place is None else self._degrees(place)
        except Unavailable as fault:
            if fault.code != "head_refused":
                raise
            self._tells = False
            return None

    def close(self) -> None:
        """Hang up."""
        self._soap.close()

    def _synchronise(self) -> None:
        """Take the device's time, by which it judges signatures; one that does not tell is taken to be right."""
        try:
            answer = self._soap.call(self._options.url, f'<GetSystemDateAndTime xmlns="{DEVICE}"/>', signed=False)
            told = answer.find(f".//{TT}UTCDateTime")
            if told is not None:
                self._soap.skew = _moment(told) - datetime.now(UTC)
        except Unavailable as fault:
            if fault.code != "head_refused":
                raise

    def _address(self, capabilities: ET.Element, name: str) -> str:
        """Return the address of a service: as the device tells its path, at the host that we reach it by."""
        told = capabilities.findtext(f".//{TT}{name}/{TT}XAddr")
        if told is None:
            raise Unavailable(f"The ONVIF device offers no {name} service.", code="head_refused")
        path, query = urlsplit(told.strip())[2:4]
        return urlsplit(self._options.url)._replace(path=path, query=query).geturl()

    def _choose_profile(self, media: str) -> str:
        """Take the profile that is asked for, or the first that can turn; return the token of its node."""
        answer = self._soap.call(media, f'<GetProfiles xmlns="{MEDIA}"/>')
        for profile in answer:
            node_token = profile.findtext(f"{TT}PTZConfiguration/{TT}NodeToken")
            token = profile.get("token", "")
            if node_token is not None and self._options.profile in {None, token}:
                self._profile = token
                return node_token
        raise Unavailable("The ONVIF device has no such profile that can turn.", code="head_refused")

    def _choose_moves(self, node: ET.Element) -> None:
        """Take the kind of moves that is asked for, or the first that the device offers."""
        found = {kind: node.find(f".//{TT}{name}") for kind, name in MOVES.items() if self._options.moves in {None, kind}}
        kind, space = next(((kind, space) for kind, space in found.items() if space is not None), ("", None))
        if space is None:
            raise Unavailable(f"The ONVIF device offers no {self._options.moves or 'pan and tilt'} moves.", code="head_refused")
        speed = self._options.speed_deg_s
        spans = self._options.span_deg
        self._kind, self.by_speed = kind, kind == "continuous"
        self.pace = _STEP if kind == "relative" else _PACE
        self._space = Space.read(space, (2 * speed[0], 2 * speed[1]) if self.by_speed else spans)
        position = node.find(f".//{TT}{MOVES['absolute']}")
        self._scale = Space.read(position if position is not None else _GENERIC, spans)

    def _turn(self, rates: Pair) -> Pair:
        vector = f"<PanTilt xmlns={quoteattr(TT[1:-1])} {self._space.vector(rates)}/>"
        self._tell("ContinuousMove", f"<Velocity>{vector}</Velocity><Timeout>{LEASE}</Timeout>")
        pan, tilt = (within(rate, (-full, full)) for rate, full in zip(rates, self._options.speed_deg_s, strict=True))
        return pan, tilt

    def _move(self, kind: str, way: str, speeds: list[float]) -> None:
        x, y = (speed / full for speed, full in zip(speeds, self._options.speed_deg_s, strict=True))
        speed = f'<Speed><PanTilt xmlns={quoteattr(TT[1:-1])} x="{x:.5f}" y="{y:.5f}" space="{_SPEEDS}"/></Speed>'
        self._tell(f"{kind}Move", way + speed)

    def _tell(self, verb: str, rest: str) -> ET.Element:
        token = f"<ProfileToken>{escape(self._profile)}</ProfileToken>"
        return self._soap.call(self._ptz, f'<{verb} xmlns="{PTZ}">{token}{rest}</{verb}>')

    def _degrees(self, place: ET.Element) -> Pair:
        per_deg = (1.0, 1.0) if in_degrees(place.get("space", self._scale.uri)) else self._scale.per_deg
        pan, tilt = (_number(place.get(axis)) / per - home for axis, per, home in zip("xy", per_deg, self._options.home_deg, strict=True))
        return pan, tilt


def in_degrees(uri: str) -> bool:
    """Return whether a space is in degrees, by its name."""
    return uri.endswith("Degrees")


def _span(space: ET.Element, name: str) -> Pair:
    low, high = (_number(space.findtext(f"{TT}{name}/{TT}{end}"), default) for end, default in (("Min", -1.0), ("Max", 1.0)))
    return (low, high) if low < high else (-1.0, 1.0)


def _number(text: str | None, default: float = 0.0) -> float:
    try:
        number = default if text is None else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Unavailable("The ONVIF device tells no number where one is due.", code="head_refused")
    return number


def _moment(told: ET.Element) -> datetime:
    parts = [told.findtext(f"{TT}{part}") for part in (*(f"Date/{TT}{one}" for one in _DATE), *(f"Time/{TT}{one}" for one in _TIME))]
    year, month, day, hour, minute, second = (int(_number(part)) for part in parts)
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError) as fault:
        raise Unavailable("The ONVIF device tells no time.", code="head_refused") from fault


def _sum(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]


def _password(options: OnvifOptions) -> str:
    if options.password_file is None:
        return ""
    try:
        path = Path(options.password_file)
        if path.stat().st_mode & 0o077:
            raise Unavailable("password_file must be readable by its owner alone (chmod 600).", code="password_unreadable")
        return (path.read_text(encoding="utf-8").splitlines() or [""])[0]
    except (OSError, UnicodeDecodeError) as fault:
        raise Unavailable("password_file cannot be read on this worker.", code="password_unreadable") from fault


_DATE, _TIME = ("Year", "Month", "Day"), ("Hour", "Minute", "Second")
_PACE, _STEP = timedelta(milliseconds=100), timedelta(milliseconds=450)
"""A relative move is done before the next is sent: devices differ in what one means while another runs."""
_SPEEDS = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/GenericSpeedSpace"
_GENERIC = ET.Element("AbsolutePanTiltPositionSpace")
"""The space of positions of a device that names none: from -1 to 1."""
