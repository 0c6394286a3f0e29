"""`triptych openapi` needs no server."""

import json

from triptych import wiring
from triptych.cli.openapi import openapi


def test_every_route_is_in_the_document(capsys):
    openapi()
    document = json.loads(capsys.readouterr().out)
    assert document["openapi"].startswith("3.1")
    for panel in wiring.PANELS:
        for route in panel.routes:
            assert any(route.method.lower() in methods for path, methods in document["paths"].items() if _same(path, route.path))


def _same(documented: str, routed: str) -> bool:
    return documented.count("/") == routed.count("/") and documented.split("{", maxsplit=1)[0] == routed.split("{", maxsplit=1)[0]
