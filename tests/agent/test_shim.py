"""Workers K1 to K7, S8 and O1 to O7 on real processes."""

import asyncio
import hashlib
import os
import random
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from agent.line import Line
from agent.site import Site, gone, marked, refusal
from agent.tiers.grounds import DOUBLE_FORKS
from triptych.agent.attempt import boot_s
from triptych.agent.channel import Page, Ping
from triptych.agent.spool import replay
from triptych.agent.tree import stat
from triptych.messages import Answer, Ask, Ended, Output, Pause, Paused, Progress, Refused, Resume, Resumed, Running, Start, Stop
from triptych.model import EndReason

READY = "echo ready; "
STUBBORN = "mkfifo $TMPDIR/door; (trap '' TERM; echo > $TMPDIR/door; sleep 1000) & read line < $TMPDIR/door; "
REFUSE_SIGNALS = """
import ctypes, struct
libc = ctypes.CDLL(None)
rules = (0x20, 0, 0, 0), (0x15, 0, 1, 424), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code))) == 0
"""
"""A filter that answers EPERM to pidfd_send_signal (424) and lets all else pass."""


async def ready(site: Site, *argv: str, **spec: object) -> str:
    """Start a program that says `ready` once it is where the test wants it."""
    job_id, reply = await site.run(*argv, **spec)
    assert isinstance(reply, Answer)
    await site.written(job_id, len(b"ready\n"))
    return job_id


def python(code: str) -> tuple[str, str, str]:
    return sys.executable, "-c", textwrap.dedent(code)


async def test_a_program_ends_with_its_exit_code_and_its_output(site: Site) -> None:
    job_id, reply = await site.run("sh", "-c", "echo out; echo err >&2; exit 3")
    ended = await site.ended(job_id)
    running = await site.until(job_id, Running)
    assert reply == Answer(data={"pid": running.body.pid})
    assert (ended.end.reason, ended.end.exit_code, ended.end.signal) == (EndReason.EXITED, 3, None)
    assert (site.output(job_id), site.output(job_id, "stderr")) == (b"out\n", b"err\n")
    assert ended.facts["kill_tier"] == "subreaper"
    assert ended.facts["output"] == {"stdout": {"bytes": 4, "gaps": []}, "stderr": {"bytes": 4, "gaps": []}}
    assert [report.seq for report in site.of(job_id)] == list(range(1, len(site.of(job_id)) + 1))


async def test_a_program_killed_by_an_outsider_exited_by_that_signal(site: Site) -> None:
    job_id, _ = await site.run("sh", "-c", "kill -HUP $$")
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code, ended.end.signal) == (EndReason.EXITED, None, signal.SIGHUP)


async def test_a_stop_ends_a_program_that_obeys_at_once(site: Site) -> None:
    """Workers K1, K2."""
    job_id, _ = await site.run("sleep", "1000")
    begun = time.monotonic()
    assert await site.stop(job_id) == Answer()
    assert time.monotonic() - begun < 4
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.signal) == (EndReason.STOPPED, signal.SIGTERM)
    assert not marked(job_id)


async def test_a_program_that_ignores_term_is_killed_after_its_grace(site: Site) -> None:
    """Workers K1."""
    job_id = await ready(site, "sh", "-c", "trap '' TERM; " + READY + "while :; do sleep 1; done")
    begun = time.monotonic()
    assert await site.stop(job_id, grace_s=0.5) == Answer()
    assert time.monotonic() - begun >= 0.5
    assert (await site.ended(job_id)).end.signal == signal.SIGKILL
    assert not marked(job_id)


async def test_a_program_may_use_its_grace_to_clean_up(site: Site) -> None:
    job_id = await ready(site, "sh", "-c", "trap 'echo bye; exit 7' TERM; " + READY + "while :; do sleep 0.05; done")
    assert await site.stop(job_id) == Answer()
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code) == (EndReason.STOPPED, 7)
    assert site.output(job_id) == b"ready\nbye\n"


