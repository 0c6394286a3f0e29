"""`triptych up` as a process that may be killed, and what is left of it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

WORKER = "w-1"
READY_BOUND_S = 60.0
GONE_BOUND_S = 20.0
POLL_S = 0.05

JOB_SCRIPT = """\
echo "$TRIPTYCH_JOB_ID $TRIPTYCH_ATTEMPT" >> {evidence}
case $TRIPTYCH_JOB_ID in
  [0-2]*) exit 0 ;;
  [3-5]*) (setsid sleep 600 &) ; exec sleep 600 ;;
  [6-8]*) trap '' TERM; while :; do sleep 600; done ;;
  *) exec sleep 600 ;;
esac
"""


class System:
    """One system with its folders; started again it has the same port, the same data folder and the same worker.

    Every job started with `sh` and `job.sh` writes its id and attempt to a file outside the store before anything else; some end
    at once, some sleep, some ignore SIGTERM, some leave a grandchild in a session of its own.

    `prefix` is a command that executes the rest of its words, `settings` what the operator sets.
    """

    def __init__(
        self, folder: Path, data: Path | None = None, *, prefix: Sequence[str] = (), settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.settings = dict(settings or {})
        self._prefix = prefix
        self.data = data or folder / "data"
        self.media = folder / "media"
        self.log = folder / "log"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = folder / "root"
        self._evidence = folder / "evidence"
        self._process: subprocess.Popen[bytes] | None = None
        for made in (self.media, self.root):
            made.mkdir(mode=0o700)
        (self.root / "job.sh").write_text(JOB_SCRIPT.format(evidence=self._evidence))

    @property
    def evidence(self) -> Counter[tuple[str, int]]:
        """How often each (job id, attempt) was really executed."""
        lines = self._evidence.read_text().splitlines() if self._evidence.exists() else []
        return Counter((job_id, int(attempt)) for job_id, attempt in map(str.split, lines))

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def launch(self) -> None:
        """Start the process; it may not be ready yet."""
        command = [sys.executable, "-m", "triptych.cli", "up", "--port", self.port, "--data", self.data, "--worker-id", WORKER]
        folders = ["--root", self.root, "--media-root", self.media]
        with self.log.open("ab") as log:
            words = [*self._prefix, *(str(word) for word in command + folders)]
            # What is forked without a new program shows this variable for ever, as jobs show their work folder.
            mark = {**os.environ, "FAULTS_FOLDER": str(self.folder)}
            mark |= {f"TRIPTYCH_{name.upper()}": value for name, value in self.settings.items()}
            self._process = subprocess.Popen(words, env=mark, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self) -> None:
        """Start the process and return when jobs can be taken."""
        self.launch()
        wait_until(self._came_up, READY_BOUND_S, self.told)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def script(self, name: str, text: str) -> str:
        """Put a script into the root and return its name; `{folder}` in it is where evidence belongs."""
        (self.root / name).write_text(text.replace("{folder}", str(self.folder)))
        return name

    def helpers(self) -> list[int]:
        """Return the pids of fork servers and shims, which hold the jobs."""
        return [pid for pid, words in users_of(self.folder).items() if "triptych.agent.forkserver" in words]

    def kill(self) -> None:
        """End server, engine and agent as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, bound_s: float, number: signal.Signals = signal.SIGINT) -> int:
        """Ask for a clean end, by default one that stops every job, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(bound_s)

    def told(self) -> str:
        """Return the end of what the process wrote."""
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-40:])

    def is_ready(self) -> bool:
        """Say whether jobs can be taken."""
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _came_up(self) -> bool:
        assert self.process.poll() is None, self.told()
        return self.is_ready()


def wait_until(condition, bound_s: float, told=lambda: "") -> None:
    """Wait for a condition outside this process; fails with what `told` returns."""
    deadline = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(POLL_S)


def job_processes() -> Iterator[tuple[int, str]]:
    """Yield the pid and job id of every process that a job left in its environment, whoever its parent is by now."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            job_id = _variable(entry, b"TRIPTYCH_JOB_ID")
            if job_id:
                yield int(entry.name), job_id


def users_of(folder: Path) -> dict[int, str]:
    """Return the pid and command line of every process that names `folder` in its words or variables."""
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and str(folder).encode() in _said(entry)]
    return {int(entry.name): _read(entry / "cmdline").replace(b"\0", b" ").decode() for entry in entries}


def _said(entry: Path) -> bytes:
    return _read(entry / "cmdline") + _read(entry / "environ")


def _variable(entry: Path, name: bytes) -> str:
    pairs = (pair.partition(b"=") for pair in _read(entry / "environ").split(b"\0"))
    return next((value.decode() for key, _, value in pairs if key == name), "")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])
