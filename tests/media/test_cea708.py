from fractions import Fraction

from triptych.media.cea708 import Packets, Service, blocks
from truth.captioner import Dtvcc

HALF = Fraction(1, 2)


def _display(*codes: bytes) -> list[str]:
    service = Service()
    for at, run in enumerate(codes):
        service.take(run, Fraction(at))
    return service.screen.display()


def test_a_window_is_filled_in_secret_and_shown() -> None:
    """media 4.2 CAPTION_LANGUAGE: text recovered 100 %."""
    caption = Dtvcc().caption(["¿Qué tal, señor?", "“Très bien”… ♪ ŝ"])
    assert _display(caption[:-2]) == []
    assert _display(caption) == ["¿Qué tal, señor?", "“Très bien”… ♪ ŝ"]
    assert _display(caption, Dtvcc().hide()) == []


def test_a_code_may_be_cut_between_blocks() -> None:
    caption = Dtvcc().caption(["cut anywhere …"])
    for at in range(len(caption)):
        assert _display(caption[:at], caption[at:]) == ["cut anywhere …"]


def test_rows_roll_up_at_the_end_of_a_window() -> None:
    writer = Dtvcc()
    codes = [writer.open_roll_up(2), *(writer.roll_up(text) for text in ("one", "two", "three"))]
    assert _display(*codes) == ["two", "three"]


def test_unknown_codes_of_every_length_are_passed_over() -> None:
    odd = bytes([0x15, 1, 0x91, 1, 2, 3, 0x10, 0x05, 0x10, 0x09, 1, 0x10, 0x12, 1, 2, 0x10, 0x1A, 1, 2, 3])
    odd += bytes([0x10, 0x81, 1, 2, 3, 4, 0x10, 0x89, 1, 2, 3, 4, 5, 0x10, 0x90, 0x02, 1, 2])
    caption = Dtvcc().caption(["text"])
    assert _display(caption + odd + b"!") == ["text!"]


def test_a_delay_holds_codes_back_until_it_ends_or_is_cancelled() -> None:
    caption = Dtvcc().caption(["later"])
    service = Service()
    service.take(bytes([0x8D, 15]) + caption, Fraction(0))
    assert service.screen.display() == []
    service.work(Fraction(1))
    assert service.screen.display() == []
    service.work(Fraction(3, 2))
    assert service.screen.display() == ["later"]
    assert _display(bytes([0x8D, 200]) + caption, b"\x8e") == ["later"]


def test_windows_are_toggled_cleared_deleted_and_reset() -> None:
    caption = Dtvcc().caption(["here"])
    assert _display(caption, bytes([0x8B, 1])) == []
    assert _display(caption, bytes([0x8B, 1]), bytes([0x8B, 1])) == ["here"]
    assert _display(caption, bytes([0x88, 1])) == []
    assert _display(caption, bytes([0x8C, 1]), b"lost") == []
    assert _display(caption, b"\x8f", b"lost") == []
    assert _display(caption, b"\x08\x08\x08y") == ["hy"]
    assert _display(caption, b"\x0egone") == ["gone"]
    assert _display(caption, b"\x0cnew") == ["new"]


def test_a_packet_is_split_into_the_blocks_of_its_services() -> None:
    assert list(blocks(bytes([0x22, 65, 66, 0xE1, 9, 67, 0x41, 68, 0, 0]))) == [(1, b"AB"), (9, b"C"), (2, b"D")]


def test_packets_are_put_together_and_a_lost_one_is_noticed() -> None:
    Dtvcc.sequence = 0
    triplets = [Dtvcc().packets(1, b"ab"), Dtvcc().packets(1, b"cd"), Dtvcc().packets(1, b"ef")]
    packets = Packets()
    found = [block for number in (0, 2) for triplet in triplets[number] for block in packets.take(triplet[0] & 3 == 3, triplet[1:])]
    assert found == [(1, b"ab"), (0, b""), (1, b"ef")]


def test_a_continuation_without_a_beginning_is_nothing() -> None:
    packets = Packets()
    assert list(packets.take(False, b"\x01\x02")) == []
