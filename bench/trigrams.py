"""Makes the table of trigram frequencies that tells caption languages apart, from message catalogues.

    python bench/trigrams.py FOLDER... > src/triptych/media/trigrams.txt

Each FOLDER is searched for LANGUAGE/LC_MESSAGES/*.mo; English is what the catalogues translate from. The table that is shipped was
counted in the catalogues of the Debian packages wesnoth-1.16-data 1.16.9 and freeciv-data 3.0.6 and of Django 5.2: game dialogue, help
texts and messages. Frequencies are all that is taken from them.
"""

import gettext
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from triptych.media.language import DECADE, LEAST, ZERO, folded, trigrams, words

FIRST = ("en", "es", "fr", "pt", "ca", "it", "ro", "de", "nl", "da", "sv", "nb", "fi", "et", "hu", "pl", "cs", "hr")
LANGUAGES = (*FIRST, "tr", "id", "tl", "vi", "eo", "eu", "ga")
KEPT = 1000
FLOOR = 0.5
"""The count of a trigram that a language never showed."""
MARKUP = re.compile(r"<[^>]*>|[$%{][\w(){}.|-]*|&\w+;|\w*[_/\\]\w*|https?:\S+")


def main(folders: list[str]) -> None:
    """Print the table of what lies in `folders`."""
    counts = {language: counted(language, folders) for language in LANGUAGES}
    kept = sorted({trigram for count in counts.values() for trigram in commonest(count)})
    totals = {language: sum(count.values()) for language, count in counts.items()}
    print(*LANGUAGES)
    for trigram in kept:
        print(trigram + "".join(step(counts[language][trigram], totals[language]) for language in LANGUAGES))


def counted(language: str, folders: list[str]) -> Counter[str]:
    """Return how often each trigram occurs in what is written in `language`, half of it without accents."""
    count: Counter[str] = Counter()
    for text in set(texts(language, folders)):
        plain = words(MARKUP.sub(" ", text))
        count.update(trigrams(plain))
        count.update(trigrams(folded(plain)))
    return count


def commonest(count: Counter[str]) -> list[str]:
    """Return the trigrams that are kept of a language."""
    return sorted(count, key=lambda trigram: (-count[trigram], trigram))[:KEPT]


def texts(language: str, folders: list[str]) -> Iterator[str]:
    """Yield the messages of one language and its regions; of English those that anyone translated into Spanish."""
    for path in sorted(path for folder in folders for path in Path(folder).rglob("LC_MESSAGES/*.mo")):
        if path.parent.parent.name.partition("_")[0] == ("es" if language == "en" else language):
            for key, told in messages(path):
                if key and told != key:
                    yield (key if language == "en" else told).rpartition("\x04")[2]


def messages(path: Path) -> list[tuple[str, str]]:
    """Return what a catalogue translates from and to; nothing where its encoding is not what it says."""
    try:
        with path.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # noqa: SLF001 - no public way
    except UnicodeDecodeError:
        return []
    return [(key[0] if isinstance(key, tuple) else key, told) for key, told in catalogue.items()]


def step(count: int, total: int) -> str:
    """Return the character of a frequency."""
    return chr(min(LEAST, ZERO + round(-DECADE * math.log10(max(count, FLOOR) / max(total, 1)))))


if __name__ == "__main__":
    main(sys.argv[1:])
