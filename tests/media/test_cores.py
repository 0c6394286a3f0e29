import pytest

from triptych.media.cores import Core, DirPoll, FileOnce, Front, Live, Settings, berths, from_document, poll_wish, target_wish, to_document

LIVE = Live(inputType="ip", device=0, channel=1, workflow="w", sessionLength=60, url="srt://a")


def a_core(number: int = 1, settings: Settings | None = None, **fields: object) -> Core:
    kind = {FileOnce: "file_once", DirPoll: "dir_poll", Live: "live"}[type(settings or FileOnce())]
    front = Front(index=number, name=f"core-{number}", slug="s", type=kind)
    return Core(**{"id": "64b1f0a2c3d4e5f601234567", "number": number, "front": front, "settings": settings or FileOnce()} | fields)


def test_a_core_is_told_by_the_documented_fields() -> None:
    """media 3.2: fields `index, _id, name, slug, coreNumber, type, source, __v`."""
    assert to_document(a_core(version=3)) == {
        "index": 1,
        "_id": "64b1f0a2c3d4e5f601234567",
        "name": "core-1",
        "slug": "s",
        "coreNumber": 1,
        "type": "file_once",
        "source": "clipPlayer-1",
        "__v": 3,
    }


@pytest.mark.parametrize(
    ("settings", "source"),
    [(FileOnce(), "clipPlayer-4"), (DirPoll(directory="in/news"), "in/news"), (LIVE, "ip-0:1")],
    ids=["file_once", "dir_poll", "live"],
)
def test_each_type_has_its_source_and_comes_back_as_stored(settings: Settings, source: str) -> None:
    """media 3.2: `source` by type."""
    core = a_core(4, settings)
    assert to_document(core)["source"] == source
    assert from_document(to_document(core)) == core


def test_wishes_lead_to_the_cores_that_take_such_jobs() -> None:
    """media J7: live cores take no jobs, dir_poll cores only their own."""
    led = berths([a_core(1), a_core(2, DirPoll(directory="in")), a_core(3, LIVE), a_core(4)])
    assert led[""] == (1, 4)
    assert {number: led.get(target_wish(number)) for number in range(1, 5)} == {1: (1,), 2: None, 3: None, 4: (4,)}
    assert led[poll_wish(2)] == (2,)


def test_what_a_core_made_before_it_was_given_another_type_runs_in_any() -> None:
    """media 3.2."""
    assert berths([a_core(1), a_core(2, LIVE), a_core(3)])[poll_wish(2)] == (1, 3)
