"""The one table of moves, as engine.md 2.1 writes it."""

import pytest

from triptych.model import HELD_BY_WORKER, LIVE, MOVES, State, sources

WRITTEN = """
queued: starting paused ended
starting: running queued unreachable stopping ended
running: paused queued unreachable stopping ended
paused: running queued unreachable stopping ended
stopping: unreachable ended
unreachable: running paused stopping queued ended
ended:
"""


def test_the_table_of_moves_is_the_one_of_the_design() -> None:
    rows = (line.partition(":") for line in WRITTEN.strip().splitlines())
    assert {State(state): {State(target) for target in targets.split()} for state, _, targets in rows} == MOVES


def test_no_state_moves_to_itself() -> None:
    assert not any(state in targets for state, targets in MOVES.items())


@pytest.mark.parametrize("state", State)
def test_from_every_live_state_a_job_may_end(state: State) -> None:
    assert (State.ENDED in MOVES[state]) is (state in LIVE)


def test_sources_are_the_moves_read_backwards() -> None:
    assert all((state in sources(target)) is (target in MOVES[state]) for state in State for target in State)


def test_a_stop_cannot_be_taken_back() -> None:
    """A stop that loses touch with its worker may be found running again and is stopped anew; nothing else leaves it but the end."""
    assert MOVES[State.STOPPING] == {State.UNREACHABLE, State.ENDED}


def test_a_worker_holds_what_is_neither_queued_nor_ended() -> None:
    assert LIVE - {State.QUEUED} == HELD_BY_WORKER