async def test_a_stopped_process_is_ended_too(site: Site) -> None:
    """Workers K1: SIGCONT follows SIGTERM."""
    job_id = await ready(site, "sh", "-c", READY + "kill -STOP $$")
    assert await site.stop(job_id) == Answer()
    assert (await site.ended(job_id)).end.signal == signal.SIGTERM


async def test_processes_in_sessions_of_their_own_are_ended_too(site: Site) -> None:
    """Workers K8: a process-group kill would miss them."""
    job_id = await ready(site, "sh", "-c", "setsid sleep 1000 & setsid sh -c 'setsid sleep 1000 & wait' & " + READY + "wait")
    assert await site.stop(job_id) == Answer()
    assert not marked(job_id)


@pytest.mark.parametrize("ignores_term", [False, True])
async def test_a_loop_of_double_forks_dies(site: Site, *, ignores_term: bool) -> None:
    """Workers K8: in 20 of 20 runs."""
    for _ in range(20):
        job_id = await ready(site, *python(DOUBLE_FORKS % ignores_term))
        assert await site.stop(job_id, grace_s=0.1) == Answer()
        assert (await site.ended(job_id)).end.reason is EndReason.STOPPED
        assert not marked(job_id)


async def test_parallel_stops_share_one_stop(site: Site) -> None:
    """Workers K3."""
    job_id = await ready(site, "sh", "-c", "trap 'echo term' TERM; " + READY + "while :; do sleep 0.05; done")
    replies = await asyncio.gather(*(site.stop(job_id, grace_s=0.5) for _ in range(5)))
    assert replies == [Answer()] * 5
    assert site.output(job_id) == b"ready\nterm\n"


async def test_a_stop_of_an_ended_job_changes_nothing(site: Site) -> None:
    """Workers K3."""
    job_id, _ = await site.run("true")
    await site.ended(job_id)
    before = list(site.of(job_id))
    assert await site.stop(job_id) == Answer()
    assert site.of(job_id) == before


async def test_a_stop_of_an_unknown_job_is_refused(site: Site) -> None:
    assert await site.stop("nobody") == Refused(code="job_not_found", message="job not found")


async def test_an_exit_before_the_first_signal_stays_an_exit(site: Site) -> None:
    """Workers K4: the main process is gone, what it left still withstands its end when the stop comes."""
    job_id, _ = await site.run("sh", "-c", STUBBORN + "exit 5")
    await gone((await site.until(job_id, Running)).body.pid)
    assert await site.stop(job_id) == Answer()
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code) == (EndReason.EXITED, 5)


async def test_what_the_main_process_leaves_is_ended_and_counted(site: Site) -> None:
    """Workers K6."""
    job_id, _ = await site.run("sh", "-c", "sleep 1000 & sleep 1000 & setsid sleep 1000 & exit 4")
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.exit_code, ended.facts["leftovers_killed"]) == (EndReason.EXITED, 4, 3)
    assert not marked(job_id)


async def test_leftovers_that_ignore_term_are_killed_after_a_second(site: Site) -> None:
    """Workers K6."""
    job_id, _ = await site.run("sh", "-c", STUBBORN + "exit 0")
    begun = time.monotonic()
    ended = await site.ended(job_id)
    assert time.monotonic() - begun < 10
    assert ended.end.exit_code == 0
    assert not marked(job_id)


async def test_a_stop_with_a_shorter_grace_is_not_held_up_by_an_end_under_way(site: Site) -> None:
    """Workers K1, K5: SIGKILL comes with the shortest grace that was promised, the reason stays that of the first."""
    job_id = await ready(site, "sh", "-c", f"trap '' TERM; {READY}while :; do sleep 1; done", timeout_s=0.1, grace_s=3600)
    async with site.patience():
        while site.agent is not None and await site.do(Pause(job_id=job_id)) == Answer():
            await site.do(Resume(job_id=job_id))
            await site.do_nothing()
    assert await site.stop(job_id, grace_s=0.1) == Answer()
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.signal) == (EndReason.TIMED_OUT, signal.SIGKILL)


