"""CEA-608 line 21 captions: byte pairs of two fields become the text of CC1 to CC4 (ANSI/CTA-608-E, 47 CFR 15.119)."""

from collections.abc import Sequence
from fractions import Fraction

from triptych.media.screen import Page, Screen

BASIC = {0x27: "'", 0x2A: "á", 0x5C: "é", 0x5E: "í", 0x5F: "ó", 0x60: "ú", 0x7B: "ç", 0x7C: "÷", 0x7D: "Ñ", 0x7E: "ñ", 0x7F: "█"}
SPECIAL = "®°½¿™¢£♪à èâêîôû"
EXTENDED = {
    0x12: "ÁÉÓÚÜü\u2018¡*\u2019—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»",
    0x13: "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦ÅåØø┌┐└┘",
}
ROWS = {0x10: (11, 11), 0x11: (1, 2), 0x12: (3, 4), 0x13: (12, 13), 0x14: (14, 15), 0x15: (5, 6), 0x16: (7, 8), 0x17: (9, 10)}
"""Which rows a preamble address code means, by its first byte and bit 5 of its second."""
LAST_ROW = 15
LAST_COLUMN = 31
COLUMNS_A_STEP = 4
PARITY = 0x7F
SECOND_CHANNEL = 0x08
MISCELLANEOUS = (0x14, 0x15)
EXTENDED_DATA_END = 0x0F
TEXT_MODES = (0x2A, 0x2B)
CAPTION_MODES = (0x20, 0x25, 0x26, 0x27, 0x29, 0x2F)
ERASURES = (0x2C, 0x2E)


def basic(code: int) -> str:
    """Return the character of a code from 0x20 to 0x7F."""
    return BASIC.get(code, chr(code))


class Field:
    """One field of line 21, which carries two caption channels, two of text and, in the second field, extended data."""

    def __init__(self) -> None:
        self.channels = (Captions(), Captions())
        self._channel: Captions | None = None
        self._command: tuple[int, int] | None = None
        self._in_data = False

    def take(self, first: int, second: int, at: Fraction) -> None:
        """Take the next byte pair as transmitted, with parity, for the picture shown at `at` seconds."""
        if not _is_odd(second):
            self._command = None
            return
        code, low = (first & PARITY if _is_odd(first) else PARITY), second & PARITY
        if 0x10 <= code < 0x20:  # noqa: PLR2004 - control codes
            self._control(code, low, at)
            return
        self._command = None
        if 0 < code < 0x10:  # noqa: PLR2004 - extended data
            self._in_data = code != EXTENDED_DATA_END
        elif self._channel is not None and not self._in_data:
            for letter in (code, low):
                if letter >= 0x20:  # noqa: PLR2004 - characters
                    self._channel.write(basic(letter), at)

    def _control(self, code: int, low: int, at: Fraction) -> None:
        """Obey a control code; its immediate repetition is the same one, sent twice for safety."""
        self._in_data = False
        if self._command == (code, low):
            self._command = None
            return
        self._command = code, low
        captions = self.channels[bool(code & SECOND_CHANNEL)]
        code &= ~SECOND_CHANNEL
        if code in MISCELLANEOUS and low in TEXT_MODES:
            self._channel = None
        elif (code in MISCELLANEOUS and low in CAPTION_MODES) or self._channel is not None:
            self._channel = captions
        if self._channel is captions or (code in MISCELLANEOUS and low in ERASURES):
            captions.control(code, low, at)


class Captions:
    """One caption channel: what is shown and what is being prepared, in one of three styles."""

    def __init__(self) -> None:
        self.screen = Screen()
        self._shown = self.screen.add()
        self._hidden = self.screen.add()
        self._shown.visible = True
        self._style = ""
        self._depth = 0
        self._row = LAST_ROW
        self._column = 0

    def write(self, letter: str, at: Fraction) -> None:
        """Write a character at the cursor; before any style is set there is nowhere to write."""
        if not self._style:
            return
        self._page.put(self._row, min(self._column, LAST_COLUMN), letter, at)
        self._column = min(self._column, LAST_COLUMN) + 1

    def control(self, code: int, low: int, at: Fraction) -> None:
        """Obey a control code, its channel bit taken out."""
        if low >= 0x40:  # noqa: PLR2004 - preamble address codes
            self._address(code, low)
        elif code in MISCELLANEOUS and low < 0x30:  # noqa: PLR2004 - miscellaneous codes
            self._obey(low, at)
        elif code == 0x11:  # noqa: PLR2004 - mid-row codes take a column, special characters follow
            self.write(SPECIAL[low - 0x30] if low >= 0x30 else " ", at)  # noqa: PLR2004 - as above
        elif code in EXTENDED and low >= 0x20:  # noqa: PLR2004 - extended characters replace a plain one sent before them
            self._back()
            self.write(EXTENDED[code][low - 0x20], at)
        elif code == 0x17 and 0x21 <= low <= 0x23:  # noqa: PLR2004 - tab offsets
            self._column = min(self._column + low - 0x20, LAST_COLUMN)

    @property
    def _page(self) -> Page:
        return self._hidden if self._style == "pop-on" else self._shown

    def _address(self, code: int, low: int) -> None:
        row = ROWS[code][bool(low & 0x20)]
        if self._style == "roll-up":
            row = max(row, self._depth)
            self._shown.move(row - self._row)
        self._row = row
        self._column = ((low & 0x0E) >> 1) * COLUMNS_A_STEP if low & 0x10 else 0

    def _obey(self, low: int, at: Fraction) -> None:
        match low:
            case 0x21:
                self._back()
            case 0x24:
                self._page.cut(self._row, self._column)
            case 0x28:
                self.write(" ", at)
            case 0x2C:
                self._shown.clear(at)
            case 0x2D if self._style == "roll-up":
                self._shown.roll(self._row - self._depth + 1, self._row, at)
                self._column = 0
            case 0x2E:
                self._hidden.clear(at)
            case _:
                self._turn(low, at)

    def _turn(self, low: int, at: Fraction) -> None:
        """Change the style."""
        match low:
            case 0x20:
                self._style = "pop-on"
            case 0x25 | 0x26 | 0x27:
                self._roll_up(low - 0x23, at)
            case 0x29:
                self._style = "paint-on"
            case 0x2F:
                self._flip(at)

    def _back(self) -> None:
        """Erase the character before the cursor."""
        self._column = max(0, self._column - 1)
        self._page.erase(self._row, self._column)

    def _roll_up(self, depth: int, at: Fraction) -> None:
        if self._style != "roll-up":
            self._shown.clear(at)
            self._hidden.clear(at)
            self._row, self._column = LAST_ROW, 0
        self._style, self._depth = "roll-up", depth

    def _flip(self, at: Fraction) -> None:
        """Exchange what is shown and what was prepared."""
        self._style = "pop-on"
        self._shown.hide(at)
        self._hidden.show(at)
        self._shown, self._hidden = self._hidden, self._shown


def _is_odd(byte: int) -> bool:
    return byte.bit_count() % 2 == 1


def channels(fields: Sequence[Field]) -> list[Screen]:
    """Return the screens of CC1 to CC4."""
    return [captions.screen for field in fields for captions in field.channels]
