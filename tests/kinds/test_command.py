"""Workers section 2 (spawn texts), S7 to S9: what of the ask becomes a process."""

import os
import shutil
import stat
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.site import WORKER, Site, refusal
from triptych.agent.tree import stat as stat_of
from triptych.errors import StartFailed
from triptych.kinds.command import WorkFolder, find_program, quoted
from triptych.messages import Answer, Ended
from triptych.model import EndReason

LIBC_INTERNAL = 0b11 << 31
"""Signals 32 and 33, which glibc keeps for itself and leaves ignored in whatever it spawns."""
BLOCKED_OR_IGNORED = "grep -E 'SigBlk|SigIgn' /proc/self/status"


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setenv("PLANTED", "by the worker")
    monkeypatch.setenv("TZ", "Europe/Vienna")
    monkeypatch.setenv("PATH", f".::relative:{tmp_path}:{os.environ['PATH']}")
    async with Site(tmp_path, env={"OWN": "worker", "BOTH": "worker"}) as running:
        yield running


async def output(site: Site, *argv: str, **spec: object) -> bytes:
    job_id, reply = await site.run(*argv, **spec)
    assert isinstance(reply, Answer), reply
    await site.ended(job_id)
    return site.output(job_id)


def _oom_score(pid: int | str) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def script(file: Path, text: str, mode: int = 0o755) -> str:
    file.write_text(text)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "exec: no command"),
        ([""], "exec: no command"),
        (["nosuch"], 'exec: "nosuch": executable file not found in $PATH'),
        (["bash -x"], 'exec: "bash -x": executable file not found in $PATH'),
        (['a"b\n'], 'exec: "a\\"b\\n": executable file not found in $PATH'),
        (["/no/such"], "fork/exec /no/such: no such file or directory"),
        (["/etc"], "fork/exec /etc: permission denied"),
        (["/etc/passwd"], "fork/exec /etc/passwd: permission denied"),
        (["true\0x"], 'exec: "true\\x00x": executable file not found in $PATH'),
        (["/no\0such"], "fork/exec /no\0such: invalid argument"),
        (["true", "a\0b"], "fork/exec true: invalid argument"),
        (["true", "x" * 200_000], "fork/exec true: argument list too long"),
    ],
)
async def test_a_spawn_failure_says_why_in_the_contracts_words(site: Site, argv: list[str], text: str) -> None:
    job_id, reply = await site.run(*argv)
    assert refusal(reply) == text
    ended = (await site.until(job_id, Ended)).body
    assert isinstance(ended, Ended)
    assert (ended.end.reason, ended.end.fault and ended.end.fault.message) == (EndReason.NEVER_STARTED, text)


async def test_a_file_that_is_no_program_is_an_exec_format_error(site: Site, tmp_path: Path) -> None:
    file = script(tmp_path / "plain", "no magic number\n")
    _, reply = await site.run(file)
    assert refusal(reply) == f"fork/exec {file}: exec format error"


async def test_a_script_without_its_interpreter_is_not_found(site: Site, tmp_path: Path) -> None:
    file = script(tmp_path / "lost", "#!/no/interpreter\n")
    _, reply = await site.run(file)
    assert refusal(reply) == f"fork/exec {file}: no such file or directory"


async def test_a_program_that_is_being_written_is_busy(site: Site, tmp_path: Path) -> None:
    program = shutil.copy("/bin/true", tmp_path)
    writer = os.open(program, os.O_WRONLY)
    _, reply = await site.run(program)
    os.close(writer)
    assert refusal(reply) == f"fork/exec {program}: text file busy"


async def test_a_failed_start_leaves_the_worker_as_it_was(site: Site) -> None:
    await site.run("nosuch")
    assert await output(site, "echo", "fine") == b"fine\n"


def test_relative_and_empty_parts_of_the_path_are_never_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    script(tmp_path / "here", "#!/bin/sh\n")
    with pytest.raises(StartFailed, match=r'exec: "here": executable file not found in \$PATH'):
        find_program("here", ":.:")
    assert find_program("here", f":.:{tmp_path}") == f"{tmp_path}/here"


