import time

from triptych.panels.faults import Fault, Faults, Refused, Row


def test_a_refusal_speaks_with_the_first_fault_of_the_table() -> None:
    """media G8."""
    refused = Refused([Fault("inputUri", "input not found", Row.PLACE, "input_not_found"), Fault("TTL", "TTL is wrong", Row.RANGE)])
    assert (refused.message, refused.field, refused.code) == ("TTL is wrong", "TTL", "invalid")
    assert Refused(refused.faults[1:]).code == "input_not_found"


def test_the_same_fault_is_told_once() -> None:
    """media G8."""
    assert Refused([Fault("TTL", "TTL is wrong"), Fault("TTL", "TTL is wrong")]).faults == [Fault("TTL", "TTL is wrong")]


def test_a_warning_is_given_once() -> None:
    faults = Faults()
    faults.ignore("a")
    faults.ignore("a")
    faults.check()
    assert list(faults.warnings) == ["a is not known and was ignored"]


def test_a_body_full_of_unknown_keys_is_read_in_the_time_that_it_is_long() -> None:
    """media G1: 8 MiB have room for so many, and one request must not hold up the others."""
    faults = Faults()
    began_s = time.process_time()
    for number in range(40_000):
        faults.ignore(f"k{number}")
    assert len(faults.warnings) == 40_000
    assert time.process_time() - began_s < 5
