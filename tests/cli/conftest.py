"""The command line as a process."""

import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import pytest_asyncio

from cli.terminal import BOUND_S, COMMAND
from triptych.cli.demo.server import Server
from triptych.media.sample import Stretch, write_sample

Start = Callable[..., "subprocess.Popen[str]"]
Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A running system whose only worker is `here`."""
    async with Server(tmp_path_factory.mktemp("cli") / "data", arguments=("--worker-id", "here")) as running:
        yield running


@pytest.fixture
def call(server: Server) -> Call:
    """Run `triptych WORDS` against the server to its end; bytes that are not UTF-8 come as surrogates."""

    def call(*words: str) -> "subprocess.CompletedProcess[str]":
        variables = os.environ | {"TRIPTYCH_SERVER": server.url}
        command = [*COMMAND, *words]
        text = {"encoding": "utf-8", "errors": "surrogateescape"}
        return subprocess.run(command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND_S, check=False, **text)

    return call


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `triptych WORDS` in a folder of its own; whatever still runs at the end is killed."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object) -> "subprocess.Popen[str]":
        command = [*COMMAND, *map(str, words)]
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def small_clip(tmp_path: Path) -> Path:
    """A clip of two seconds that nothing is known about."""
    path = tmp_path / "own.mp4"
    write_sample(path, (Stretch(Fraction(0), Fraction(2), 1, "stereo"),))
    return path