def test_a_folder_and_a_plain_file_are_no_programs(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "b").mkdir()
    script(tmp_path / "b" / "thing", "", mode=0o644)
    with pytest.raises(StartFailed):
        find_program("thing", f"{tmp_path}:{tmp_path}/b")


def test_a_name_is_quoted_as_go_does() -> None:
    assert quoted('ä"\\\t\x01\u200b\U000e0001') == '"ä\\"\\\\\\t\\x01\\u200b\\U000e0001"'


async def test_the_environment_is_exactly_what_the_rule_names(site: Site) -> None:
    """Workers S7."""
    job_id, _ = await site.run("env", "-0", env={"BOTH": "job", "MINE": "a=b"})
    await site.ended(job_id)
    pairs = dict(entry.split("=", 1) for entry in site.output(job_id).decode().split("\0") if entry)
    work = pairs["TRIPTYCH_WORKDIR"]
    assert set(pairs) == {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "OWN", "BOTH", "MINE"),
        *("TRIPTYCH_JOB_ID", "TRIPTYCH_WORKER_ID", "TRIPTYCH_ATTEMPT", "TRIPTYCH_WORKDIR"),
    }
    assert (pairs["TRIPTYCH_JOB_ID"], pairs["TRIPTYCH_WORKER_ID"], pairs["TRIPTYCH_ATTEMPT"]) == (job_id, WORKER, "1")
    assert (pairs["TMPDIR"], pairs["OWN"], pairs["BOTH"], pairs["MINE"], pairs["TZ"]) == (work, "worker", "job", "a=b", "Europe/Vienna")


async def test_a_job_starts_in_the_root_with_its_own_private_folder(site: Site) -> None:
    """Workers S9."""
    text = (await output(site, "sh", "-c", "pwd; echo $TMPDIR; stat -c %a $TMPDIR; ls -A $TMPDIR; umask")).decode().splitlines()
    root, work, *rest = text
    assert root == str(site.folder / "data" / "root")
    assert Path(work).parent == site.folder / "data" / "work"
    assert rest == ["700", "0077"]


async def test_a_job_may_start_in_its_work_folder_or_beneath_the_root(site: Site) -> None:
    assert await output(site, "sh", "-c", '[ "$PWD" = "$TMPDIR" ] && echo yes', cwd="work") == b"yes\n"
    assert (await output(site, "pwd", cwd="worker/scripts")).endswith(b"/root/worker/scripts\n")


@pytest.mark.parametrize("cwd", ["..", "/", "worker/../../work", "door"])
async def test_a_job_never_starts_outside_the_root(site: Site, cwd: str) -> None:
    (site.folder / "data" / "root" / "door").symlink_to("/")
    _, reply = await site.run("pwd", cwd=cwd)
    assert refusal(reply) == "path outside the worker root"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("../work", "path outside the worker root"),
        ("/etc/passwd", "path outside the worker root"),
        ("door/passwd", "path outside the worker root"),
        ("-c", "path starts with a dash"),
        ("a\0b", "fork/exec sh: invalid argument"),
    ],
)
async def test_a_script_that_the_worker_refuses_never_starts(site: Site, script: str, text: str) -> None:
    """Workers S2, S3."""
    (site.folder / "data" / "root" / "door").symlink_to("/etc")
    _, reply = await site.run("sh", script, script=script)
    assert refusal(reply) == text


@pytest.mark.parametrize("script", ["30", "worker/../here", "here"])
async def test_a_script_in_the_root_or_nowhere_reaches_the_program_as_it_was_given(site: Site, script: str) -> None:
    """Workers S2, S4."""
    (site.folder / "data" / "root" / "here").symlink_to("worker/scripts/count.sh")
    assert await output(site, "echo", script, script=script) == f"{script}\n".encode()


async def test_two_attempts_never_see_each_others_files(site: Site) -> None:
    """Workers S9: one shim, one job after the other."""
    first = await output(site, "sh", "-c", "echo secret > $TMPDIR/file; echo $TMPDIR")
    second = await output(site, "sh", "-c", "ls -A $TMPDIR; echo $TMPDIR")
    assert first != second
    assert await output(site, "ls", first.decode().strip()) == b"file\n"


