"""CEA-708 captions: DTVCC packets become the text of services, window by window (ANSI/CTA-708-E, 47 CFR 79.102)."""

from collections.abc import Iterator
from fractions import Fraction

from triptych.media.screen import Page, Screen

G2 = {0x20: " ", 0x21: "\u00a0", 0x25: "…", 0x2A: "Š", 0x2C: "Œ", 0x30: "█", 0x31: "\u2018", 0x32: "\u2019", 0x33: "“", 0x34: "”"}
G2 |= {0x35: "•", 0x39: "™", 0x3A: "š", 0x3C: "œ", 0x3D: "℠", 0x3F: "Ÿ", 0x76: "⅛", 0x77: "⅜", 0x78: "⅝", 0x79: "⅞"}
EXTENSION = 0x10
NOTE = 0x7F
PARAMETERS = {0x88: 1, 0x89: 1, 0x8A: 1, 0x8B: 1, 0x8C: 1, 0x8D: 1, 0x90: 2, 0x91: 3, 0x92: 2, 0x97: 4} | dict.fromkeys(
    range(0x98, 0xA0), 6
)
"""How many bytes follow a C1 command."""
DELAY, DELAY_CANCEL, RESET = 0x8D, 0x8E, 0x8F
WINDOWS = 8
LONGEST_WAIT = 128
"""Bytes that may wait for a delay to end: then the buffer is full and the delay is over."""
EXTENDED_SERVICE = 7
UNKNOWN = "�"


class Packets:
    """Assembles DTVCC packets from triplets of types 2 and 3, and hands service blocks on."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._sequence: int | None = None

    def take(self, begins: bool, data: bytes) -> Iterator[tuple[int, bytes]]:  # noqa: FBT001 - the one bit of the triplet
        """Take two bytes, `begins` a packet or not; yield (service, block) for each block of a packet that they complete.

        After a lost packet every service of it is told (0, b"").
        """
        if begins:
            self._data.clear()
        elif not self._data:
            return
        self._data += data
        header = self._data[0]
        size = (header & 0x3F) * 2 or 128
        if len(self._data) < size:
            return
        packet = bytes(self._data[1:size])
        self._data.clear()
        sequence = header >> 6
        if self._sequence is not None and sequence != (self._sequence + 1) % 4:
            yield 0, b""
        self._sequence = sequence
        yield from blocks(packet)


def blocks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (service from 1, block) of a packet without its header."""
    at = 0
    while at < len(packet):
        service, size = packet[at] >> 5, packet[at] & 0x1F
        at += 1
        if service == EXTENDED_SERVICE and size and at < len(packet):
            service = packet[at] & 0x3F
            at += 1
        if not service:
            return
        if size:
            yield service, packet[at : at + size]
        at += size


