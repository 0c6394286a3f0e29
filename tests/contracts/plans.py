"""How a database would carry out a statement."""

import re
from contextlib import closing

from triptych.model import Query
from triptych.stores.databases import database
from triptych.stores.sql import SqlStore, _filters
from triptych.stores.statements import Statement


def plan_of_listing(url: str, store: SqlStore, query: Query) -> str:
    """Return the plan of a listing as `plan` does."""
    values = _filters(query)
    return plan(url, store._sql.listing(frozenset(values), query.states), values)


def plan(url: str, statement: Statement, values: dict[str, object]) -> str:
    """Return the plan of a statement, having made sure that it reads an index and sorts nothing.

    PostgreSQL would rather read through a table that is small, so that it is told not to.
    """
    with closing(database(url).writer()) as connection:
        cursor = connection.cursor()
        is_sqlite = url.startswith("sqlite")
        if not is_sqlite:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_sort = off")
            cursor.execute("SET enable_bitmapscan = off")
        cursor.execute(("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement.text, statement.bind(**values))
        text = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert not re.search(r"Seq Scan|Sort|TEMP B-TREE|SCAN (jobs|documents)$", text, re.MULTILINE), text
    return text
