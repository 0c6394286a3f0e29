"""The agent's end of a camera process, for tests: asks over a real line and hears what comes up."""

import socket
import threading
import time
from concurrent.futures import Future
from contextlib import suppress

from triptych.agent.channel import FrameReader, SocketChannel, decode_up, pack
from triptych.kinds.camera import run
from triptych.messages import Answered, Ask, Asked, Ended, Finding, Pause, Report, Resume, Shown, Start, Stop
from triptych.model import EndReason, Place

SPEC = {"camera": "default", "definition": {}, "parameters": {}, "mark": "single_rect"}
BOUND_S = 20


class Process:
    """A camera process in a thread of this one."""

    def __init__(self, data_dir, definition=None):
        ours, theirs = socket.socketpair()
        self.spec = {**SPEC, "definition": definition or {}}
        self._line, self._reader, self._number = ours, FrameReader(), 0
        self._futures = {}
        self.reports, self.shown = [], []
        self.heard = threading.Condition()
        self._serving = threading.Thread(target=run, args=(SocketChannel(theirs), Place(worker_id="w", data_dir=str(data_dir))))
        self._hearing = threading.Thread(target=self._hear)
        self._theirs = theirs
        self._serving.start()
        self._hearing.start()

    def send(self, request):
        self._number += 1
        future = self._futures[self._number] = Future()
        self._line.sendall(pack(Asked(number=self._number, request=request)))
        return future

    def ask(self, verb, **data):
        return self.send(Ask(process="camera:default", kind="camera", spec=self.spec, verb=verb, data=data))

    def get(self, verb, **data):
        """Ask and return the data of the answer, or the code of the refusal."""
        reply = self.ask(verb, **data).result(BOUND_S)
        return getattr(reply, "code", None) or reply.data

    def start(self, job_id="job"):
        return self.send(Start(job_id=job_id, kind="camera", attempt=1, process="camera:default", spec=self.spec)).result(BOUND_S)

    def stop(self, job_id="job"):
        return self.send(Stop(job_id=job_id, by="test", reason=EndReason.STOPPED)).result(BOUND_S)

    def pause(self, job_id="job"):
        return self.send(Pause(job_id=job_id)).result(BOUND_S)

    def resume(self, job_id="job"):
        return self.send(Resume(job_id=job_id)).result(BOUND_S)

    def told(self, kind, job_id="job"):
        """Return the bodies of one kind that were reported for a job."""
        return [report.body for report in self.reports if report.job_id == job_id and isinstance(report.body, kind)]

    def until(self, condition, bound_s=BOUND_S):
        """Wait until what came up makes `condition` true."""
        with self.heard:
            assert self.heard.wait_for(condition, bound_s)

    def ended(self, job_id="job"):
        self.until(lambda: self.told(Ended, job_id))
        return self.told(Ended, job_id)[0].end

    def words(self):
        """Return the states of track that were told, without repeats."""
        states = [body.data["track"]["state"] for body in self.told(Finding)]
        return [state for before, state in zip([None, *states], states, strict=False) if state != before]

    def close(self):
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        begun = time.monotonic()
        self._serving.join(BOUND_S)
        self._hearing.join(BOUND_S)
        self._line.close()
        self._theirs.close()
        assert not self._serving.is_alive()
        return time.monotonic() - begun

    def _hear(self):
        while data := self._line.recv(1 << 18):
            with self.heard:
                for frame in self._reader.feed(data):
                    self._take(decode_up(frame))
                self.heard.notify_all()

    def _take(self, message):
        match message:
            case Answered():
                self._futures.pop(message.number).set_result(message.reply)
            case Report():
                self.reports.append(message)
            case Shown():
                self.shown.append(message)
