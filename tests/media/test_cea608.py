from fractions import Fraction

import pytest

from triptych.media.cea608 import Field, channels
from truth.captioner import EXTENDED, PLAIN, SPECIAL, Line21, parity


def _fed(*runs) -> tuple[Field, Field]:
    fields = Field(), Field()
    for at, number, pairs in runs:
        for first, second in pairs:
            fields[number - 1].take(first, second, Fraction(at))
    return fields


def _display(*runs) -> list[list[str]]:
    return [screen.display() for screen in channels(_fed(*runs))]


@pytest.mark.parametrize(
    "letters", ["".join(PLAIN), "".join(SPECIAL), "".join(EXTENDED)[:18], "".join(EXTENDED)[18:], 'abc XYZ 019 !"#$%&(),-./:;<=>?@[]']
)
def test_every_character_comes_back(letters) -> None:
    """media 4.2 CAPTION_LANGUAGE: text recovered 100 %."""
    for at in range(0, len(letters), 28):
        text = letters[at : at + 28].strip()
        assert _display((0, 1, Line21().pop_on([text])))[0] == [text]


def test_four_channels_in_two_fields_do_not_mix() -> None:
    """media 4.2 CAPTION_LANGUAGE: CC1 to CC4."""
    runs = [(0, field, Line21(channel, field).pop_on([f"field {field} channel {channel}"])) for field in (1, 2) for channel in (1, 2)]
    assert _display(*runs) == [[f"field {field} channel {channel}"] for field in (1, 2) for channel in (1, 2)]


def test_pop_on_shows_nothing_before_its_end_and_replaces_what_stood() -> None:
    line = Line21()
    first = line.pop_on(["one", "two"])
    assert _display((0, 1, first[:-2]))[0] == []
    assert _display((0, 1, first), (1, 1, line.pop_on(["three"])))[0] == ["three"]
    assert _display((0, 1, first), (1, 1, line.erase()))[0] == []


def test_roll_up_keeps_as_many_rows_as_it_is_deep() -> None:
    line = Line21()
    runs = [(number, 1, line.roll_up(f"row {number}", depth=3)) for number in range(5)]
    fields = _fed(*runs)
    screen = channels(fields)[0]
    assert screen.display() == ["row 2", "row 3", "row 4"]
    assert screen.shown(Fraction(0)) == [f"row {number}" for number in range(5)]


def test_paint_on_shows_each_letter_at_once() -> None:
    pairs = Line21().paint_on(["painted"])
    assert _display((0, 1, pairs[:-2]))[0] == ["pain"]
    assert _display((0, 1, pairs))[0] == ["painted"]


def test_a_repeated_control_code_counts_once_and_a_third_one_again() -> None:
    line = Line21()
    back = (parity(0x14), parity(0x21))
    text = line.paint_on(["abcd"])
    assert _display((0, 1, [*text, back, back]))[0] == ["abc"]
    assert _display((0, 1, [*text, back, back, back]))[0] == ["ab"]


def test_extended_data_and_text_modes_are_no_captions() -> None:
    line = Line21(1, 2)
    data = [(parity(0x01), parity(0x03)), (parity(ord("X")), parity(ord("D"))), (parity(0x0F), parity(0x1D))]
    assert _display((0, 2, [*line.paint_on(["news"]), *data]))[2] == ["news"]
    text_mode = [(parity(0x15), parity(0x2B)), (parity(ord("T")), parity(ord("X")))]
    assert _display((0, 2, [*line.paint_on(["news"]), *text_mode]))[2] == ["news"]


def test_bytes_with_wrong_parity_are_not_believed() -> None:
    pairs = Line21().paint_on(["abcd"])
    broken = [*pairs[:-1], (pairs[-1][0], pairs[-1][1] ^ 0x80)]
    assert _display((0, 1, broken))[0] == ["ab"]
    assert _display((0, 1, [*pairs[:-1], (pairs[-1][0] ^ 0x80, pairs[-1][1])]))[0] == ["ab█d"]
