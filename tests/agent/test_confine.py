"""Workers S2, S3: which paths stay in a worker's roots, by both look-ups, whatever changes meanwhile."""

import errno
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from triptych.agent.confine import LOOK_UP, LookUp, check_script, find, open_beneath, walk
from triptych.errors import StartFailed

OUTSIDE = "outside"
NOTHING = "nothing"
LOOKUPS_IN_A_RACE = 4000

TABLE = [
    # A path with its folders filled in, and the file it leads to.
    ("a.sh", "first/a.sh"),
    ("./a.sh", "first/a.sh"),
    ("sub/deep/c.sh", "first/sub/deep/c.sh"),
    ("sub//deep///c.sh", "first/sub/deep/c.sh"),
    ("sub", "first/sub"),
    ("sub/", "first/sub"),
    (".", "first"),
    ("ä ✓.sh", "first/ä ✓.sh"),
    ("new\nline.sh", "first/new\nline.sh"),
    ("\udcff.sh", "first/\udcff.sh"),
    ("..name", "first/..name"),
    ("sub/../a.sh", "first/a.sh"),
    ("sub/deep/../../a.sh", "first/a.sh"),
    ("../first/a.sh", "first/a.sh"),
    ("../second/b.sh", "second/b.sh"),
    ("sub/../" * 100 + "a.sh", "first/a.sh"),
    ("{base}/first/a.sh", "first/a.sh"),
    ("{base}/first//a.sh", "first/a.sh"),
    ("{base}//first/a.sh", "first/a.sh"),
    ("{base}/first", "first"),
    ("{base}/first/sub/../../first/a.sh", "first/a.sh"),
    ("{base}/second/b.sh", "second/b.sh"),
    ("{base}/alias/a.sh", "first/a.sh"),
    ("same", "first/a.sh"),
    ("sub/up", "first/a.sh"),
    ("absolute", "first/a.sh"),
    ("to_second", "second/b.sh"),
    ("folder_to_second/b.sh", "second/b.sh"),
    ("folder_to_second/../second/b.sh", "second/b.sh"),
    ("chain", "first/a.sh"),
    ("links40", "first/a.sh"),
    ("/proc/self/root{base}/first/a.sh", "first/a.sh"),
    # What names nothing is passed on.
    ("30", NOTHING),
    ("nosuch/x", NOTHING),
    ("{base}/first/nosuch", NOTHING),
    ("a.sh/", NOTHING),
    ("a.sh/.", NOTHING),
    ("a.sh/../a.sh", NOTHING),
    ("a.sh/x", NOTHING),
    ("loop", NOTHING),
    ("ping/x", NOTHING),
    ("links41", NOTHING),
    ("dangling", NOTHING),
    ("nosuch/../sub", NOTHING),
    ("x" * 256, NOTHING),
    ("x/" * 2048 + "x", NOTHING),
    ("./" * 2048 + "a.sh", NOTHING),
    # What leaves the roots, whether it is there or not.
    ("..", OUTSIDE),
    ("../outside/secret", OUTSIDE),
    ("sub/../../outside/secret", OUTSIDE),
    ("../nosuch", OUTSIDE),
    ("~/../../x", OUTSIDE),
    ("../" * 100 + "etc/passwd", OUTSIDE),
    ("/", OUTSIDE),
    ("/etc/passwd", OUTSIDE),
    ("//etc/passwd", OUTSIDE),
    ("{base}/firstx/x.sh", OUTSIDE),
    ("{base}/first/../outside/secret", OUTSIDE),
    ("{base}/first/..", OUTSIDE),
    ("{base}/nosuch", OUTSIDE),
    ("out", OUTSIDE),
    ("out_relative", OUTSIDE),
    ("out_folder", OUTSIDE),
    ("out_folder/secret", OUTSIDE),
    ("out_folder/../first/../outside/secret", OUTSIDE),
    ("out_dangling", OUTSIDE),
    ("chain_out", OUTSIDE),
    ("by_magic", OUTSIDE),
    ("/proc/self/root/etc/passwd", OUTSIDE),
    ("/proc/self/exe", OUTSIDE),
    ("/proc/self/fd/0", OUTSIDE),
    ("/dev/stdin", OUTSIDE),
]


