from fractions import Fraction

from triptych.media.screen import Screen


def _at(seconds: float) -> Fraction:
    return Fraction(str(seconds))


def _write(page, row: int, text: str, at: float) -> None:
    for column, letter in enumerate(text):
        page.put(row, column, letter, _at(at))


def test_what_is_prepared_stands_on_the_screen_once_it_is_shown() -> None:
    screen = Screen()
    page = screen.add()
    _write(page, 2, "below", 1)
    _write(page, 1, "above", 1)
    assert (screen.display(), screen.changed(), screen.last_shown(_at(1))) == ([], None, None)
    page.show(_at(3))
    assert (screen.display(), screen.changed(), screen.last_shown(_at(5))) == (["above", "below"], 3, 5)


def test_what_went_is_remembered_for_as_long_as_is_asked() -> None:
    screen = Screen()
    page = screen.add()
    page.visible = True
    _write(page, 1, "gone", 1)
    page.clear(_at(4))
    assert (screen.shown(_at(3.9)), screen.shown(_at(4)), screen.last_shown(_at(9))) == (["gone"], [], 4)


def test_a_row_that_rolls_up_stays_one_row_until_it_leaves_the_top() -> None:
    screen = Screen()
    page = screen.add()
    page.visible = True
    for number, text in enumerate(("one", "two", "three")):
        page.roll(14, 15, _at(number))
        _write(page, 15, text, number)
    assert screen.display() == ["two", "three"]
    assert screen.shown(_at(0)) == ["one", "two", "three"]


def test_hidden_text_is_new_when_it_is_shown_again() -> None:
    screen = Screen()
    page = screen.add()
    _write(page, 1, "again", 0)
    page.show(_at(1))
    page.hide(_at(2))
    assert screen.display() == []
    page.show(_at(7))
    assert (screen.changed(), screen.shown(_at(6))) == (7, ["again"])


def test_single_characters_and_row_ends_can_be_erased() -> None:
    screen = Screen()
    page = screen.add()
    page.visible = True
    _write(page, 1, "abcdef", 0)
    page.cut(1, 4)
    page.erase(1, 1)
    assert screen.display() == ["a cd"]
