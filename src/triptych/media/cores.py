"""What a core is: a numbered place for one media job or one live input, and what its operator set of it. Pure."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from triptych.model import Berths

LIVE_ABSENT = "live analysis is not available in this version"
CAPTURED = frozenset({"sdi", "asi", "10g"})
LIVE_SCHEMES = ("rtsp", "rtsps", "udp", "rtp", "srt", "rtmp")

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern="^[^/]*$", description="1 to 128 printable characters without /")]
WorkflowName = Annotated[str, Meta(min_length=1, max_length=128, description="the name of a workflow")]


class FileOnce(msgspec.Struct, frozen=True, kw_only=True):
    """A core that takes any job."""


class DirPoll(msgspec.Struct, frozen=True, kw_only=True):
    """A core that makes a job of each file in a directory; without a workflow it idles."""

    directory: Annotated[str, Meta(min_length=1, max_length=4096, description="a path of a directory in a media root")]
    workflow: Annotated[str, Meta(max_length=128, description="the name of a workflow, or empty")] = ""
    pattern: Annotated[str, Meta(min_length=1, max_length=255, pattern="^[^/]*$", description="a file name pattern without /")] = "*"
    recursive: Annotated[bool, Meta(description="true or false")] = False
    pollSeconds: Annotated[  # noqa: N815 - as documented
        int, Meta(ge=1, le=86400, description="a whole number of seconds between 1 and 86400")
    ] = 5


class Live(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A core that analyses one live input for ever; `sessionLength` bounds a recording, in seconds."""

    inputType: Annotated[Literal["ip", "sdi", "asi", "10g"], Meta(description="ip, sdi, asi or 10g")]  # noqa: N815 - as documented
    device: Annotated[int, Meta(ge=0, le=65535, description="a device number, 0 or more")]
    channel: Annotated[int, Meta(ge=1, le=65535, description="a channel number, 1 or more")]
    workflow: WorkflowName
    sessionLength: Annotated[  # noqa: N815 - as documented
        float, Meta(gt=0, le=1e9, description="a number of seconds above 0")
    ]
    url: Annotated[str, Meta(max_length=4096, description=f"an address that begins with {', '.join(LIVE_SCHEMES)}")] = ""


Settings = FileOnce | DirPoll | Live
TYPES: dict[str, type[Settings]] = {"file_once": FileOnce, "dir_poll": DirPoll, "live": Live}
"""What is set of each type of core."""


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """What every core is called by."""

    index: Annotated[int, Meta(ge=0, le=2**31, description="a whole number, 0 or more")]
    name: Name
    slug: Name
    type: Annotated[Literal["file_once", "dir_poll", "live"], Meta(description="file_once, dir_poll or live")]


class Core(msgspec.Struct, frozen=True, kw_only=True):
    """One core. `number` is from 1, for ever the same; `version` counts its edits."""

    id: str
    number: int
    front: Front
    settings: Settings = FileOnce()
    version: int = 0

    @property
    def name(self) -> str:
        """What it is called."""
        return self.front.name

    @property
    def source(self) -> str:
        """Where its pictures come from, in the words of the contract."""
        match self.settings:
            case FileOnce():
                return f"clipPlayer-{self.number}"
            case DirPoll(directory=directory):
                return directory
            case Live(inputType=input_type, device=device, channel=channel):
                return f"{input_type}-{device}:{channel}"

    @property
    def workflow(self) -> str:
        """The workflow that it runs by itself, or nothing."""
        return "" if isinstance(self.settings, FileOnce) else self.settings.workflow


def to_document(core: Core) -> dict[str, Any]:
    """Return a core as it is stored and told (media 3.2)."""
    front, settings = core.front, msgspec.to_builtins(core.settings)
    return {
        "index": front.index,
        "_id": core.id,
        "name": front.name,
        "slug": front.slug,
        "coreNumber": core.number,
        "type": front.type,
        "source": core.source,
        "__v": core.version,
        **settings,
    }


def from_document(document: Any) -> Core:
    """Return the core that was stored."""
    front = msgspec.convert(document, Front)
    return Core(
        id=document["_id"],
        number=document["coreNumber"],
        front=front,
        settings=msgspec.convert(document, TYPES[front.type]),
        version=document["__v"],
    )


def target_wish(number: int) -> str:
    """Return the wish of a job that waits for this core."""
    return str(number)


def poll_wish(number: int) -> str:
    """Return the wish of a job that this core made of a file in its directory."""
    return f"dir_poll {number}"


def berths(cores: Iterable[Core]) -> Berths:
    """Return which cores each wish leads to (media J7); what a core made of files before it was given another type runs in any."""
    cores = tuple(cores)
    free = tuple(core.number for core in cores if isinstance(core.settings, FileOnce))
    own = {poll_wish(core.number): (core.number,) if isinstance(core.settings, DirPoll) else free for core in cores}
    return {"": free, **{target_wish(number): (number,) for number in free}, **own}
