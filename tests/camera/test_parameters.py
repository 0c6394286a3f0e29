"""camera 2.3-2.5: what a POST body and the words of a query may say."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.camera.parameters import (
    CAUSES,
    MARK_LIST,
    MARKS,
    NOT_GIVEN,
    Parameters,
    credential,
    read_cause,
    read_mark,
    read_parameters,
    wants_pause,
)
from triptych.errors import Invalid

BODY = {
    "job_type": "track",
    "scenario": None,
    "predicted_mission": False,
    "recognized_persons": None,
    "non_moving_target": None,
    "ai": None,
}


def refusal(document: object) -> Invalid:
    with pytest.raises(Invalid) as refused:
        read_parameters(document)
    assert 0 < len(refused.value.message) <= 200
    return refused.value


def test_the_plainest_body_gives_the_parameters_of_a_new_camera() -> None:
    assert read_parameters(BODY) == Parameters()


def test_every_combination_of_documented_values_is_legal() -> None:
    """Camera row 11: 3 x 2 x 2 x 3 x 2 x 2 = 144."""
    choices = product(
        ("track", "learn", "secure"),
        (None, "scenario_1"),
        (False, True),
        (None, ["all"], ["o953417h-aegb-21e6-b537-ct2g614671ed", "b970538v-aecb-11r6-b130-fc2f713571ed"]),
        (None, False),
        (None, "official_ai"),
    )
    read = [read_parameters(dict(zip(BODY, values, strict=True))) for values in choices]
    assert len(read) == 144
    assert len(set(map(repr, read))) == 72, "null and false of non_moving_target mean the same"


@pytest.mark.parametrize("word", ["TRACK", " Track ", "track\n"])
def test_job_type_may_be_in_any_case_between_blanks(word: str) -> None:
    assert read_parameters(BODY | {"job_type": word}).job_type == "track"


@pytest.mark.parametrize("key", BODY)
def test_a_missing_key_is_named(key: str) -> None:
    refused = refusal({name: value for name, value in BODY.items() if name != key})
    assert key in refused.message


def test_an_empty_object_names_every_key() -> None:
    refused = refusal({})
    assert all(key in refused.message for key in BODY)


def test_an_unknown_key_is_named_and_cut() -> None:
    assert "foo" in refusal(BODY | {"foo": 1}).message
    assert len(refusal(BODY | {"\ud800" * 500: 1}).message) < 80


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("job_type", None),
        ("job_type", 5),
        ("job_type", "follow"),
        ("job_type", ["track"]),
        ("scenario", ""),
        ("scenario", "   "),
        ("scenario", 7),
        ("scenario", ["scenario_1"]),
        ("scenario", "x" * 81),
        ("scenario", "../etc"),
        ("scenario", "a\x00b"),
        ("scenario", "\ud800"),
        ("predicted_mission", "False"),
        ("predicted_mission", 0),
        ("recognized_persons", "all"),
        ("recognized_persons", 5),
        ("recognized_persons", [1]),
        ("recognized_persons", [None]),
        ("recognized_persons", ["all", "id"]),
        ("recognized_persons", ["a"] * 101),
        ("recognized_persons", {}),
        ("non_moving_target", "true"),
        ("non_moving_target", 1),
        ("ai", "x"),
        ("ai", False),
        ("arm_expansion", "no"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(key: str, value: object) -> None:
    assert refusal(BODY | {key: value}).field == key


@pytest.mark.parametrize("document", [None, [], "track", 5, True])
def test_a_body_that_is_no_object_is_refused(document: object) -> None:
    assert "object" in refusal(document).message


def test_persons_lose_their_doubles_and_an_empty_list_means_anyone() -> None:
    assert read_parameters(BODY | {"recognized_persons": []}).recognized_persons is None
    assert read_parameters(BODY | {"recognized_persons": ["b", "a", "b"]}).recognized_persons == ("b", "a")


def test_learning_while_the_head_is_held_is_refused() -> None:
    assert refusal(BODY | {"job_type": "learn", "non_moving_target": True}).field == "non_moving_target"
    assert read_parameters(BODY | {"job_type": "secure", "non_moving_target": True}).non_moving_target is True


@pytest.mark.parametrize("mark", MARKS)
def test_each_mark_is_read_as_itself(mark: str) -> None:
    assert read_mark(mark) == mark


def test_words_for_no_mark_and_for_a_mark_not_given() -> None:
    assert [read_mark(word) for word in ("false", "False")] == [None, None]
    assert {read_mark(word) for word in (None, "", "None", "null")} == {NOT_GIVEN}


@pytest.mark.parametrize("word", ["bogus", "animations", "../x", "FALSE", "none", "single_rect "])
def test_any_other_mark_is_refused(word: str) -> None:
    with pytest.raises(Invalid, match="mark must be"):
        read_mark(word)


@pytest.mark.parametrize("word", [None, "", "None", "none", "NULL", "false", "False", "Undefined"])
def test_an_empty_pause_does_not_pause(word: str | None) -> None:
    assert not wants_pause(word)


@pytest.mark.parametrize("word", ["true", "1", "yes", "0"])
def test_any_other_text_pauses(word: str) -> None:
    assert wants_pause(word)


def test_a_cause_is_matched_exactly() -> None:
    assert [read_cause(cause, CAUSES) for cause in CAUSES] == list(CAUSES)
    for word in (None, "", "foo", "TRACK", "track "):
        with pytest.raises(Invalid, match="cause must be"):
            read_cause(word, CAUSES)


def test_admin_id_counts_as_absent_in_the_words_of_nothing() -> None:
    assert [credential(word) for word in (None, "", "false", "None", "null")] == [None] * 5
    assert credential("x") == "x"


def test_the_documented_list_of_marks() -> None:
    assert MARK_LIST == ["single_rect", "partial_rect", "rotating_arcs", {"animations": ["animation_1"]}]


_JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.sampled_from([*BODY, "foo"]), _JSON) | _JSON)
def test_any_document_is_read_or_refused_in_one_sentence(document: object) -> None:
    """Camera row 50."""
    message = ""
    try:
        read_parameters(document)
    except Invalid as refused:
        message = refused.message
    assert len(message) <= 200
