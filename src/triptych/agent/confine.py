"""Judge which script a job may name: its path must lead to a file in a worker root, as the kernel resolves it (workers S2, S3)."""

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress

from triptych.errors import StartFailed

OUTSIDE = "path outside the worker root"
DASH = "path starts with a dash"
NO_FILE = "path is not a file"

LookUp = Callable[[int, str], int]
"""Opens (O_PATH) what a relative path names beneath an open folder; EXDEV where it leaves that folder on its way."""

_SYS_OPENAT2 = 437
"""The same on every architecture but Alpha."""
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_PATH_FLAGS = os.O_PATH | os.O_CLOEXEC
_OPEN_HOW = struct.pack("=QQQ", _PATH_FLAGS, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
_MOST_LINKS = 40
_MOST_PATH_BYTES = 4096
_LEFT = {errno.EXDEV, errno.ELOOP, errno.EAGAIN}
_NOTHING = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EACCES}


class _Left(Exception):
    """A look-up left its folder, or met a link that it does not follow."""


def check_script(script: str, roots: Sequence[str]) -> None:
    """Refuse a script outside the roots, or one that an interpreter would take as an option.

    A name of nothing is the interpreter's business (workers S4). Raises as `find` does.
    """
    if script.startswith("-"):
        raise StartFailed(DASH, code="path_dash")
    if script:
        check(script, roots)


def find_script(script: str, roots: Sequence[str]) -> str:
    """Return the absolute path, without a link in it, of the regular file in a root that `script` leads to (workers S2, S5).

    Raises as `check_script` does, and `StartFailed` when there is no such file.
    """
    if script.startswith("-"):
        raise StartFailed(DASH, code="path_dash")
    found = find(script, roots)
    if found is None:
        raise StartFailed(NO_FILE, code="path_not_file")
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise StartFailed(NO_FILE, code="path_not_file")
        return os.readlink(f"/proc/self/fd/{found}")
    finally:
        os.close(found)


def check(path: str, roots: Sequence[str]) -> None:
    """Refuse a path that leads out of the roots. Raises as `find` does."""
    found = find(path, roots)
    if found is not None:
        os.close(found)


def find(path: str, roots: Sequence[str], look_up: LookUp | None = None) -> int | None:
    """Return an O_PATH descriptor of what `path` leads to within `roots`, which the caller closes; None where it names nothing.

    A relative path counts from the first root. It holds for this moment: the job gets the text and resolves it again (workers S6).
    Raises `StartFailed` when it leads out, `ValueError` when it is no file name, `OSError` when this process is out of means.
    """
    if "\0" in path:
        raise ValueError("embedded null byte")
    if not roots:
        raise StartFailed(OUTSIDE, code="path_outside")
    look_up = look_up or LOOK_UP
    place = _place(path, roots)
    if place is not None:
        with suppress(_Left):
            found = _reach(*place, look_up)
            if found is not None or ".." not in path:
                return found
    return _find_real(path, roots, look_up)


def open_beneath(folder: int, path: str) -> int:
    """Look up by the kernel's openat2, which refuses in the same step whatever leaves `folder`, and every magic link."""
    name = os.fsencode(path)
    while (descriptor := _syscall(_SYS_OPENAT2, folder, name, _OPEN_HOW, len(_OPEN_HOW))) < 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number), path)
    return descriptor


def walk(folder: int, path: str) -> int:
    """Look up one component after the other, for a kernel without openat2.

    Links are read, never followed; `..` goes back to the folder that was passed, wherever that has been moved since.
    """
    if len(os.fsencode(path)) >= _MOST_PATH_BYTES:
        raise _fault(errno.ENAMETOOLONG)
    passed = [os.dup(folder)]
    try:
        _descend(passed, path)
        return passed.pop()
    finally:
        for descriptor in passed:
            os.close(descriptor)


def _place(path: str, roots: Sequence[str]) -> tuple[str, str] | None:
    """Return the root that `path` begins with, and the rest of it."""
    if not path.startswith("/"):
        return roots[0], path or "."
    for root in roots:
        base = root.rstrip("/")
        if path == base or path.startswith(base + "/"):
            return root, path[len(base) :].lstrip("/") or "."
    return None


def _reach(root: str, below: str, look_up: LookUp) -> int | None:
    try:
        # Opened anew each time: a root that is a link to the current release may lead elsewhere by now.
        folder = os.open(root, _PATH_FLAGS | os.O_DIRECTORY)
        try:
            return look_up(folder, below)
        finally:
            os.close(folder)
    except OSError as fault:
        if fault.errno in _LEFT:
            raise _Left from fault
        if fault.errno in _NOTHING:
            return None
        raise


def _find_real(path: str, roots: Sequence[str], look_up: LookUp) -> int | None:
    """Find `path` by its real path, which must lie in a root and lead there to the very file that `path` leads to.

    They differ where a magic link leads into another mount namespace or to a file without a name, and when links change meanwhile.
    """
    place = _place(os.path.realpath(os.path.join(roots[0], path)), [os.path.realpath(root) for root in roots])
    if place is None:
        raise StartFailed(OUTSIDE, code="path_outside")
    named = _named(path, roots[0])
    if named is None:
        return None
    with suppress(_Left):
        found = _reach(*place, look_up)
        if found is not None and _identity(os.fstat(found)) == named:
            return found
        if found is not None:
            os.close(found)
    raise StartFailed(OUTSIDE, code="path_outside")


def _named(path: str, root: str) -> tuple[int, int] | None:
    """Return the identity of what a job that starts in `root` would open as `path`."""
    try:
        return _identity(os.stat(os.path.join(root, path)))
    except OSError as fault:
        if fault.errno in _NOTHING or fault.errno == errno.ELOOP:
            return None
        raise


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _descend(passed: list[int], path: str) -> None:
    """Add to the folders `passed`, each open, and last what `path` names beneath the first of them."""
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part in {"", ".", ".."}:
            _stay(passed, part)
            continue
        try:
            passed.append(os.open(part, _PATH_FLAGS | os.O_NOFOLLOW, dir_fd=passed[-1]))
        except FileNotFoundError as fault:
            # The text of a magic link may name nothing, though the link leads somewhere: the real path has to tell.
            raise _fault(errno.ELOOP if links else errno.ENOENT) from fault
        if (target := _target(passed[-1])) is not None:
            os.close(passed.pop())
            links += 1
            if links > _MOST_LINKS:
                raise _fault(errno.ELOOP)
            if target.startswith("/"):
                raise _fault(errno.EXDEV)
            todo += target.split("/")[::-1]


def _stay(passed: list[int], part: str) -> None:
    if not stat.S_ISDIR(os.fstat(passed[-1]).st_mode):
        raise _fault(errno.ENOTDIR)
    if part == "..":
        if len(passed) == 1:
            raise _fault(errno.EXDEV)
        os.close(passed.pop())


def _target(descriptor: int) -> str | None:
    return os.readlink("", dir_fd=descriptor) if stat.S_ISLNK(os.fstat(descriptor).st_mode) else None


def _fault(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _chosen() -> LookUp:
    """Return the kernel's own look-up where it does one."""
    folder = os.open("/", _PATH_FLAGS)
    try:
        os.close(open_beneath(folder, "."))
    except OSError:
        return walk
    else:
        return open_beneath
    finally:
        os.close(folder)


_libc = ctypes.CDLL(None, use_errno=True)
_syscall: Callable[[int, int, bytes, bytes, int], int] = _libc.syscall
_libc.syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
_libc.syscall.restype = ctypes.c_long
LOOK_UP = _chosen()
