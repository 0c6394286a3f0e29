import pytest

from triptych.errors import Invalid
from triptych.panels.credentials import Head


def head(query=b"", **headers):
    said = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    found = Head({"headers": said})
    return found, {"headers": said, "query_string": query}


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
