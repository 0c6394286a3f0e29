"""The OpenAPI document."""

from triptych import wiring


def openapi() -> None:
    """Print the OpenAPI 3.1 document of every route, as `/openapi.json` serves it; no server is started."""
    print(wiring.document())