async def test_an_untouched_folder_is_used_again_and_goes_with_its_shim(site: Site) -> None:
    assert await output(site, "sh", "-c", "echo $TMPDIR") == await output(site, "sh", "-c", "echo $TMPDIR")


async def test_a_job_has_a_session_of_its_own_and_default_signals(site: Site) -> None:
    """Workers S8."""
    text = await output(site, "sh", "-c", f"{BLOCKED_OR_IGNORED}; ps -o sid= -p $$ 2>/dev/null || cut -d' ' -f6 /proc/$$/stat; echo $$")
    blocked, ignored, session, pid = text.decode().split("\n")[:4]
    assert int(blocked.split()[1], 16) == int(ignored.split()[1], 16) & ~LIBC_INTERNAL == 0
    assert session.strip() == pid.strip()


async def test_a_broken_pipe_ends_a_job_as_on_a_shell(site: Site) -> None:
    """Workers S8: SIGPIPE has its default, so `yes | head` ends."""
    assert await output(site, "bash", "-c", "yes | head -n 1; echo ${PIPESTATUS[0]}") == b"y\n141\n"


async def test_the_kernel_prefers_the_job_to_its_shim(site: Site) -> None:
    """Workers S8."""
    own = _oom_score("self")
    job_id, reply = await site.run("sleep", "1000")
    assert isinstance(reply, Answer)
    pid = reply.data["pid"]
    shim = stat_of(pid)
    assert shim is not None
    assert (_oom_score(pid), _oom_score(shim.parent)) == (min(1000, own + 200), own)
    await site.stop(job_id)


async def test_stdin_is_empty_or_the_text_and_then_its_end(site: Site) -> None:
    assert await output(site, "cat") == b""
    assert await output(site, "sh", "-c", "readlink /proc/self/fd/0") == b"/dev/null\n"
    text = "line ä\n" * 100_000
    assert await output(site, "cat", stdin=text) == text.encode()


async def test_a_umask_is_the_jobs_own(site: Site) -> None:
    assert await output(site, "sh", "-c", "touch $TMPDIR/f; stat -c %a $TMPDIR/f", umask=0o022) == b"644\n"
    assert await output(site, "sh", "-c", "touch $TMPDIR/f; stat -c %a $TMPDIR/f") == b"600\n"


async def test_the_sample_counts_under_both_shells(site: Site) -> None:
    """Workers S1, W13."""
    sample = site.folder / "data" / "root" / "worker" / "scripts" / "count.sh"
    assert stat.S_IMODE(sample.stat().st_mode) == 0o755
    for shell in ("bash", "sh"):
        job_id, _ = await site.run(shell, "worker/scripts/count.sh")
        assert await site.written(job_id, len(b"1\n")) == b"1\n"
        await site.stop(job_id)


async def test_a_missing_script_is_its_interpreters_business(site: Site) -> None:
    """Workers W11."""
    job_id, _ = await site.run("sh", "nowhere.sh")
    assert (await site.ended(job_id)).end.exit_code in {2, 127}


async def test_a_spec_that_is_none_is_refused(site: Site) -> None:
    _, reply = await site.run(sys.executable, grace_s="soon")
    assert refusal(reply).startswith("not a command: ")