class Window:
    """One of the eight windows: a page, the pen on it, and how many rows it has."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = 0
        self.row = 0
        self.column = 0

    def write(self, letter: str, at: Fraction) -> None:
        """Write a character at the pen."""
        self.page.put(self.row, self.column, letter, at)
        self.column += 1

    def back(self) -> None:
        """Erase the character before the pen."""
        self.column = max(0, self.column - 1)
        self.page.erase(self.row, self.column)

    def feed(self, at: Fraction) -> None:
        """Go to the next row, and scroll where that was the last one."""
        self.column = 0
        if self.row + 1 < self.rows:
            self.row += 1
        else:
            self.page.roll(0, self.row, at)

    def clear(self, at: Fraction) -> None:
        """Erase everything and go home."""
        self.page.clear(at)
        self.row = self.column = 0


class Service:
    """One caption service: codes go into its windows."""

    def __init__(self) -> None:
        self.screen = Screen()
        self._windows: dict[int, Window] = {}
        self._current: Window | None = None
        self._input = bytearray()
        self._held_until: Fraction | None = None

    def take(self, block: bytes, at: Fraction) -> None:
        """Take the next block of codes, which may end in the middle of one."""
        self._input += block
        self.work(at)

    def work(self, at: Fraction) -> None:
        """Obey what has come, unless a delay holds it back."""
        if self._held_until is not None:
            cancelled = any(code in self._input for code in (DELAY_CANCEL, RESET))
            if at < self._held_until and not cancelled and len(self._input) < LONGEST_WAIT:
                return
            self._held_until = None
        while self._input and self._held_until is None and (size := _length(self._input)) <= len(self._input):
            code = bytes(self._input[:size])
            del self._input[:size]
            self._obey(code, at)

    def lose(self) -> None:
        """Take that a packet was lost: half a code is none."""
        self._input.clear()

    def _obey(self, code: bytes, at: Fraction) -> None:
        first = code[0]
        if first == EXTENSION:
            if code[1] >= 0x20 and not 0x80 <= code[1] < 0xA0:  # noqa: PLR2004 - G2 and G3
                self._write(G2.get(code[1], UNKNOWN), at)
        elif first < 0x20:  # noqa: PLR2004 - C0
            self._move(code, at)
        elif 0x80 <= first < 0xA0:  # noqa: PLR2004 - C1
            self._command(code, at)
        else:
            self._write("♪" if first == NOTE else chr(first), at)

    def _write(self, letter: str, at: Fraction) -> None:
        if self._current is not None:
            self._current.write(letter, at)

    def _move(self, code: bytes, at: Fraction) -> None:
        window = self._current
        if window is None:
            return
        match code[0]:
            case 0x08:
                window.back()
            case 0x0C:
                window.clear(at)
            case 0x0D:
                window.feed(at)
            case 0x0E:
                window.page.cut(window.row, 0)
                window.column = 0
            case 0x18:
                window.write(chr(int.from_bytes(code[1:3], "big")), at)

    def _command(self, code: bytes, at: Fraction) -> None:
        first = code[0]
        match first:
            case _ if first < 0x88:  # noqa: PLR2004 - set current window
                self._current = self._windows.get(first & 7, self._current)
            case 0x88 | 0x89 | 0x8A | 0x8B | 0x8C:
                self._each(first, code[1], at)
            case 0x8D:
                self._held_until = at + Fraction(code[1], 10)
            case 0x8F:
                self._each(0x8C, 0xFF, at)
            case 0x92 if self._current is not None:
                self._current.row, self._current.column = code[1] & 0x0F, code[2] & 0x3F
            case _ if first >= 0x98:  # noqa: PLR2004 - define window
                self._define(first & 7, code, at)

    def _each(self, command: int, mask: int, at: Fraction) -> None:
        """Clear, show, hide, toggle or delete the windows of a mask."""
        for number in range(WINDOWS):
            window = self._windows.get(number)
            if window is None or not mask >> number & 1:
                continue
            page = window.page
            match command:
                case 0x88:
                    page.clear(at)
                case 0x8C:
                    self._delete(number, at)
                case _ if command == 0x89 or (command == 0x8B and not page.visible):  # noqa: PLR2004 - display, toggle
                    page.show(at)
                case _ if page.visible:
                    page.hide(at)

    def _delete(self, number: int, at: Fraction) -> None:
        window = self._windows.pop(number)
        window.page.clear(at)
        self.screen.pages.remove(window.page)
        self._current = None if self._current is window else self._current

    def _define(self, number: int, code: bytes, at: Fraction) -> None:
        """Make a window, or define it anew with what it holds; it becomes the current one."""
        known = number in self._windows
        if not known:
            self._windows[number] = Window(self.screen.add())
        window = self._current = self._windows[number]
        window.rows = (code[4] & 0x0F) + 1
        visible = bool(code[1] & 0x20)
        if visible and not window.page.visible:
            window.page.show(at)
        elif window.page.visible and not visible:
            window.page.hide(at)


def _length(codes: bytearray) -> int:
    """Return how many bytes the first code takes; more than there are where that is not yet known."""
    first = codes[0]
    if first == EXTENSION:
        return 1 + _extended_length(codes[1:4])
    if first < 0x20:  # noqa: PLR2004 - C0: one, two or three bytes
        return 1 + max(0, (first >> 3) - 1)
    return 1 + PARAMETERS.get(first, 0)


def _extended_length(codes: bytearray) -> int:
    if not codes:
        return 1
    first = codes[0]
    if first < 0x20:  # noqa: PLR2004 - C2: none to three bytes follow
        return 1 + (first >> 3)
    if 0x80 <= first < 0x90:  # noqa: PLR2004 - C3: four or five bytes follow
        return 5 + (first >> 3 & 1)
    if 0x90 <= first < 0xA0:  # noqa: PLR2004 - C3: as many as the next byte says
        return 2 + (codes[1] & 0x1F if len(codes) > 1 else 1)
    return 1