async def test_a_timeout_ends_the_job_as_timed_out(site: Site) -> None:
    """Workers K7."""
    job_id, _ = await site.run("sleep", "1000", timeout_s=0.3)
    ended = await site.ended(job_id)
    assert (ended.end.reason, ended.end.signal) == (EndReason.TIMED_OUT, signal.SIGTERM)


async def test_a_pause_stops_the_tree_and_its_timeout_clock(site: Site) -> None:
    """Workers section 7, engine.md 2.5."""
    job_id = await ready(site, "sh", "-c", "(while :; do echo x; sleep 0.01; done) & " + READY + "wait", timeout_s=1.0)
    assert await site.do(Pause(job_id=job_id)) == Answer()
    await site.until(job_id, Paused)
    standing = {now.state for pid in marked(job_id) if (now := stat(pid))}
    assert {"T"} <= standing <= {"T", "D"}, "D: who waits in vfork for a child that is stopped"
    await asyncio.sleep(1.5)
    assert marked(job_id)
    assert await site.do(Resume(job_id=job_id)) == Answer()
    await site.until(job_id, Resumed)
    assert (await site.ended(job_id)).end.reason is EndReason.TIMED_OUT


async def test_a_paused_job_can_be_stopped(site: Site) -> None:
    job_id = await ready(site, "sh", "-c", READY + "sleep 1000")
    await site.do(Pause(job_id=job_id))
    assert await site.stop(job_id) == Answer()
    assert (await site.ended(job_id)).end.reason is EndReason.STOPPED


async def test_a_pause_of_an_ended_job_is_refused(site: Site) -> None:
    job_id, _ = await site.run("true")
    await site.ended(job_id)
    assert await site.do(Pause(job_id=job_id)) == Refused(code="job_ended", message="job is over")


async def test_a_command_answers_no_questions(site: Site) -> None:
    reply = await site.do(Ask(process="x", kind="command", spec={}, verb="look"))
    assert refusal(reply) == "a command answers no questions"


async def test_binary_output_is_kept_byte_exact(site: Site) -> None:
    """Workers O1, O3."""
    code = """
        import random, sys
        random.seed(7)
        sys.stdout.buffer.write(random.randbytes(3_000_000))
        sys.stderr.buffer.write(b"\\0\\xff")
    """
    job_id, _ = await site.run(*python(code))
    await site.ended(job_id)
    random.seed(7)
    assert hashlib.sha256(site.output(job_id)).digest() == hashlib.sha256(random.randbytes(3_000_000)).digest()
    assert site.output(job_id, "stderr") == b"\0\xff"


async def test_output_beyond_the_cap_is_a_gap_between_its_head_and_its_tail(site: Site) -> None:
    """Workers O4: the job is neither blocked nor killed."""
    lines = b"".join(b"%d\n" % n for n in range(1, 2_000_001))
    job_id, _ = await site.run("seq", "2000000", limits={"output_max_bytes": 800_000})
    ended = await site.ended(job_id)
    chunks = [report.body for report in site.of(job_id) if isinstance(report.body, Output)]
    assert all(chunk.data == lines[chunk.offset : chunk.offset + len(chunk.data)] for chunk in chunks)
    assert b"".join(chunk.data for chunk in chunks) == lines[:700_000] + lines[-100_000:]
    assert ended.end.exit_code == 0
    assert ended.facts["output"]["stdout"] == {"bytes": len(lines), "gaps": [[700_000, len(lines) - 100_000]]}


async def test_merged_output_is_one_stream_in_exact_order(site: Site) -> None:
    """Workers O2."""
    job_id, _ = await site.run("sh", "-c", "for i in 1 2 3; do echo out$i; echo err$i >&2; done", merge_output=True)
    await site.ended(job_id)
    assert site.output(job_id) == b"out1\nerr1\nout2\nerr2\nout3\nerr3\n"
    assert site.output(job_id, "stderr") == b""


async def test_a_closed_stdout_ends_nothing(site: Site) -> None:
    job_id, _ = await site.run("sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 6")
    assert (await site.ended(job_id)).end.exit_code == 6


