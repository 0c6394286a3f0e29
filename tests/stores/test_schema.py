from triptych.model import EndReason, State
from triptych.stores.schema import JOBS, LOG, METADATA

TABLES = {"jobs", "log", "counters", "workers", "documents"}


def test_there_is_no_other_table() -> None:
    assert set(METADATA.tables) == TABLES


def test_times_are_named_with_their_unit() -> None:
    times = [column.name for table in METADATA.tables.values() for column in table.columns if "_at" in column.name]
    assert times
    assert all(name.endswith("_at_us") for name in times)


def test_the_log_of_a_job_goes_with_it() -> None:
    (key,) = LOG.c.job_id.foreign_keys
    assert (key.column, key.ondelete) == (JOBS.c.id, "CASCADE")


def test_indexes_speak_of_states_that_exist() -> None:
    """They are written as text, for which nobody else would notice."""
    assert {"queued", "ended"} <= {state.value for state in State}
    assert all(reason.value.isidentifier() for reason in EndReason)
