import pytest

from triptych.errors import Invalid
from triptych.media.hosts import REFUSED, check_address, check_url
from triptych.model import Inputs

INPUTS = Inputs(hosts=("media.example", "nas.example", "10.0.0.7", "xn--bcher-kva.example"), private_hosts=("nas.example",), ports=(8080,))


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://media.example/a.mp4", "media.example", 80, "/a.mp4"),
        ("https://Media.Example./a b.mp4?c=1#d", "media.example", 443, "/a b.mp4?c=1"),
        ("http://media.example:8080", "media.example", 8080, "/"),
        ("http://media.example:443/x", "media.example", 443, "/x"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/"),
    ],
)
def test_a_listed_host_may_be_asked_on_the_usual_ports_and_those_listed(url, host, port, path) -> None:
    """media U2."""
    target = check_url(url, INPUTS)
    assert (target.host, target.port, target.path, target.private) == (host, port, path, False)


def test_a_host_may_be_listed_as_private() -> None:
    assert check_url("https://nas.example/x", INPUTS).private


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/",
        "http://media.example.elsewhere.example/",
        "http://user@media.example/",
        "http://user:word@media.example/",
        "http://@media.example/",
        "http://media.example@elsewhere.example/",
        "http://media.example:22/",
        "http://media.example:0x50/",
        "http://media.example:99999/",
        "http:///x",
        "http://[::1/",
        "ftp://media.example/",
        "file:///etc/passwd",
        "//media.example/x",
        "gopher://media.example/",
        "http://2130706433/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
    ],
)
def test_every_other_url_is_refused_in_the_same_words(url) -> None:
    """media U2, U3: one refusal for every cause."""
    with pytest.raises(Invalid) as caught:
        check_url(url, INPUTS)
    assert caught.value.message == REFUSED == "inputUri host is not allowed"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.0.0.7",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.7",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "not an address",
    ],
)
def test_an_address_that_is_not_of_the_public_internet_is_refused(address) -> None:
    """media U3: loopback, private, link-local, carrier-NAT, multicast, unspecified, unique-local, metadata, and what stands for them."""
    with pytest.raises(Invalid, match=REFUSED):
        check_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_public_internet_is_allowed(address) -> None:
    check_address(address)