async def test_a_grandchild_that_holds_the_pipe_delays_nothing(site: Site) -> None:
    """Workers O7."""
    job_id, _ = await site.run("sh", "-c", "echo said; setsid sleep 1000 & exit 0")
    begun = time.monotonic()
    assert (await site.ended(job_id)).end.exit_code == 0
    assert time.monotonic() - begun < 10
    assert site.output(job_id) == b"said\n"


async def test_a_shim_serves_the_next_job_when_its_tree_was_empty(site: Site) -> None:
    """Workers K10."""
    parents = []
    for _ in range(3):
        job_id, _ = await site.run("sh", "-c", "echo $PPID")
        await site.ended(job_id)
        parents.append(site.output(job_id))
    assert len(set(parents)) == 1


async def test_no_descriptor_leaks_from_job_to_job(site: Site, tmp_path: Path) -> None:
    """Workers S8: only 0, 1 and 2 are open, in the tenth job as in the first; counted when the shim has let go of its side."""
    listings = []
    spawned = tmp_path / "spawned"
    os.mkfifo(spawned)
    for _ in range(10):
        job_id, _ = await site.run("sh", "-c", f"read _ < {spawned}; ls /proc/self/fd; ls /proc/$PPID/fd | wc -l", stdin="text")
        await asyncio.to_thread(spawned.write_text, "\n")
        await site.ended(job_id)
        listings.append(site.output(job_id))
    assert set(listings) == {listings[0]}
    assert listings[0].split()[:4] == [b"0", b"1", b"2", b"3"]


async def test_a_stop_that_cannot_be_confirmed_says_how_many_live_and_goes_on(tmp_path: Path) -> None:
    """Workers K5, in a shim whose signals the kernel refuses (seccomp)."""
    with Line(tmp_path, before=REFUSE_SIGNALS) as line:
        line.ask(Start(job_id="k5", kind="command", attempt=1, process="k5", spec={"argv": ["sleep", "1000"]}))
        running = line.until(Running)
        line.ask(Stop(job_id="k5", by="test", grace_s=0.0))
        assert line.until(Progress).facts == {"survivors": [running.pid]}
        assert line.until(Refused) == Refused(code="stop_not_confirmed", message="stop not confirmed: 1 alive")
        os.kill(running.pid, signal.SIGKILL)
        ended = line.until(Ended)
    assert (ended.end.reason, ended.end.signal) == (EndReason.STOPPED, signal.SIGKILL)


async def test_a_job_whose_server_is_lost_ends_by_itself(tmp_path: Path) -> None:
    """workers L4: the lease ends, whether an agent is there or not; how the program ended is nobody's to tell."""
    with Line(tmp_path) as line:
        line.ask(Start(job_id="l4", kind="command", attempt=1, process="l4", spec={"argv": ["sleep", "1000"]}, lease_s=0.5))
        ended = line.until(Ended)
    assert (ended.end.reason, ended.end.exit_code, ended.end.signal) == (EndReason.WORKER_LOST, None, None)
    assert not marked("l4")


async def test_a_renewal_begins_the_lease_anew(tmp_path: Path) -> None:
    """workers L4."""
    with Line(tmp_path) as line:
        line.ask(Start(job_id="l4", kind="command", attempt=1, process="l4", spec={"argv": ["sleep", "1.5"]}, lease_s=0.5))
        line.until(Running)
        line.tell(Ping(renewed_s=boot_s() + 1000))
        ended = line.until(Ended)
    assert (ended.end.reason, ended.end.exit_code) == (EndReason.EXITED, 0)


def test_a_start_that_its_agent_did_not_live_to_see_is_not_begun(tmp_path: Path) -> None:
    """workers K11, I1: the next agent may have looked into this spool by then, and told that it never will be."""
    with Line(tmp_path) as line:
        line.ask(Start(job_id="j", kind="command", attempt=1, process="j", spec={"argv": ["touch", str(tmp_path / "begun")]}))
        line.close()
        assert line.shim.wait(60) == 0
    assert not (tmp_path / "begun").exists()
    assert list(replay(str(tmp_path / "spool" / "one"))) == [Page(number=1)]
