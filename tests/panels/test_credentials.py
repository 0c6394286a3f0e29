from datetime import timedelta

import pytest

from manualclock import ManualClock
from triptych.errors import Forbidden, Invalid
from triptych.panels.credentials import Failures, Head


def head(query=b"", **headers):
    said = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    found = Head({"headers": said})
    return found, {"headers": said, "query_string": query}


def test_after_ten_failures_in_a_minute_an_address_is_refused_for_one():
    """camera 2.7."""
    clock = ManualClock()
    failures = Failures(clock)
    for _ in range(10):
        failures.check("a")
        failures.note("a")
    failures.check("b")
    clock.time += timedelta(seconds=59)
    with pytest.raises(Forbidden, match="not authorised"):
        failures.check("a")
    clock.time += timedelta(seconds=2)
    failures.check("a")


def test_failures_that_are_spread_out_and_addresses_that_went_quiet_are_forgotten():
    clock = ManualClock()
    failures = Failures(clock)
    for _ in range(40):
        failures.note("a")
        clock.time += timedelta(seconds=7)
        failures.check("a")
    clock.time += timedelta(minutes=2)
    failures.note("b")
    assert list(failures._times) == ["b"]


@pytest.mark.parametrize("word", ["", "false", "None", "null"])
def test_some_words_are_no_admin_id(word):
    """camera 2.5."""
    found, scope = head(f"admin_id={word}".encode(), authorization="Bearer t")
    found.take_admin_id(scope)
    assert found.credential == b"Bearer t"


def test_an_admin_id_is_a_bearers_credential():
    """camera 2.7: admin_id or Authorization; both present and different: ERROR."""
    alone, scope = head(b"cause=mark&admin_id=se%2Bcret")
    alone.take_admin_id(scope)
    assert alone.credential == b"Bearer se+cret"
    alike, scope = head(b"admin_id=t", authorization="bearer t")
    alike.take_admin_id(scope)
    other, scope = head(b"admin_id=u", authorization="Bearer t")
    with pytest.raises(Invalid, match="same credential"):
        other.take_admin_id(scope)


def test_a_page_says_its_token_in_a_header_or_a_subprotocol():
    """camera S4."""
    assert head(x_page_token="p")[0].page_token == "p"
    assert head(sec_websocket_protocol="triptych, token.p")[0].page_token == "p"
    assert head(sec_websocket_protocol="triptych")[0].page_token == ""


def test_a_visit_is_found_among_cookies():
    assert head(cookie="a=b; triptych_visit=x=; c=d")[0].visit == "x="
    assert head(cookie="xtriptych_visit=x")[0].visit == ""


def test_who_a_proxy_had_it_from_is_the_last_that_it_added():
    assert head(x_forwarded_for="6.6.6.6, 10.0.0.7")[0].nearest_hop == "10.0.0.7"
    assert head()[0].nearest_hop == ""
