"""Find the shims that an earlier agent left on this machine, and what those that are gone wrote down (workers K9, K11, L5)."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import structlog

from triptych.agent.channel import HEADER, MAX_FRAME_BYTES, Begins, Enrol, Here, decode_up
from triptych.agent.spool import Position, door_of, identity_of, replay
from triptych.agent.tiers.cgroup import empty
from triptych.agent.tree import Member, kill_marked, stat
from triptych.agent.wire import peer_of
from triptych.messages import Ended, Key, Report

ANSWER_BOUND_S = 10.0
_EXIT_BOUND_S = 1.0
_SWEEP_BOUND_S = 5.0
_LOOK_PAUSE_S = 0.01

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a spool tells: the attempts that it says were begun, and those whose end it holds."""

    begun: frozenset[Key]
    ended: frozenset[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A living shim with a job: the line to it, and what it said of itself."""

    member: Member
    line: socket.socket
    here: Here

    @property
    def until(self) -> Position:
        """Return where in the spool the line goes on."""
        return self.here.page, self.here.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One spool; `met` is None where its shim is gone."""

    folder: str
    of_this_boot: bool
    told: Told
    met: Met | None


async def find(spools: str, boot_id: str, answer_bound_s: float = ANSWER_BOUND_S) -> list[Found]:
    """Return every spool below `spools`. A shim that lives and does not answer in time is killed first (workers K13).

    Nobody is signalled who is not surely of this boot and of a spool's identity.
    """
    with suppress(FileNotFoundError):
        looks = [_look(f"{spools}/{name}", boot_id, answer_bound_s) for name in os.listdir(spools)]
        return [found for found in await asyncio.gather(*looks) if found is not None]
    return []


def handle_of(member: Member) -> int | None:
    """Return a pidfd of exactly this process, None where it is gone (workers K9)."""
    try:
        handle = os.pidfd_open(member.pid)
    except ProcessLookupError:
        return None
    now = stat(member.pid)
    if now is not None and now.start_ticks == member.start_ticks and now.state not in "ZX":
        return handle
    os.close(handle)
    return None


def kill(member: Member) -> None:
    """Kill exactly this process, if it is there."""
    handle = handle_of(member)
    if handle is not None:
        with suppress(ProcessLookupError, PermissionError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)


async def until_swept(member: Member) -> None:
    """Wait until a process is gone, and after that for at most 5 s until its parent has swept what it left and collected it."""
    while (handle := handle_of(member)) is not None:
        await _until_readable(handle)
        os.close(handle)
    with suppress(TimeoutError):
        async with asyncio.timeout(_SWEEP_BOUND_S):
            while (now := stat(member.pid)) is not None and now.start_ticks == member.start_ticks:  # noqa: ASYNC110 - the kernel wakes nobody
                await asyncio.sleep(_LOOK_PAUSE_S)


async def end_left(job_ids: AbstractSet[str], data_dir: str) -> None:
    """Kill whatever runs for these jobs, however long it takes: by its cgroup, and by the job's id in its environment (workers K8, K12)."""
    while job_ids and (alive := await asyncio.to_thread(_end_left, job_ids, data_dir)):
        log.error("processes withstand SIGKILL", job_ids=sorted(job_ids), alive=alive)


def _end_left(job_ids: AbstractSet[str], data_dir: str) -> int:
    return empty(data_dir, job_ids, _SWEEP_BOUND_S) + kill_marked(job_ids, _SWEEP_BOUND_S)


def read(folder: str, until: Position | None = None) -> Told:
    """Return what a spool tells of its attempts."""
    begun, ended = set(), set()
    for message in replay(folder, until):
        if isinstance(message, Begins | Report):
            begun.add((message.job_id, message.attempt))
        if isinstance(message, Report) and isinstance(message.body, Ended):
            ended.add((message.job_id, message.attempt))
    return Told(begun=frozenset(begun), ended=frozenset(ended))


async def _look(folder: str, boot_id: str, answer_bound_s: float) -> Found | None:
    identity = identity_of(folder)
    if identity is None:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    of_this_boot = identity.boot_id == boot_id
    met = await _meet(folder, identity, answer_bound_s) if of_this_boot else None
    told = await asyncio.to_thread(read, folder, met.until if met else None)
    return Found(folder=folder, of_this_boot=of_this_boot, told=told, met=met)


async def _meet(folder: str, identity: Enrol, answer_bound_s: float) -> Met | None:
    member = Member(identity.pid, identity.start_ticks)
    if (handle := handle_of(member)) is None:
        return None
    os.close(handle)
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(answer_bound_s):
            return Met(member=member, line=line, here=await _knock(line, folder, identity))
    except TimeoutError:
        log.warning("shim does not answer and is killed", pid=member.pid)
    except (OSError, EOFError, msgspec.DecodeError) as fault:
        log.info("shim is going", pid=member.pid, reason=str(fault))
        with suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_BOUND_S):
                await until_swept(member)
    line.close()
    kill(member)
    await until_swept(member)
    return None


async def _knock(line: socket.socket, folder: str, identity: Enrol) -> Here:
    line.setblocking(False)
    handle, path = door_of(folder)
    try:
        line.connect(path)
    finally:
        os.close(handle)
    pid, uid, _ = peer_of(line)
    if pid != identity.pid or uid not in {os.getuid(), 0}:
        raise PermissionError(f"process {pid} of user {uid} is at this door")
    line.send(identity.token)
    (size,) = HEADER.unpack(await _exactly(line, HEADER.size))
    here = decode_up(await _exactly(line, min(size, MAX_FRAME_BYTES)))
    if not isinstance(here, Here) or not here.attempt:
        raise EOFError
    return here


async def _exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await asyncio.get_running_loop().sock_recv(line, size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


async def _until_readable(handle: int) -> None:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(handle, readable.cancel)
    try:
        await asyncio.wait({readable})
    finally:
        loop.remove_reader(handle)
