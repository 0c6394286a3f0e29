from panels.sample import FIRST, SECOND
from triptych.panels.table import Table


def test_the_table_lists_every_route_with_its_panel() -> None:
    rows = list(Table([FIRST, SECOND]))
    assert rows == [*((FIRST, route) for route in FIRST.routes), *((SECOND, route) for route in SECOND.routes)]


def test_a_path_is_found_without_a_raw_path() -> None:
    match = Table([FIRST, SECOND]).find({"type": "http", "path": "/api/items/ü/parts"})
    assert (match.panel, match.parameters) == (SECOND, {"id": "ü"})