@pytest.fixture(params=[open_beneath, walk], ids=["kernel", "walk"])
def look_up(request: pytest.FixtureRequest) -> LookUp:
    chosen: LookUp = request.param
    if chosen is open_beneath and LOOK_UP is walk:
        pytest.skip("this kernel has no openat2")
    return chosen


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two roots with a stranger beside them, and links of every kind."""
    for name in (
        "sub/deep/c.sh",
        "a.sh",
        "ä ✓.sh",
        "new\nline.sh",
        "\udcff.sh",
        "..name",
        "../firstx/x.sh",
        "../second/b.sh",
        "../outside/secret",
    ):
        file = tmp_path / "first" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "alias").symlink_to("first")
    links = {
        "same": "a.sh",
        "sub/up": "../a.sh",
        "absolute": f"{tmp_path}/first/a.sh",
        "chain": "same",
        "to_second": "../second/b.sh",
        "folder_to_second": f"{tmp_path}/second",
        "loop": "loop",
        "ping": "pong",
        "pong": "ping",
        "dangling": "nosuch",
        "out": f"{tmp_path}/outside/secret",
        "out_relative": "../outside/secret",
        "out_folder": "../outside",
        "out_dangling": f"{tmp_path}/outside/nosuch",
        "chain_out": "out",
        "by_magic": f"/proc/self/root{tmp_path}/outside/secret",
        "links1": "a.sh",
        **{f"links{count}": f"links{count - 1}" for count in range(2, 42)},
    }
    for name, target in links.items():
        (tmp_path / "first" / name).symlink_to(target)
    return tmp_path


@pytest.fixture
def roots(base: Path) -> list[str]:
    return [str(base / "first"), str(base / "second")]


def judged(path: str, roots: list[str], look_up: LookUp) -> str | tuple[int, int]:
    try:
        found = find(path, roots, look_up)
    except StartFailed as refused:
        return OUTSIDE if refused.message == "path outside the worker root" else refused.message
    if found is None:
        return NOTHING
    status = os.fstat(found)
    os.close(found)
    return status.st_dev, status.st_ino


def identity(file: Path) -> tuple[int, int]:
    return file.stat().st_dev, file.stat().st_ino


def expected(base: Path, verdict: str) -> str | tuple[int, int]:
    return verdict if verdict in {OUTSIDE, NOTHING} else identity(base / verdict)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = sorted(Path("/proc/self/fd").iterdir())
    yield
    assert sorted(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize(("path", "verdict"), TABLE, ids=lambda text: ascii(text)[:40])
def test_a_path_is_judged_by_what_it_leads_to(base: Path, roots: list[str], look_up: LookUp, path: str, verdict: str) -> None:
    """Workers S2, S4: the path table of section 9."""
    with no_descriptor_left():
        assert judged(path.format(base=base), roots, look_up) == expected(base, verdict)


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("a.sh", "first/a.sh"),
        ("absolute", "first/a.sh"),
        ("{base}/alias/a.sh", "first/a.sh"),
        ("{base}/first/a.sh", "first/a.sh"),
        ("..", OUTSIDE),
        ("out", OUTSIDE),
        ("../second/b.sh", OUTSIDE),
        ("{base}/alias/../outside/secret", OUTSIDE),
    ],
)
def test_a_root_may_be_a_link_itself(base: Path, look_up: LookUp, path: str, verdict: str) -> None:
    assert judged(path.format(base=base), [f"{base}/alias/"], look_up) == expected(base, verdict)


def test_a_root_that_is_moved_to_another_release_is_followed(base: Path, look_up: LookUp) -> None:
    roots = [str(base / "alias")]
    assert judged("b.sh", roots, look_up) == NOTHING
    (base / "alias").unlink()
    (base / "alias").symlink_to("second")
    assert judged("b.sh", roots, look_up) == identity(base / "second/b.sh")


@pytest.mark.parametrize("path", ["self/root/etc/passwd", "self/exe", "self/fd/{pipe}", "self/root", "self/cwd"])
def test_a_magic_link_leads_out_even_of_a_root_that_holds_it(look_up: LookUp, path: str) -> None:
    reading, writing = os.pipe()
    assert judged(path.format(pipe=reading), ["/proc"], look_up) == OUTSIDE
    os.close(reading)
    os.close(writing)


def test_the_whole_tree_may_be_a_root(look_up: LookUp) -> None:
    assert judged("../../etc/passwd", ["/"], look_up) == judged("/etc/passwd", ["/"], look_up) == identity(Path("/etc/passwd"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_what_is_mounted_in_a_root_lies_in_it(base: Path, roots: list[str], look_up: LookUp) -> None:
    mounted = base / "first" / "sub"
    if subprocess.run(["mount", "-t", "tmpfs", "none", mounted], capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts nothing")
    try:
        (mounted / "m.sh").touch()
        assert judged("sub/m.sh", roots, look_up) == identity(mounted / "m.sh")
        assert judged("sub/../a.sh", roots, look_up) == identity(base / "first/a.sh")
        assert judged("sub/../../outside/secret", roots, look_up) == OUTSIDE
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_a_root_that_is_gone_holds_nothing(base: Path, look_up: LookUp) -> None:
    assert judged("a.sh", [str(base / "gone")], look_up) == NOTHING
    assert judged("a.sh", [], look_up) == OUTSIDE


@pytest.mark.parametrize("path", ["a\0b", "a.sh\0", "\ud800"])
def test_what_is_no_file_name_is_never_looked_up(roots: list[str], look_up: LookUp, path: str) -> None:
    """The start then says `invalid argument`."""
    with pytest.raises(ValueError, match=r"null byte|surrogates"):
        find(path, roots, look_up)


def test_a_process_without_descriptors_does_not_blame_the_path(roots: list[str]) -> None:
    def out_of_means(_folder: int, _path: str) -> int:
        raise OSError(errno.EMFILE, "full")

    with pytest.raises(OSError, match="full"):
        find("a.sh", roots, out_of_means)


def test_a_look_up_that_was_disturbed_is_done_again_by_the_real_path(base: Path, roots: list[str]) -> None:
    """The kernel says EAGAIN where `..` met a rename."""
    faults = [errno.EAGAIN]

    def disturbed(folder: int, path: str) -> int:
        if faults:
            raise OSError(faults.pop(), "disturbed")
        return walk(folder, path)

    assert judged("sub/../a.sh", roots, disturbed) == identity(base / "first/a.sh")
    faults += [errno.EAGAIN, errno.EAGAIN]
    assert judged("sub/../a.sh", roots, disturbed) == OUTSIDE


@pytest.mark.parametrize("script", ["-", "-c", "--rcfile", "-/../a.sh"])
def test_a_script_that_reads_as_an_option_is_refused(roots: list[str], script: str) -> None:
    """Workers S3: even where such a file exists."""
    with suppress(OSError):
        Path(roots[0], script).touch()
    with pytest.raises(StartFailed, match=r"^path starts with a dash$"):
        check_script(script, roots)


@pytest.mark.parametrize("script", ["", "a.sh", "30", "./-c"])
def test_a_script_in_a_root_or_nowhere_is_passed_on_and_leaves_nothing_open(roots: list[str], script: str) -> None:
    with no_descriptor_left():
        check_script(script, roots)


def swap_file(base: Path) -> None:
    """Lead first/turn to a file inside, then outside, by turns."""
    for target in ("a.sh", "../outside/secret", f"{base}/first/a.sh", f"{base}/outside/secret"):
        (base / "draft").symlink_to(target)
        (base / "draft").rename(base / "first/turn")


def swap_folder(base: Path) -> None:
    """Lead first/turn to a folder inside, then outside; each holds a `secret`."""
    for target in ("sub", "../outside", f"{base}/second", f"{base}/outside"):
        (base / "draft").symlink_to(target)
        (base / "draft").rename(base / "first/turn")


def move_folder(base: Path) -> None:
    """Move first/turn out of the root and back, so that its `..` is the stranger's folder for a while."""
    (base / "first/turn").rename(base / "outside/turn")
    (base / "outside/turn").rename(base / "first/turn")


@contextmanager
def endlessly(swap: Callable[[Path], None], base: Path) -> Iterator[None]:
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            swap(base)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("swap", "path"),
    [
        (swap_file, "turn"),
        (swap_file, "{base}/first/turn"),
        (swap_folder, "turn/secret"),
        (swap_folder, "turn/../outside/secret"),
        (move_folder, "turn/../secret"),
    ],
    ids=["file", "absolute", "folder", "up", "moved"],
)
def test_no_change_in_between_lets_a_file_outside_in(base: Path, roots: list[str], look_up: LookUp, swap, path: str) -> None:
    """Workers S2, section 9: what was found is asked of the descriptor, so the judge cannot be raced itself."""
    for inside in ("first/secret", "first/sub/secret", "second/secret"):
        (base / inside).touch()
    if swap is move_folder:
        (base / "first/turn").mkdir()
    else:
        swap(base)
    with endlessly(swap, base):
        verdicts = {judged(path.format(base=base), roots, look_up) for _ in range(LOOKUPS_IN_A_RACE)}
    assert identity(base / "outside/secret") not in verdicts
    assert len(verdicts) > 1, "nothing changed in between"
