"""One job process as its agent holds it: requests down, answers, reports and pictures up."""

import asyncio
from collections.abc import Callable

import msgspec

from triptych.agent.channel import READ_BYTES, Begins, Enrol, FrameReader, Here, Page, Ping, Pong, decode_up, pack
from triptych.agent.forks import Born
from triptych.agent.tree import Member
from triptych.errors import ChannelClosed
from triptych.messages import Answered, Asked, Order, Reply, Report, Shown

Said = Report | Shown | Page
Heard = Callable[["Process", Said], None]
Lost = Callable[["Process"], None]

_PING_EVERY = 2


class Process:
    """The agent's end of a job process's line.

    `name` is what several jobs may ask for it by, empty for a shim; `heard` takes what it reports and shows; `lost` is called once
    when the line is closed, by either end; `left` is as in `Born`. A shim has a `spool`, `member` is who it is, and `tier` how it was
    born. Nothing is heard before `listen`.
    """

    def __init__(self, name: str, born: Born, heard: Heard, lost: Lost, tier: str = "") -> None:
        self.name = name
        self.tier = tier
        self.pid = born.pid
        self.left = born.left
        self.spool = ""
        self.member: Member | None = None
        self.adopted = False
        self._loop = asyncio.get_running_loop()
        self._line = born.line
        self._line.setblocking(False)
        self._heard = heard
        self._lost = lost
        self._reader = FrameReader()
        self._asked: dict[int, tuple[Order, asyncio.Future[Reply]]] = {}
        self._number = 0
        self._unsent = b""
        self._listening = False
        self._beats = 0
        self._pinged_at: int | None = None

    @property
    def closed(self) -> bool:
        """Whether the line is closed."""
        return self._line.fileno() < 0

    def ask(self, request: Order) -> "asyncio.Future[Reply]":
        """Send a request and return the future of its reply; of a process that dies, what `settle` is told then."""
        self._number += 1
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self._asked[self._number] = request, reply
        self._send(pack(Asked(number=self._number, request=request)))
        return reply

    def enrol(self, identity: Enrol) -> None:
        """Tell a new shim where its spool is to lie and who it is."""
        self.spool, self.member = identity.folder, Member(identity.pid, identity.start_ticks)
        self._send(pack(identity))

    def ping(self, renewed_s: float) -> int:
        """Ask a shim at every second call whether it is there; return how many calls ago it was asked, if it has said nothing since."""
        if not self._listening or self.closed:
            return 0
        self._beats += 1
        if self._pinged_at is None and self._beats % _PING_EVERY == 0:
            self._send(pack(Ping(renewed_s=renewed_s)))
            self._pinged_at = self._beats
        return 0 if self._pinged_at is None else self._beats - self._pinged_at

    def settle(self, judge: Callable[[Order], Reply]) -> None:
        """Reply to whatever is unanswered in the place of a process that is gone."""
        for request, reply in self._asked.values():
            if not reply.done():
                reply.set_result(judge(request))
        self._asked.clear()

    def listen(self) -> None:
        """Hear what the process says."""
        if not self._listening and not self.closed:
            self._loop.add_reader(self._line.fileno(), self._read)
            self._listening = True

    def hush(self) -> None:
        """Leave what the process says in the line until `listen`."""
        if self._listening:
            self._loop.remove_reader(self._line.fileno())
            self._listening = False

    def close(self) -> None:
        """Close the line, which the process takes as the order to end."""
        if not self.closed:
            self.hush()
            self._loop.remove_writer(self._line.fileno())
            self._line.close()
            self._lost(self)

    def _read(self) -> None:
        try:
            data = self._line.recv(READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except (ChannelClosed, msgspec.DecodeError):
            data = b""
        if not data:
            self.close()

    def _take(self, frame: bytes) -> None:
        message = decode_up(frame)
        self._pinged_at = None
        match message:
            case Answered():
                self._answered(message)
            case Report() | Shown() | Page():
                self._heard(self, message)
            case Pong() | Begins() | Here():
                pass

    def _answered(self, message: Answered) -> None:
        if message.number in self._asked:
            _, reply = self._asked.pop(message.number)
            if not reply.done():
                reply.set_result(message.reply)

    def _send(self, frame: bytes) -> None:
        waiting = bool(self._unsent)
        self._unsent += frame
        if not waiting and not self.closed:
            self._push()
            if self._unsent:
                self._loop.add_writer(self._line.fileno(), self._push)

    def _push(self) -> None:
        try:
            self._unsent = self._unsent[self._line.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            # Whoever reads the line learns of its end, after what the process still said.
            self._unsent = b""
        if not self._unsent:
            self._loop.remove_writer(self._line.fileno())
