"""An annotate process as the fork server would start it, spoken with over its own socket pair."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from triptych.agent.channel import FrameReader, decode_up, pack
from triptych.kinds.annotate import TICK_S
from triptych.messages import Answered, Asked, Ended, Pause, Progress, Report, Resume, Start, Stop
from triptych.model import Inputs

PROGRAM = """
import os, socket, sys
import msgspec
from triptych.agent.channel import SocketChannel
from triptych.kinds import annotate
from triptych.model import Inputs, Place
annotate.TICK_S = float(sys.argv[2])
with socket.socket(fileno=int(sys.argv[1])) as line:
    inputs = msgspec.json.decode(os.environ["INPUTS"], type=Inputs)
    annotate.run(SocketChannel(line), Place(worker_id="w", data_dir=sys.argv[3], media_roots=tuple(sys.argv[4:]), inputs=inputs))
"""
PATIENCE_S = 60
NOWHERE_ELSE = Inputs()
JOB = "64b1f0a2c3d4e5f601234567"


class JobProcess:
    """One annotate job in a process of its own, which looks up every `tick_s` when nothing wakes it."""

    def __init__(self, root: Path, inputs: Inputs = NOWHERE_ELSE, tick_s: float = TICK_S) -> None:
        self.line, far_end = socket.socketpair()
        self.line.settimeout(PATIENCE_S)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        environment["INPUTS"] = msgspec.json.encode(inputs).decode()
        self.program = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(far_end.fileno()), str(tick_s), str(root), str(root)],
            pass_fds=[far_end.fileno()],
            env=environment,
        )
        far_end.close()
        self.reports: list = []
        self.answers: dict = {}
        self._reader = FrameReader()
        self._number = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.line.close()
        self.program.wait(PATIENCE_S)

    def start(self, uri: str, features=("IN_BLACK", "AUDIO_FORMAT", "SHOT_CHANGE_DETECTION"), **more) -> None:
        spec = {"input_uri": uri, "features": list(features), **more}
        self.ask(Start(job_id=JOB, kind="annotate", attempt=1, process=JOB, spec=spec))

    def ask(self, request) -> int:
        self._number += 1
        self.line.sendall(pack(Asked(number=self._number, request=request)))
        return self._number

    def stop(self) -> int:
        return self.ask(Stop(job_id=JOB, by="test", reason="cancelled"))

    def pause(self) -> int:
        return self.ask(Pause(job_id=JOB))

    def resume(self) -> int:
        return self.ask(Resume(job_id=JOB))

    def until(self, wanted) -> Report:
        """Read on until a report is there for which `wanted` holds, and return it."""
        while (found := next((report for report in self.reports if wanted(report.body)), None)) is None:
            self._read()
        return found

    def answer(self, number: int):
        while number not in self.answers:
            self._read()
        return self.answers[number]

    def ended(self) -> Ended:
        return self.until(lambda body: isinstance(body, Ended)).body

    def working(self) -> None:
        self.until(lambda body: isinstance(body, Progress) and any(value > 0 for value in body.parts.values()))

    def decoder(self) -> int:
        """Return the process id of a decoder, once there is one."""
        return min(self.decoders())

    def decoders(self) -> set[int]:
        """Return the process ids of the decoders, once there is one."""
        children = Path(f"/proc/{self.program.pid}/task/{self.program.pid}/children")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if found := children.read_text().split():
                return set(map(int, found))
        raise TimeoutError("no decoder")

    def _read(self) -> None:
        data = self.line.recv(1 << 16)
        assert data, f"the job process ended after {self.reports}"
        for frame in self._reader.feed(data):
            message = decode_up(frame)
            if isinstance(message, Report):
                self.reports.append(message)
            elif isinstance(message, Answered):
                self.answers[message.number] = message.reply
