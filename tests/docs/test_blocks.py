"""Every code block of the README and the docs runs and prints what the page shows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from docs.blocks import ROOT, Step, blocks, pages, run, steps
from triptych.cli.demo.clips import make
from triptych.cli.demo.server import Server

DOCUMENTED_URL = "http://127.0.0.1:8700"


def _with(language: str) -> list[Path]:
    return [page for page in pages() if blocks(page, language)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A running system as the README starts it: worker `here`, one media root with movie.mp4 in it."""
    folder = tmp_path_factory.mktemp("docs")
    clip = make(folder / "media")
    clip.path.rename(clip.path.with_name("movie.mp4"))
    async with Server(folder / "data", arguments=("--worker-id", "here", "--media-root", str(clip.path.parent))) as running:
        yield running


@pytest.mark.parametrize("page", _with("bash"), ids=lambda page: page.name)
def test_the_commands_of_a_page_print_what_it_shows(page, server, tmp_path):
    found = [step for block in blocks(page, "bash") for step in steps(block.replace(DOCUMENTED_URL, server.url))]
    printed = run(found, tmp_path, server.url)
    wrong = [(step.command, step.answer, text) for step, text in zip(found, printed, strict=True) if not step.agrees(text)]
    assert not wrong


@pytest.mark.parametrize("page", _with("python"), ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, server):
    for block in blocks(page, "python"):
        exec(compile(block.replace(DOCUMENTED_URL, server.url), str(page), "exec"), {})


def test_the_readme_opens_with_the_two_commands():
    assert blocks(ROOT / "README.md", "console")[0].split("\n")[:2] == ["$ make run", "$ make test"]


def test_a_step_that_prints_something_else_is_noticed():
    assert not Step("x", ["success: true"]).agrees("success: false")
    assert Step("x", ['{"job_id":"4c5ced1c-5ea9-40f8-90ce-63d09cea26f6"}']).agrees('{"job_id":"6f1ced1c-5ea9-40f8-90ce-63d09cea2600"}')
    assert Step("x", ["a ... c"]).agrees("a b c")
