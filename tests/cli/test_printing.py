"""Tables, ages and words as they are printed."""

from datetime import UTC, datetime, timedelta

import pytest

from triptych.cli.printing import age, as_typed, printable, show_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("past_s", "told"), [(-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86400 * 12, "12d")]
)
def test_an_age_is_told_in_its_largest_unit(past_s, told):
    assert age(NOW - timedelta(seconds=past_s), NOW) == told


def test_a_table_that_nobody_watches_is_plain_and_whole(capsys):
    show_table(("A", "B"), [("long one", "x" * 200), ("s", "[bold]y")])
    assert capsys.readouterr().out == f"A         B\nlong one  {'x' * 200}\ns         [bold]y\n"


def test_what_would_steer_a_terminal_is_written_out():
    assert printable("é\x1b[2J\n") == r"é\x1b[2J\x0a"


def test_a_command_line_is_shown_as_it_would_be_typed():
    assert as_typed(["echo", "a b", "c"]) == "echo 'a b' c"
