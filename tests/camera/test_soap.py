"""SOAP as ONVIF devices speak it, against a device on loopback."""

from datetime import timedelta

import pytest

from camera.onvifdevice import OnvifDevice
from triptych.camera.soap import Soap
from triptych.errors import Unavailable

PROFILES = '<GetProfiles xmlns="http://www.onvif.org/ver10/media/wsdl"/>'
BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'


@pytest.fixture
def device():
    found = OnvifDevice(("continuous",), ahead=timedelta(hours=-2))
    yield found
    found.close()


@pytest.fixture
def soap(device):
    found = Soap(device.user, device.password)
    found.skew = device.ahead
    yield found
    found.close()


def test_a_call_is_signed_with_nonce_time_and_password(soap, device):
    """The device checks the digest, the time and that no nonce comes twice."""
    assert len(soap.call(device.url, PROFILES)) == 2
    assert len(soap.call(device.url, PROFILES)) == 2
    assert len(device.nonces) == 2


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("nobody", "s3cret & <odd>"), ("", "")])
def test_a_wrong_user_or_password_is_told_in_the_words_of_the_device(device, user, password):
    soap = Soap(user, password)
    soap.skew = device.ahead
    with pytest.raises(Unavailable, match="The ONVIF device refuses: Sender not authorized") as raised:
        soap.call(device.url, PROFILES)
    assert raised.value.code == "head_refused"
    assert password not in raised.value.message or not password
    soap.close()


def test_a_clock_that_was_not_taken_over_spoils_the_signature(device):
    soap = Soap(device.user, device.password)
    with pytest.raises(Unavailable, match="not authorized"):
        soap.call(device.url, PROFILES)
    soap.close()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"<html>", "no XML"),
        (b"<html/>", "no SOAP"),
        (b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>', "no SOAP"),
        (BOMB, "document type"),
        (b"<a>" + b" " * (1 << 20) + b"</a>", "more than 1 MB"),
    ],
)
def test_what_is_no_answer_is_told_and_not_read(soap, device, answer, word):
    device.answers["GetProfiles"] = answer
    with pytest.raises(Unavailable, match=word) as raised:
        soap.call(device.url, PROFILES)
    assert raised.value.code == "head_refused"


def test_a_device_that_hangs_up_is_silent(soap, device):
    device.silent.set()
    with pytest.raises(Unavailable, match="does not answer") as raised:
        soap.call(device.url, PROFILES)
    assert raised.value.code == "head_silent"
