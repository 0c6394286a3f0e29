from datetime import UTC, datetime

from triptych.tokens import Role, Token
from triptych.visits import MOST_VISITS, Visits

TOKEN = Token(id="t", name="n", role=Role.VIEWER, digest="d", created_at=datetime.now(UTC), created_by="x")


def test_a_visit_is_found_by_its_cookie_until_it_ends():
    visits = Visits()
    secret = visits.begin(TOKEN)
    visit = visits.find(secret)
    assert visit is not None
    assert (visit.token, len(visit.page_token) >= 43, visit.page_token != secret) == (TOKEN, True, True)
    assert visits.find(f"{secret}x") is None
    visits.end(secret)
    assert visits.find(secret) is None


def test_what_a_cookie_holds_is_not_kept():
    """camera 2.7: credentials are stored hashed."""
    visits = Visits()
    secret = visits.begin(TOKEN)
    assert secret not in visits._visits


def test_the_oldest_visit_goes_when_there_are_too_many():
    visits = Visits()
    secrets = [visits.begin(TOKEN) for _ in range(MOST_VISITS + 1)]
    assert visits.find(secrets[0]) is None
    assert visits.find(secrets[1]) is not None
