import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, select, socket, sys
from pathlib import Path
from triptych.media.sandbox import Decoder, confine

def attempt(what):
    try:
        what()
        return b"done"
    except BaseException as fault:
        return type(fault).__name__.encode()

def net():
    socket.socket()

def fork():
    if os.fork() == 0:
        os._exit(0)

def thread():
    import _thread, time
    lock = _thread.allocate_lock()
    lock.acquire()
    _thread.start_new_thread(lock.release, ())
    lock.acquire()

deeds = {
    "open": lambda: open("/etc/passwd"), "net": net, "fork": fork, "exec": lambda: os.execv("/bin/true", ["true"]), "thread": thread,
    "kill": lambda: os.kill(os.getppid(), 0), "memory": lambda: bytearray(6 << 30), "listen": lambda: os.listdir("/"),
    "read": lambda: os.read(3, 4), "trace": lambda: os.readlink("/proc/self/exe"),
    "raise": lambda: __import__("resource").setrlimit(7, (99, 99)), "write": lambda: os.write(3, b"x"),
    "descriptors": lambda: [os.lseek(n, 0, 1) for n in range(5, 64) if attempt(lambda: os.lseek(n, 0, 1)) == b"done"][0],
}

def work(source, send):
    full = confine()
    send(b"full" if full else b"partial")
    for name in sys.argv[2:]:
        send(name.encode() + b" " + attempt(deeds[name]))

source = os.open(sys.argv[1], os.O_RDONLY)
decoder = Decoder(source, work)
while True:
    select.select([decoder], [], [])
    messages = decoder.read()
    if messages is None:
        break
    for message in messages:
        print(message.decode())
print(decoder.join())
os.close(source)
"""


def _attempts(tmp_path: Path, *deeds: str) -> list[str]:
    source = tmp_path / "source"
    source.write_bytes(b"media")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(source), *deeds],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=True,
    )
    lines = done.stdout.splitlines()
    if lines[0] == "partial":
        pytest.skip("this kernel has no system-call filter")
    return lines[1:]


@pytest.mark.parametrize("deed", ["open", "net", "fork", "exec", "kill", "listen", "trace"])
def test_nothing_outside_can_be_reached(tmp_path, deed) -> None:
    """S1: no network, no file opening, no new process, no signal to another."""
    assert _attempts(tmp_path, deed) == [f"{deed} PermissionError", "0"]


def test_the_descriptor_it_was_given_can_be_read_and_not_written(tmp_path) -> None:
    assert _attempts(tmp_path, "read", "write") == ["read done", "write OSError", "0"]


def test_no_other_descriptor_is_left(tmp_path) -> None:
    assert _attempts(tmp_path, "descriptors") == ["descriptors IndexError", "0"]


def test_threads_of_its_own_are_allowed(tmp_path) -> None:
    assert _attempts(tmp_path, "thread") == ["thread done", "0"]


def test_memory_has_an_end(tmp_path) -> None:
    """S2: 4 GiB."""
    assert _attempts(tmp_path, "memory") == ["memory MemoryError", "0"]


def test_limits_cannot_be_raised(tmp_path) -> None:
    assert _attempts(tmp_path, "raise") == ["raise ValueError", "0"]


def test_memory_grows_with_the_pictures(tmp_path) -> None:
    """S2: 4 GiB, raised with frame size, by the parent alone."""
    program = """
import os, select, sys, time
from triptych.media.sandbox import Decoder, confine

def work(source, send):
    confine()
    for _ in range(600):
        try:
            bytearray(6 << 30)
        except MemoryError:
            send(b"short")
            time.sleep(0.05)
        else:
            send(b"enough")
            return

source = os.open(sys.argv[1], os.O_RDONLY)
decoder = Decoder(source, work)
seen = []
while (messages := decoder.read()) is not None:
    if messages:
        decoder.allow_memory(300 << 20 if seen else 1 << 20)
    seen += messages
    select.select([decoder], [], [])
print(seen[0].decode(), seen[1].decode(), seen[-1].decode(), decoder.join())
os.close(source)
"""
    (tmp_path / "source").write_bytes(b"x")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path / "source")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=True)
    assert done.stdout.split() == ["short", "short", "enough", "0"]


def test_a_killed_decoder_says_by_which_signal_it_went(tmp_path) -> None:
    program = """
import os, signal, sys, time
from triptych.media.sandbox import Decoder
source = os.open(sys.argv[1], os.O_RDONLY)
decoder = Decoder(source, lambda source, send: signal.pause())
decoder.hold()
decoder.release()
print(decoder.end(), decoder.end())
os.close(source)
"""
    (tmp_path / "source").write_bytes(b"x")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path / "source")],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=True,
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * 2
