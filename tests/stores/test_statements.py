import pytest

from triptych.model import LIVE, State
from triptych.stores.databases import database
from triptych.stores.schema import JOBS, LOG
from triptych.stores.statements import CHANGING, Statement, Statements


@pytest.fixture(params=["sqlite:///x.db", "postgresql://x/y"])
def sql(request: pytest.FixtureRequest) -> Statements:
    return Statements(database(request.param).dialect)


def test_rows_go_in_the_order_of_their_columns(sql: Statements) -> None:
    assert list(sql.insert_job.names) == list(JOBS.columns.keys())
    assert list(sql.insert_happening.names) == list(LOG.columns.keys())
    assert list(sql.update_job.names) == [*CHANGING, "job_id", "seen"]
    assert sql.enroll.names[:2] == ("id", "state")
    assert sql.put_document.names == ("shelf", "key", "document")
    assert sql.drop_document.names == ("shelf", "key")


def test_values_are_bound_by_name(sql: Statements) -> None:
    assert sql.find.bind(job_id="a", other=1) == ("a",)
    assert [value for value in sql.log_of.bind(job_id="a", limit=5, after=3) if value] in ([3, "a", 5], ["a", 3, 5])
    with pytest.raises(KeyError):
        sql.find.bind()


def test_every_statement_has_its_text(sql: Statements) -> None:
    statements = [statement for statement in vars(sql).values() if isinstance(statement, Statement)]
    assert len(statements) > 20
    assert not any("POSTCOMPILE" in statement.text for statement in statements)


def test_a_listing_has_the_filters_that_are_given(sql: Statements) -> None:
    listing = sql.listing(frozenset({"kind", "limit"}), frozenset({State.RUNNING, State.PAUSED}))
    assert set(listing.names) - set(listing.fixed) == {"kind", "limit"}
    assert "state IN ('paused', 'running') AND jobs.state != 'ended'" in listing.text
    assert sql.listing(frozenset({"kind", "limit"}), frozenset({State.RUNNING, State.PAUSED})) is listing
    assert "!=" not in sql.listing(frozenset(), LIVE | {State.ENDED}).text


def test_only_postgresql_locks_rows(sql: Statements) -> None:
    is_postgres = "%s" in sql.find.text
    assert ("FOR UPDATE" in sql.hold.text) is is_postgres
    assert ("FOR UPDATE SKIP LOCKED" in sql.head_free.text) is is_postgres
    assert "FOR UPDATE" not in sql.find.text
