"""How far media jobs are, drawn."""

import io

import msgspec
import pytest
from rich.console import Console

from triptych.cli.findings import View
from triptych.cli.gauges import Gauges


def _view(status, *parts):
    return msgspec.convert({"name": "n", "status": status, "metadata": {"annotationProgress": [*parts]}}, type=View)


def _part(feature, percent):
    return {"feature": feature, "progressPercent": percent}


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def drawn(screen):
    def drawn(jobs, more, height=20):
        gauges = Gauges(Console(file=screen, force_terminal=True, width=80, height=height, color_system=None))
        with gauges.shown():
            gauges.show(jobs, more)
        return screen.getvalue()

    return drawn


def test_each_feature_of_a_running_file_has_its_bar(drawn):
    failed = {"feature": "CROP", "error": {"message": "input has no video"}}
    text = drawn([("a.mp4", _view("running", _part("SILENCE", 50), failed)), ("b.mp4", _view("queued", _part("SILENCE", 0)))], 2)
    assert "a.mp4" in text
    assert "  SILENCE                       ━━━━━━━━━━━━━━━ " in text.replace("╸", "━").replace("━" * 15, "━" * 15 + " ", 1)
    assert " 50 %" in text
    assert "CROP                          cannot be measured" in text
    assert "3 more files" in text
    assert "b.mp4" not in text


def test_files_that_do_not_fit_the_terminal_are_counted(drawn):
    jobs = [(f"{name}.mp4", _view("running", *[_part(f"F{number}", 1) for number in range(5)])) for name in "abc"]
    text = drawn(jobs, 0, height=15)
    assert "b.mp4" in text
    assert "c.mp4" not in text
    assert "1 more file\n" in text.replace("\r", "")


def test_nothing_that_runs_is_a_wait_for_a_core(drawn):
    assert "waiting for a core" in drawn([("a.mp4", _view("queued"))], 0)


@pytest.mark.parametrize("shows", [[], [[]], [[("a.mp4", _view("running", _part("SILENCE", 1)))]], [[("a.mp4", _view("queued"))], []]])
def test_the_bars_vanish_without_an_empty_line(screen, shows):
    gauges = Gauges(Console(file=screen, force_terminal=True, width=80, height=20, color_system=None))
    with gauges.shown():
        for jobs in shows:
            gauges.show(jobs, 0)
    assert screen.getvalue().count("\n") == screen.getvalue().count("\x1b[1A")


def test_nobody_who_watches_sees_nothing(screen):
    gauges = Gauges(Console(file=screen))
    with gauges.waiting("getting ready"), gauges.shown():
        gauges.show([("a.mp4", _view("running", _part("SILENCE", 1)))], 0)
    assert (gauges.seen, screen.getvalue()) == (False, "")
