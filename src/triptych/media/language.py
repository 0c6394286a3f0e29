"""In which language a short text is written: trigrams of letters against tables of how often each language uses them."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

LATIN = "LATIN"
APOSTROPHES = "'\u2019"
TABLE = "trigrams.txt"
DECADE = 16.0
"""How many steps of the table make a factor of ten."""
ZERO = 33
"""The character that stands for a frequency of one; each one after it is a step down."""
LEAST = ZERO + 93
INDEPENDENCE = 0.5
"""How much of a trigram's evidence is its own: neighbours share two letters of three."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a text of `letters` letters seems to be: shares of English, Spanish and all other languages, which add up to 1."""

    letters: int
    en: float
    es: float
    other: float

    @property
    def language(self) -> str:
        """`en`, `es`, or `und` for any other."""
        return max((("en", self.en), ("es", self.es), ("und", self.other)), key=lambda scored: scored[1])[0]

    @property
    def margin(self) -> float:
        """By how much the winner leads, 0 to 1."""
        second, first = sorted((self.en, self.es, self.other))[1:]
        return first - second


def guess(text: str) -> Guess | None:
    """Judge `text`, in capitals or not, with or without accents; None where there is no letter in it."""
    plain = words(text)
    letters = len(plain) - plain.count(" ")
    if not letters:
        return None
    foreign = sum(not _is_latin(letter) for letter in plain if letter != " ")
    if 2 * foreign > letters:
        return Guess(letters, 0.0, 0.0, 1.0)
    shares = _shares(plain)
    en, es = shares["en"], shares["es"]
    return Guess(letters, en, es, max(0.0, 1.0 - en - es))


def words(text: str) -> str:
    """Return the words of `text` in small letters, one space between them and at both ends."""
    spaced = "".join(letter if letter.isalpha() else " " for letter in text.lower() if letter not in APOSTROPHES)
    return f" {' '.join(spaced.split())} "


def folded(text: str) -> str:
    """Return `text` without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def trigrams(plain: str) -> Iterator[str]:
    """Yield every three neighbouring letters of what `words` returned, with the spaces at the edges of words."""
    return (plain[at : at + 3] for at in range(len(plain) - 2) if plain[at + 1] != " ")


def _shares(plain: str) -> dict[str, float]:
    """Return how likely each language of the table is, 1 in all."""
    names, steps = table()
    sums = [0.0] * len(names)
    for trigram, count in Counter(trigrams(plain)).items():
        for place, step in enumerate(steps.get(trigram, ())):
            sums[place] -= count * step
    weights = [math.exp(INDEPENDENCE * (value - max(sums)) / DECADE * math.log(10)) for value in sums]
    return {name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)}


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(LATIN)


@lru_cache(maxsize=1)
def table() -> tuple[tuple[str, ...], dict[str, bytes]]:
    """Return the languages, and for each known trigram one value a language: how many steps its frequency lies below one."""
    first, *lines = files("triptych.media").joinpath(TABLE).read_text("utf-8").splitlines()
    return tuple(first.split()), {line[:3]: bytes(ord(value) - ZERO for value in line[3:]) for line in lines}
