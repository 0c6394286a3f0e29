"""What the manual must not promise."""

from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["guide/security.md", "design/agent.md"])
def test_the_manual_says_that_confinement_is_no_sandbox(page: str) -> None:
    """workers S6: it decides which script is named; the program may read what the worker's account may read."""
    text = " ".join((DOCS / page).read_text().split())
    assert "Confinement decides which script is named" in text
    assert "no sandbox" in text
