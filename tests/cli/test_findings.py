"""A media job in words that a person reads."""

import msgspec
import pytest

from triptych.cli.findings import Row, View, describe, facts, sections, timecode


def _view(*parts, **response):
    return msgspec.convert({"name": "n", "status": "done", "metadata": {"annotationProgress": [*parts]}, "response": response}, type=View)


def _span(start, end):
    return {"startTimeOffset": start, "endTimeOffset": end}


@pytest.mark.parametrize(
    ("offset", "shown"),
    [
        ("0s", "0:00:00.000"),
        ("62.5s", "0:01:02.500"),
        ("59.999600s", "0:01:00.000"),
        ("360000.000001s", "100:00:00.000"),
        ("1.25", "0:00:01.250"),
    ],
)
def test_an_offset_is_shown_as_a_timecode_to_the_nearest_millisecond(offset, shown):
    assert timecode(offset) == shown


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"audioFormat": "mono"}, "mono"),
        ({"confidence": 0.5}, "confidence 0.5"),
        ({}, ""),
        ({"kind": "dual_mono", "pair": [1, 2], "correlation": 0.99999999}, "kind dual_mono, pair 1+2, correlation 1"),
        ({"withinTarget": False, "gone": None, "list": [], "gated": True}, "withinTarget no, list none, gated yes"),
        ({"a": [1, 2, 3, 4, 5], "b": [{}]}, "a (5 items), b (1 items)"),
        ({"box": {"left": 0.1, "top": 0.25}, "deep": {"x": {"y": 1}}}, "box (left 0.1, top 0.25), deep (1 fields)"),
        ({"text": "\x1b[31mred\n"}, r"\x1b[31mred\x0a"),
        ({"entity": "cat", "segment": {"startTimeOffset": "1s", "endTimeOffset": "2s"}}, "cat"),
    ],
)
def test_an_item_is_told_by_its_keys_without_its_time(item, words):
    assert describe({**item, **_span("1s", "2s")}) == words


def test_each_feature_has_its_section_in_the_order_asked_and_what_is_beside_comes_after():
    parts = [{"feature": "B"}, {"feature": "A"}, {"feature": "C", "error": {"code": 3, "message": "input has no video"}}]
    view = _view(*parts, a=[_span("0s", "1s")], b=[], more=[{"n": 1}], errors=[{}], media={}, inputUri="x")
    found = sections(view, {"A": "a", "B": "b", "C": "c", "D": "more"}, 20)
    assert [(one.name, one.count, one.failed) for one in found] == [
        ("B", 0, None),
        ("A", 1, None),
        ("C", 0, "input has no video"),
        ("more", 1, None),
    ]
    assert (found[1].rows, found[3].rows) == ((Row("0:00:00.000 - 0:00:01.000", ""),), (Row("", "n 1"),))


def test_only_so_many_rows_are_made_and_all_are_counted():
    (section,) = sections(_view({"feature": "A"}, a=[_span("0s", "1s")] * 5), {"A": "a"}, 2)
    assert (section.count, len(section.rows)) == (5, 2)


@pytest.mark.parametrize(
    ("item", "when"),
    [
        ({"timeOffset": "1s"}, "0:00:01.000"),
        ({"segment": _span("1s", "2s")}, "0:00:01.000 - 0:00:02.000"),
        ({"startTimeOffset": "1s", "endTimeOffset": None}, "0:00:01.000 - still open"),
        ({"total": 3}, ""),
    ],
)
def test_the_time_of_an_item_is_its_own_or_that_of_the_span_in_it(item, when):
    (section,) = sections(_view({"feature": "A"}, a=[item]), {"A": "a"}, 1)
    assert section.rows[0].when == when


def test_a_result_that_is_no_list_is_one_finding():
    (section,) = sections(_view({"feature": "A"}, a={"level": 3}), {"A": "a"}, 20)
    assert (section.count, section.rows) == (1, (Row("", "level 3"),))


def test_the_facts_tell_what_the_input_is_and_what_was_measured_of_it():
    video = {"codec": "h264", "width": 640, "height": 360, "frameRate": 29.97}
    streams = [{"codec": "aac", "sampleRate": 48000, "channels": 2, "layout": "stereo"}]
    media = {"duration": "5.000000s", "frames": 150, "video": video, "audio": {"channels": 2, "streams": streams}, "truncated": True}
    whole = "0:00:05.000, h264 640x360 at 29.97 frames/s, 150 frames, aac stereo at 48000 Hz, truncated yes"
    assert facts({"media": media, "segment": _span("0.000000s", "5.000000s")}) == whole
    part = facts({"media": media, "segment": _span("1.000000s", "5.000000s")})
    assert part.startswith("0:00:05.000, measured 0:00:01.000 - 0:00:05.000, h264")


def test_an_end_without_a_result_is_told_with_its_reason():
    view = msgspec.convert({"name": "n", "status": "failed", "error": {"code": 3, "message": "no\nmedia"}}, type=View)
    assert (view.ended, view.sentence) == (True, r"failed: no\x0amedia")
    assert msgspec.convert({"name": "n", "status": "cancelled", "error": {"message": "cancelled"}}, type=View).sentence == "cancelled"
