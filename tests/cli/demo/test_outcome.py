"""What a part of the demo came to."""

import httpx
import pytest

from triptych.cli.demo.outcome import Outcome, said
from triptych.cli.demo.screen import Compared
from triptych.errors import Unavailable

RIGHT = Compared("a", "1", "1", right=True)
WRONG = Compared("b", "1", "2", right=False)


@pytest.mark.parametrize(("rows", "right"), [((RIGHT,), True), ((RIGHT, WRONG), False), ((), False)])
def test_a_part_is_right_when_it_found_something_and_all_of_it_agrees(rows, right):
    assert Outcome(panel="media", rows=rows).right is right


def test_an_answer_without_the_key_is_told_with_its_body():
    answer = httpx.Response(500, json={"error": "worker not found"}, request=httpx.Request("POST", "http://here/start"))
    with pytest.raises(Unavailable, match=r"POST /start answered 500 .*worker not found"):
        said(answer, "job_id")


def test_the_text_under_the_key_is_returned():
    answer = httpx.Response(201, json={"job_id": "x"}, request=httpx.Request("POST", "http://here/start"))
    assert said(answer, "job_id") == "x"
