"""How the demo looks with a terminal and without one."""

import io

from rich.console import Console
from rich.text import Text

from triptych.cli.demo.screen import WIDTH, Compared, Screen


def _screen(*, terminal: bool) -> tuple[Screen, io.StringIO]:
    written = io.StringIO()
    return Screen(Console(file=written, force_terminal=terminal, width=WIDTH, color_system=None)), written


def _play(screen: Screen) -> None:
    screen.head("workers", "a script")
    screen.call("POST /start", 201, "job 4c5ced1c")
    with screen.stage() as stage:
        for text in ("1", "1", "1 2"):
            stage.show(Text(f"live {text}"), f"plain {text}")
    screen.compare([Compared("end", "signal: killed", "signal: killed", right=True)])
    screen.verdict("all right", right=True)


def test_without_a_terminal_every_new_line_is_printed_once():
    screen, written = _screen(terminal=False)
    _play(screen)
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    assert [line for line in lines if line.startswith(("plain", "live"))] == ["plain 1", "plain 1 2"]
    assert "\x1b" not in written.getvalue()


def test_on_a_terminal_no_line_is_wider_than_80_columns():
    screen, written = _screen(terminal=True)
    _play(screen)
    assert max(len(Text.from_ansi(line).plain) for line in written.getvalue().splitlines()) <= WIDTH


def test_what_is_wrong_is_marked_as_wrong():
    screen, written = _screen(terminal=False)
    screen.compare([Compared("end", "exit status 1", "signal: killed", right=False)])
    assert "✗" in written.getvalue()
