import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from triptych.media.sandbox import has_filter

PROGRAM = """
import os, select, socket, sys
from pathlib import Path
from triptych.media.sandbox import Allowance, Decoder, confine

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

def spin():
    while True:
        pass

def libc(name, *arguments):
    import ctypes
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

def status(key):
    return next(line.split()[1:] for line in open("/proc/self/status") if line.startswith(key))

deeds = {
    "spin": spin, "mount": lambda: libc("mount", b"a", b"/", b"tmpfs", 0, None), "unshare": lambda: libc("unshare", 0x40000000),
    "ptrace": lambda: libc("ptrace", 0, 0, 0, 0), "setuid": lambda: os.setuid(0), "socketpair": lambda: __import__("socket").socketpair(),
    "pipe": os.pipe, "unlink": lambda: os.unlink("/tmp/x"), "nice": lambda: os.nice(-1), "dup": lambda: os.dup(3),
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


def _attempts(tmp_path: Path, *deeds: str, program: str = PROGRAM) -> list[str]:
    source = tmp_path / "source"
    source.write_bytes(b"media")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(source), *deeds],
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


NEVER = (
    "open",
    "net",
    "socketpair",
    "fork",
    "exec",
    "kill",
    "listen",
    "trace",
    "mount",
    "unshare",
    "ptrace",
    "setuid",
    "pipe",
    "unlink",
    "nice",
    "dup",
)


@pytest.mark.parametrize("deed", NEVER)
def test_nothing_outside_can_be_reached(tmp_path, deed) -> None:
    """media S1: no network, no file opening, no new process, no signal to another, no way back to what it was."""
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


@pytest.mark.parametrize(("picture_bytes", "said"), [(1 << 20, "MemoryError"), (300 << 20, "done")])
def test_memory_grows_with_the_pictures(tmp_path, picture_bytes, said) -> None:
    """media S2: 4 GiB, raised with frame size."""
    program = PROGRAM.replace("confine()", f"confine(Allowance(picture_bytes={picture_bytes}))")
    assert _attempts(tmp_path, "memory", program=program) == [f"memory {said}", "0"]


def test_a_decoder_that_uses_too_much_processor_time_is_killed(tmp_path) -> None:
    """media S2: CPU."""
    program = PROGRAM.replace("confine()", "confine(Allowance(cpu_s=1))")
    assert _attempts(tmp_path, "spin", program=program) == [str(-signal.SIGXCPU)]


@pytest.mark.parametrize(("machine", "told"), [(platform.machine(), True), ("vax", False)])
def test_a_machine_knows_whether_it_has_the_filter(monkeypatch, machine, told) -> None:
    """media S1: full or partial."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert has_filter() is told


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


def test_a_decoder_has_no_capability_and_where_it_may_an_account_and_a_network_of_its_own(tmp_path) -> None:
    """media S1: no privileges; namespaces where the kernel has them. The filter, under which nothing could be read, is left out."""
    program = """
import json, os, select, sys
from triptych.media import sandbox

def work(source, send):
    looking = os.open("/proc/self", os.O_RDONLY)
    sandbox._filter_calls = lambda: True
    sandbox.confine()
    def lines(name):
        with open(os.open(name, os.O_RDONLY, dir_fd=looking)) as file:
            return file.read().splitlines()
    status = dict(line.split(":", 1) for line in lines("status"))
    told = {key: status[key].split() for key in ("CapEff", "CapPrm", "NoNewPrivs", "Uid")}
    devices = [line.split(":")[0].strip() for line in lines("net/dev")[2:]]
    send(json.dumps({**told, "devices": devices, "namespace": os.stat("ns/net", dir_fd=looking).st_ino}).encode())

source = os.open("/dev/null", os.O_RDONLY)
decoder = sandbox.Decoder(source, work)
select.select([decoder], [], [])
print(decoder.read()[0].decode())
decoder.join()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment, check=True)
    told = json.loads(done.stdout)
    assert (set(told["CapEff"][0]), set(told["CapPrm"][0]), told["NoNewPrivs"]) == ({"0"}, {"0"}, ["1"])
    assert "0" not in told["Uid"]
    if told["namespace"] != Path("/proc/self/ns/net").stat().st_ino:
        assert told["devices"] == ["lo"]
