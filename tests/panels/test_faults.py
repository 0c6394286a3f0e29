from triptych.panels.faults import Fault, Faults, Refused, Row


def test_a_refusal_speaks_with_the_first_fault_of_the_table() -> None:
    """media G8."""
    refused = Refused([Fault("inputUri", "input not found", Row.PLACE, "input_not_found"), Fault("TTL", "TTL is wrong", Row.RANGE)])
    assert (refused.message, refused.field, refused.code) == ("TTL is wrong", "TTL", "invalid")
    assert Refused(refused.faults[1:]).code == "input_not_found"


def test_a_warning_is_given_once() -> None:
    faults = Faults()
    faults.ignore("a")
    faults.ignore("a")
    faults.check()
    assert faults.warnings == ["a is not known and was ignored"]
