"""camera 6: which servers a live stream can be sent to."""

import pytest

from triptych.camera.sites import Account, Site, Target, address, check_label, check_server, file_name
from triptych.errors import Invalid


@pytest.mark.parametrize(
    ("server", "host", "port", "path"),
    [
        ("rtmp://a.example/live2", "a.example", 1935, "live2"),
        ("rtmps://a.example:444/app/inner", "a.example", 444, "app/inner"),
        ("RTMP://[::1]:1936/live?backup=1", "::1", 1936, "live?backup=1"),
        ("srt://a.example:9000", "a.example", 9000, ""),
    ],
)
def test_a_server_has_an_address(server, host, port, path):
    check_server(server)
    found = address(server)
    assert (found.host, found.port, found.path) == (host, port, path)


@pytest.mark.parametrize(
    "server",
    [
        "",
        "http://a.example/live",
        "rtmp://",
        "rtmp://a.example",
        "rtmp://a.example:0/live",
        "rtmp://a.example:99999/live",
        "rtmp://user:secret@a.example/live",
        "rtmp://a.example/li ve",
        "rtmp://a.example/live\n",
        "srt://a.example",
        "file:",
        "file:../x",
        "file:a/b",
        "file:.hidden",
        "file:" + "a" * 81,
        "rtmp://a.example/" + "a" * 2048,
    ],
)
def test_a_server_that_is_none_is_refused_in_one_sentence(server):
    """camera S5, W3: no separators in names of files; no credentials where they would be shown."""
    with pytest.raises(Invalid) as refused:
        check_server(server)
    assert refused.value.field == "server"
    assert len(refused.value.message) <= 200
    assert "secret" not in refused.value.message


def test_a_file_is_named():
    assert file_name("file:show_1") == "show_1"


@pytest.mark.parametrize("label", ["", "  ", "a\x00", "a\n", "a" * 81])
def test_a_label_is_short_and_has_no_control_characters(label):
    with pytest.raises(Invalid):
        check_label(label, "name")


def test_a_site_knows_its_kind_and_its_accounts():
    site = Site(id="1", name="A", server="RTMPS://a.example/live", stream_ids=(Account(account_name="main"),))
    assert site.kind == "rtmps"
    assert site.account("main") == Account(account_name="main")
    assert site.account("other") is None
    target = Target(site_id="1", site="A", account="main", server=site.server, key="k")
    assert (target.kind, repr(target)) == ("rtmps", "Target('A', 'main')"), "S6: no key in a trace"
