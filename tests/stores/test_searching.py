from hypothesis import given
from hypothesis import strategies as st

from stores.making import a_job
from triptych.model import Query
from triptych.stores.searching import finds, needles, words

LABELS = st.dictionaries(st.text('ab",:{}\\', max_size=4), st.text('ab",:{}\\', max_size=4), max_size=3)


def test_the_words_of_a_job_are_its_command_and_arguments() -> None:
    assert words(a_job(spec={"argv": ["Sleep", "30"]})) == "sleep 30"
    assert words(a_job(spec={"input_uri": "/a.mp4"})) == ""


def test_a_query_without_words_finds_everything() -> None:
    assert needles(Query(kind="command")) == {}
    assert finds({}, a_job())


@given(LABELS, st.data())
def test_a_label_is_found_only_where_it_is_whole(labels: dict[str, str], data: st.DataObject) -> None:
    """Whatever quotes, commas and braces the names and values hold."""
    label = data.draw(
        st.one_of(st.sampled_from(sorted(labels.items()) or [("a", "b")]), st.tuples(st.text('ab",:', max_size=3), st.just("a")))
    )
    assert finds(needles(Query(label=label)), a_job(needs=labels)) is (labels.get(label[0]) == label[1])
