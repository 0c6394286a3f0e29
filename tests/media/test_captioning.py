from fractions import Fraction

from triptych.media.captioning import Captioning, valid
from truth.captioner import Dtvcc, Line21, Track


def _after(track: Track, seconds: float) -> list[list[str]]:
    captions = Captioning()
    for number, triplets in enumerate(track.triplets(seconds)):
        captions.take(valid(triplets), Fraction(number, track.rate))
    return [screen.display() for screen in captions.screens]


def test_without_708_services_the_channels_of_line_21_are_told() -> None:
    """media 4.2 CAPTION_LANGUAGE: where a stream has no 708, CEA-608 CC1..CC4."""
    track = Track().field(0, Line21().pop_on(["first"])).field(0, Line21(1, 2).pop_on(["third"]), 2)
    assert _after(track, 2) == [["first"], [], ["third"], []]


def test_with_708_the_services_are_told_and_line_21_is_not() -> None:
    """media 4.2 CAPTION_LANGUAGE: CEA-708 services 1..4."""
    track = Track().field(0, Line21().pop_on(["old"]))
    for number in (1, 2, 4):
        track.service(0, Dtvcc().packets(number, Dtvcc().caption([f"service {number}"])))
    assert _after(track, 2) == [["service 1"], ["service 2"], [], ["service 4"]]


def test_a_fifth_service_is_not_one_of_the_four() -> None:
    track = Track().field(0, Line21().pop_on(["old"])).service(0, Dtvcc().packets(5, Dtvcc().caption(["five"])))
    assert _after(track, 2) == [["old"], [], [], []]


def test_triplets_without_content_are_left_out() -> None:
    assert valid(bytes([0xFC, 1, 2, 0xF8, 0, 0, 0xFE, 3, 4, 0xFA, 0, 0])) == bytes([0xFC, 1, 2, 0xFE, 3, 4])
    assert valid(b"") == b""
