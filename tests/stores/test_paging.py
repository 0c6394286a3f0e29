from hypothesis import given
from hypothesis import strategies as st

from stores.making import a_job, later
from triptych.stores.paging import cut, from_cursor, position, to_cursor


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8")), st.datetimes())
def test_a_cursor_tells_where_its_page_ended(job_id: str, at: object) -> None:
    job = a_job(job_id, created_at=at.replace(tzinfo=later(0).tzinfo))
    assert from_cursor(to_cursor(job)) == position(job)


def test_a_cursor_needs_no_quoting_in_a_url() -> None:
    assert to_cursor(a_job("ü?&=/+~" * 9)).replace("-", "").replace("_", "").isalnum()


def test_only_a_page_with_more_behind_it_has_a_cursor() -> None:
    jobs = [a_job("b"), a_job("a")]
    assert cut(jobs, 2).cursor is None
    assert cut(jobs, None).cursor is None
    assert cut([], 2).cursor is None
    page = cut(jobs, 1)
    assert page.jobs == (jobs[0],)
    assert page.cursor == to_cursor(jobs[0])
