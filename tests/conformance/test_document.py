"""The OpenAPI document against a running server: Schemathesis finds no fault on the native routes (engine.md 3).

The worker behind it executes nothing, since what is drawn here are programs to run. Routes without an end are proved by hand,
a cursor cannot be drawn, as only the server makes one, and a submission that will not wait may find the worker full: 503.
"""

import json
from collections.abc import Iterator

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from panels.system import running_system
from triptych.wiring import PANELS, document

ENDLESS = r"/events$"
NATIVE = r"^/(api/v1/|healthz|readyz|metrics|openapi|reference)"
WORKERS = r"^/(start|stop|query)$"
AGAINST_THE_CONTRACT = [not_a_server_error, negative_data_rejection, positive_data_acceptance]
"""Checks that the workers contract itself fails: every failure is 500, and key case and unknown keys do not matter (W2, W3)."""

SCHEMA = schemathesis.openapi.from_dict(json.loads(document()))
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    system = running_system(tmp_path_factory.mktemp("document"), PANELS)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(system) as running:
        yield f"http://127.0.0.1:{running.door.port}"


@SCHEMA.include(path_regex=NATIVE).exclude(path_regex=ENDLESS).parametrize()
@FEW
def test_the_native_routes_do_as_the_document_says(case: schemathesis.Case, url: str) -> None:
    drawn_cursor = case.path == "/api/v1/jobs" and "cursor" in (case.query or {})
    may_be_full = (case.method, case.path) == ("POST", "/api/v1/jobs")
    excluded = [*([positive_data_acceptance] if drawn_cursor else []), *([not_a_server_error] if may_be_full else [])]
    case.call_and_validate(base_url=url, excluded_checks=excluded)


@SCHEMA.include(path_regex=WORKERS).parametrize()
@FEW
def test_the_workers_routes_do_as_the_document_says(case: schemathesis.Case, url: str) -> None:
    case.call_and_validate(base_url=url, excluded_checks=AGAINST_THE_CONTRACT)
