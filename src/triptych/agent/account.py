"""The account that a root worker runs its jobs as (workers S10)."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import Invalid

_OPEN = frozenset({"root", "work"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of this machine, with the groups that a login would give it."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str

    def become(self) -> None:
        """Make this process the account's for good. Raises `OSError` with the kernel's reason."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)


def find(name: str) -> Account:
    """Return the account of this name. Raises `Invalid` when there is none, or when this process is not root and it is another's."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise Invalid(f"run_as: there is no account {name!r} on this machine", field="run_as") from None
    if os.geteuid() != 0 and entry.pw_uid != os.geteuid():
        raise Invalid("run_as needs a worker that runs as root", field="run_as")
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, groups=groups, home=entry.pw_dir)


def admit(account: Account, data_dir: Path) -> None:
    """Let an account into the folders of its scripts and its work, and to nothing else of the data folder.

    Whatever this process makes from now on is its own alone. Raises `Invalid` when a folder above bars the account.
    """
    os.umask(0o077)
    (data_dir / "work").mkdir(mode=0o700, parents=True, exist_ok=True)
    for entry in data_dir.iterdir():
        if entry.name not in _OPEN and not entry.is_symlink():
            entry.chmod(entry.stat().st_mode & 0o700)
    for folder in (data_dir, data_dir / "work"):
        os.chown(folder, -1, account.gid)
        folder.chmod(0o710)
    if not _enters(account, data_dir / "work"):
        raise Invalid(f"run_as: the account {account.name!r} cannot enter {data_dir / 'work'}", field="run_as")


def _enters(account: Account, folder: Path) -> bool:
    """Try it in a process of the account's own."""
    child = os.fork()
    if child == 0:
        try:
            account.become()
            os.chdir(folder)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0
