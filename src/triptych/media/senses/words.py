"""Whisper's tokens as words: its list holds bytes written as printable letters, a word begins with a blank."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

BLANK = " "
REPLACED = "\ufffd"
NO_BLANKS = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages that write no blanks between words: there a word is what one or more tokens spell whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A word and how many tokens spell it."""

    text: str
    tokens: int


def spell(tokens: Sequence[str]) -> str:
    """Return the text of tokens; bytes that are no UTF-8 show as U+FFFD."""
    letters = _bytes()
    return b"".join(bytes(letters[sign] for sign in token) for token in tokens).decode(errors="replace")


def split(tokens: Sequence[str], language: str) -> list[Piece]:
    """Return the words in order; together they hold every token. Signs go with the word before them."""
    pieces: list[Piece] = []
    for text, count in _whole(tokens):
        begins = text.startswith(BLANK) or (language in NO_BLANKS and text[:1].isalnum())
        if pieces and not begins:
            last = pieces.pop()
            pieces.append(Piece(last.text + text, last.tokens + count))
        else:
            pieces.append(Piece(text, count))
    return [Piece(piece.text.strip(), piece.tokens) for piece in pieces]


def _whole(tokens: Sequence[str]) -> list[tuple[str, int]]:
    """Return runs of tokens that end where a letter does, each with its length."""
    found: list[tuple[str, int]] = []
    open_: list[str] = []
    for token in tokens:
        open_.append(token)
        text = spell(open_)
        if not text.endswith(REPLACED):
            found.append((text, len(open_)))
            open_ = []
    if open_:
        found.append((spell(open_), len(open_)))
    return found


@cache
def _bytes() -> dict[str, int]:
    """Return the byte that each letter of the list stands for: itself where Latin-1 prints it, else one from U+0100 on, in order."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(0x100 + place): byte for place, byte in enumerate(others)}
