"""Workers S10: jobs of a root worker under another account."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.site import Site, refusal
from triptych.agent.account import admit, find
from triptych.errors import Invalid
from triptych.messages import Answer

OTHER = "nobody"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as another account")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that another account can reach: those of pytest are closed to it."""
    umask = os.umask(0o022)
    made = Path(tempfile.mkdtemp(prefix="triptych-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)
    os.umask(umask)


def test_an_account_that_is_not_there_is_refused() -> None:
    with pytest.raises(Invalid, match="there is no account 'nosuch'"):
        find("nosuch")


def test_only_root_runs_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(Invalid, match="needs a worker that runs as root"):
        find("root")


@AS_ROOT
def test_an_account_has_the_groups_of_a_login() -> None:
    account, entry = find(OTHER), pwd.getpwnam(OTHER)
    assert (account.uid, account.gid, account.home) == (entry.pw_uid, entry.pw_gid, entry.pw_dir)
    assert entry.pw_gid in account.groups


@AS_ROOT
def test_an_account_is_let_into_its_folders_and_to_nothing_else(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(mode=0o700)
    (data / "journal.db").touch(0o644)
    admit(find(OTHER), data)
    assert (data / "journal.db").stat().st_mode & 0o777 == 0o600
    assert {entry.stat().st_mode & 0o777 for entry in (data, data / "work")} == {0o710}


@AS_ROOT
def test_a_folder_that_bars_the_account_is_told_at_the_start(folder: Path) -> None:
    barred = folder / "barred"
    barred.mkdir(mode=0o700)
    with pytest.raises(Invalid, match="cannot enter"):
        admit(find(OTHER), barred / "data")


@AS_ROOT
async def test_a_job_runs_as_the_account_in_a_folder_of_its_own(folder: Path) -> None:
    """Workers S9, S10."""
    admit(find(OTHER), folder / "data")
    async with Site(folder, run_as=OTHER) as site:
        look = "id -un; id -G; echo $HOME $USER $LOGNAME; touch $TMPDIR/mine && stat -c %U:%a $TMPDIR; echo again > /dev/stdout"
        for cwd in ("work", "root"):
            job_id, reply = await site.run("sh", "-c", look, cwd=cwd)
            assert isinstance(reply, Answer)
            await site.ended(job_id)
            groups = " ".join(map(str, find(OTHER).groups))
            home = find(OTHER).home
            assert site.output(job_id).decode().splitlines() == [OTHER, groups, f"{home} {OTHER} {OTHER}", f"{OTHER}:700", "again"]
            assert site.output(job_id, "stderr") == b""


@AS_ROOT
async def test_such_a_job_can_be_stopped_and_touches_nothing_of_the_workers(folder: Path) -> None:
    admit(find(OTHER), folder / "data")
    async with Site(folder, run_as=OTHER) as site:
        job_id, _ = await site.run("sleep", "1000")
        assert await site.stop(job_id) == Answer()
        secret = folder / "data" / "journal.db"
        job_id, _ = await site.run("cat", str(secret))
        assert (await site.ended(job_id)).end.exit_code == 1
        assert b"ermission denied" in site.output(job_id, "stderr")


@AS_ROOT
async def test_a_program_that_the_account_may_not_execute_is_refused(folder: Path) -> None:
    """Workers section 2: not judged by what root may."""
    admit(find(OTHER), folder / "data")
    own = folder / "own.sh"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)
    async with Site(folder, run_as=OTHER) as site:
        _, reply = await site.run(str(own))
        assert refusal(reply) == f"fork/exec {own}: permission denied"
