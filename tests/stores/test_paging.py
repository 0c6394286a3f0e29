from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stores.making import a_job, later
from triptych.model import Query, State
from triptych.stores.paging import cut, from_cursor, position, to_cursor


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8")), st.datetimes())
def test_a_cursor_tells_where_its_page_ended(job_id: str, at: object) -> None:
    last = position(a_job(job_id, created_at=at.replace(tzinfo=later(0).tzinfo)), Query())
    assert from_cursor(to_cursor(last)) == last


def test_a_cursor_needs_no_quoting_in_a_url() -> None:
    assert to_cursor((later(0), "ü?&=/+~" * 9)).replace("-", "").replace("_", "").isalnum()


def test_only_a_page_with_more_behind_it_has_a_cursor() -> None:
    jobs = [a_job("b"), a_job("a")]
    assert cut(jobs, Query(limit=2)).cursor is None
    assert cut(jobs, Query(limit=None)).cursor is None
    assert cut([], Query(limit=2)).cursor is None
    page = cut(jobs, Query(limit=1))
    assert page.jobs == (jobs[0],)
    assert page.cursor == to_cursor((later(0), "b"))


def test_a_listing_of_ended_jobs_goes_by_their_end() -> None:
    query = Query(ended_before=later(9), limit=1)
    jobs = [replace(a_job(name), state=State.ENDED, ended_at=later(at)) for name, at in (("a", 3), ("b", 5))]
    assert cut(jobs, query).cursor == to_cursor((later(3), "a"))
