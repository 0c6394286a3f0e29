"""What the truth tests share."""

import pytest

from truth.ladder import Ladder


@pytest.fixture(scope="session")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Ladder:
    """The story of `truth.ladder` in every coding, written as it is asked for."""
    return Ladder(tmp_path_factory.mktemp("ladder"))
