"""camera 6: events over a line that may lose messages."""

import msgspec

from triptych.camera.events import REPEATED, Tail
from triptych.media.sources.sim import VirtualClock


def test_each_message_repeats_the_newest_events_by_rising_numbers():
    shown = []
    tail = Tail("camera:a", lambda topic, picture: shown.append((topic, msgspec.json.decode(picture)["events"])), VirtualClock())
    for count in range(REPEATED + 3):
        tail.add("state", {"count": count})
    assert {topic for topic, _ in shown} == {"camera:a:events"}
    newest = shown[-1][1]
    assert [event["data"]["count"] for event in newest] == list(range(3, REPEATED + 3))
    numbers = [event["number"] for event in newest]
    assert numbers == list(range(numbers[0], numbers[0] + REPEATED))
    assert shown[0][1][0] | {"number": 0, "at": ""} == {"number": 0, "note": "state", "at": "", "data": {"count": 0}}


def test_a_later_process_goes_on_with_higher_numbers():
    shown, clock = [], VirtualClock()
    for _ in range(2):
        Tail("camera:a", lambda topic, picture: shown.append(msgspec.json.decode(picture)["events"][-1]["number"]), clock).add("state", {})
        clock.wait(1.0)
    assert shown[1] > shown[0]
