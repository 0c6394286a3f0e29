"""Whisper's tokens as words."""

from triptych.media.senses.words import Piece, _bytes, spell, split


def _letters(text: str) -> list[str]:
    """Return one token a byte."""
    back = {byte: letter for letter, byte in _bytes().items()}
    return [back[byte] for byte in text.encode()]


def test_each_byte_has_a_letter_of_its_own() -> None:
    assert sorted(_bytes().values()) == list(range(256))
    assert all(letter.isprintable() and not letter.isspace() for letter in _bytes())


def test_tokens_spell_any_text() -> None:
    text = " Größe, 42 % · ¿qué? 日本 🙂"
    assert spell(_letters(text)) == text


def test_words_begin_with_a_blank_and_hold_the_signs_behind_them() -> None:
    tokens = ["ĠGood", "Ġeven", "ing", ",", "Ġall", "."]
    assert split(tokens, "en") == [Piece("Good", 1), Piece("evening,", 3), Piece("all.", 2)]


def test_a_letter_of_several_bytes_stays_whole_and_no_token_is_lost() -> None:
    tokens = _letters(" é 日本")
    assert [piece.text for piece in split(tokens, "en")] == ["é", "日本"]
    assert sum(piece.tokens for piece in split(tokens, "en")) == len(tokens)


def test_a_language_without_blanks_is_cut_at_its_letters() -> None:
    assert [piece.text for piece in split(_letters("日本。"), "ja")] == ["日", "本。"]