async def test_only_a_listed_name_runs_and_as_the_program_it_is_mapped_to(tmp_path: Path) -> None:
    """Workers S5: the worker itself enforces its list, and argv carries the name as given."""
    async with Site(tmp_path, commands={"say": "/bin/echo", "show": "/bin/cat"}, scripts_only=True) as site:
        assert await output(site, "say", "a") == b"a\n"
        assert (await output(site, "show", "/proc/self/cmdline")).startswith(b"show\0")
        for name in ("echo", "/bin/echo", "SAY", "say ", "./say", 'x"y'):
            _, reply = await site.run(name)
            assert (refusal(reply), reply.code) == (f"command not allowed: {quoted(name)}", "command_not_allowed")
        _, reply = await site.run("")
        assert refusal(reply) == "exec: no command"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("worker/scripts/count.sh", None),
        ("worker/../link", None),
        ("", None),
        ("30", "path is not a file"),
        ("worker", "path is not a file"),
        ("pipe", "path is not a file"),
        ("../work", "path outside the worker root"),
        ("/etc/passwd", "path outside the worker root"),
        ("-c", "path starts with a dash"),
        ("a\0b", "fork/exec say: invalid argument"),
    ],
)
async def test_under_the_listed_policy_a_path_is_a_file_in_a_root(tmp_path: Path, script: str, text: str | None) -> None:
    """Workers S5."""
    async with Site(tmp_path, commands={"say": "/bin/echo"}, scripts_only=True) as site:
        root = tmp_path / "data" / "root"
        (root / "link").symlink_to("worker/scripts/count.sh")
        os.mkfifo(root / "pipe")
        _, reply = await site.run(*(["say", script] if script else ["say"]), script=script)
        assert (refusal(reply) if text else type(reply)) == (text or Answer)


async def test_what_cannot_be_named_is_refused_before_its_path_is_looked_at(tmp_path: Path) -> None:
    """Workers W4: command, then path."""
    async with Site(tmp_path, commands={}, scripts_only=True) as site:
        _, reply = await site.run("sh", "-c", script="-c")
        assert refusal(reply) == 'command not allowed: "sh"'


async def test_a_script_to_be_placed_first_becomes_an_absolute_path(site: Site) -> None:
    """Workers 7, `script`: it must lie in a root, links resolved."""
    root = site.folder / "data" / "root"
    (root / "link").symlink_to("worker/scripts/count.sh")
    for name in ("worker/scripts/count.sh", "link", f"{root}/link"):
        job_id, _ = await site.run("echo", "after", script=name, script_first=True)
        await site.ended(job_id)
        assert site.output(job_id).decode() == f"{root}/worker/scripts/count.sh after\n"
    for name, text in (("nosuch", "path is not a file"), ("worker", "path is not a file"), ("/etc/passwd", "path outside the worker root")):
        _, reply = await site.run("echo", script=name, script_first=True)
        assert refusal(reply) == text


async def test_a_umask_that_no_job_names_is_the_workers(tmp_path: Path) -> None:
    """Workers S9."""
    async with Site(tmp_path, umask=0o027) as site:
        assert await output(site, "sh", "-c", "umask") == b"0027\n"
        assert await output(site, "sh", "-c", "umask", umask=0o002) == b"0002\n"


def test_a_folder_that_retention_removed_is_made_anew_and_one_that_waited_is_young(tmp_path: Path) -> None:
    """workers S9."""
    work = WorkFolder(tmp_path)
    first = work.take()
    os.utime(first, (0, 0))
    work.tidy()
    assert not Path(first).exists()
    second = work.take()
    work.tidy()
    assert work.take() == second
    Path(second).rmdir()
    third = work.take()
    assert third != second
    assert Path(third).stat().st_mode & 0o777 == 0o700
    before = Path(third).stat().st_mtime_ns
    work.tidy()
    while Path(work.take()).stat().st_mtime_ns == before:
        work.tidy()
    work.drop()
    assert not Path(third).exists()


async def test_a_work_folder_that_its_job_emptied_is_removed(site: Site) -> None:
    """Workers S9."""
    left = await output(site, "sh", "-c", "touch $TMPDIR/x; rm $TMPDIR/x; printf %s $TMPDIR")
    assert _age_s(left.decode()) is None


async def test_a_work_folder_with_files_counts_its_age_from_the_end_of_its_job(site: Site) -> None:
    """Workers S9: whatever the job made of its times."""
    left = await output(site, "sh", "-c", "touch $TMPDIR/x; touch -d 1990-01-01 $TMPDIR; printf %s $TMPDIR")
    age_s = _age_s(left.decode())
    assert age_s is not None
    assert age_s < 3600


def _age_s(folder: str) -> float | None:
    return time.time() - Path(folder).stat().st_mtime if Path(folder).exists() else None
