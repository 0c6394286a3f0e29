"""What is asked of a media job in words."""

import pytest

from triptych.cli.measures import Measure, context_of, segment_of
from triptych.errors import Invalid


def test_nothing_asked_is_nothing_but_the_features_and_who_asks():
    assert Measure().body(["SILENCE"]) == {"features": ["SILENCE"], "origin": "cli"}


def test_a_workflow_stands_in_place_of_features():
    asked = Measure(workflow="news", segment=["5-"], target=0, origin="me").body([])
    assert asked == {"workflow": "news", "videoContext": {"segments": [{"startTimeOffset": "5s"}]}, "target": 0, "origin": "me"}


def test_options_of_their_own_overrule_those_of_the_context():
    asked = Measure(config='{"priority": 3, "segments": [], "cropConfig": {}}', priority=0, segment=["0-1"]).body(["CROP"])
    assert asked["videoContext"] == {"priority": 0, "segments": [{"startTimeOffset": "0s", "endTimeOffset": "1s"}], "cropConfig": {}}


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("90-120.5", "90s", "120.5s"),
        ("1.5s-2s", "1.5s", "2s"),
        ("0:01:30-1:00:00.000000001", "90s", "3600.000000001s"),
        ("1:30-100:00", "90s", "6000s"),
        ("7-", "7s", None),
        ("-7", None, "7s"),
        ("-", None, None),
    ],
)
def test_a_segment_is_two_times_with_a_hyphen_between(text, start, end):
    found = segment_of(text)
    assert (found.get("startTimeOffset"), found.get("endTimeOffset")) == (start, end)


@pytest.mark.parametrize("text", ["", "5", "a-b", "5--7", "1:2:3-4", "1:5-2", "5-7-9", "1e3-2", "٣-٤", "5-7\n"])
def test_what_is_no_segment_is_refused(text):
    with pytest.raises(Invalid, match="--segment takes START-END"):
        segment_of(text)


def test_a_context_is_json_on_the_line_or_in_a_file(tmp_path):
    (tmp_path / "a.json").write_text('{"inBlackConfig": {"delay": 2}}')
    assert context_of(f"@{tmp_path}/a.json") == context_of('{"inBlackConfig": {"delay": 2}}') == {"inBlackConfig": {"delay": 2}}


@pytest.mark.parametrize(
    ("text", "told"), [("[]", "takes a JSON object"), ("{", "is not JSON"), ("@/no/such", "cannot be read: no such file")]
)
def test_what_is_no_context_is_refused(text, told):
    with pytest.raises(Invalid, match=told):
        context_of(text)
