import base64
import hashlib
import json
import re

import pytest

from panels.system import System
from triptych.panels.openapi import document
from triptych.panels.table import Table
from triptych.wiring import PANELS


@pytest.fixture
def table() -> Table:
    return Table(PANELS)


def test_every_route_is_in_the_document(table: Table) -> None:
    paths = document(table)["paths"]
    listed = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert listed == {(route.method, route.path) for _, route in table}
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(table: Table) -> None:
    made = document(table)
    known = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(made))) <= known


def test_the_contract_is_described_as_documented(table: Table) -> None:
    start = document(table)["paths"]["/start"]["post"]
    assert start["responses"].keys() == {"201", "500", "default"}
    assert document(table)["components"]["schemas"]["StartRequest"]["properties"].keys() == {"worker_id", "command", "path"}


def test_parameters_have_their_bounds(table: Table) -> None:
    parameters = {parameter["name"]: parameter for parameter in document(table)["paths"]["/api/v1/jobs"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}
    assert (parameters["state"]["explode"], parameters["state"]["in"]) == (False, "query")


async def test_the_document_is_served(system: System) -> None:
    reply = await system.door.ask("GET", "/openapi.json")
    assert json.loads(reply.body)["openapi"] == "3.1.0"


async def test_the_reference_asks_nothing_of_anybody(system: System) -> None:
    """engine.md 3: a local page, no outside requests, strict CSP."""
    reply = await system.door.ask("GET", "/reference")
    page = reply.body.decode()
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for _, route in system.door.app.table:
        assert f"<code>{route.method} {route.path}</code>" in page
    assert not re.search(r"(?:src|href)=\"(?!#|/openapi\.json)", page)
    assert "<script" not in page
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in reply.headers["content-security-policy"]


def test_a_start_is_answered_201_only_and_a_submit_may_be_a_repeat(table: Table) -> None:
    """workers W8, section 7."""
    paths = document(table)["paths"]
    assert "200" not in paths["/start"]["post"]["responses"]
    assert {"200", "201"} <= set(paths["/api/v1/jobs"]["post"]["responses"])
