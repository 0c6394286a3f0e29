"""camera 6: sites, their accounts and the targets that come of them."""

import pytest
from msgspec.structs import replace

from triptych.camera.sites import Account, Site
from triptych.errors import Invalid, NotFound
from triptych.panels.livesites import MOST_ACCOUNTS, MOST_SITES, _targets, find, find_account, key_name, with_account, with_site

MAIN = Account(account_name="main")
SITE = Site(id="1", name="Tube", server="rtmp://a.example/live", to_be_used=True, marks=True, stream_ids=(MAIN,))


def test_a_site_is_put_at_the_end_or_in_its_place():
    other = Site(id="2", name="Disk", server="file:show")
    sites = with_site(with_site((), SITE), other)
    assert with_site(sites, replace(SITE, name="New")) == (replace(SITE, name="New"), other)


def test_two_sites_never_have_one_name():
    with pytest.raises(Invalid, match="name must be one"):
        with_site((SITE,), replace(SITE, id="2", name="tube"))


def test_there_is_an_end_to_sites_and_accounts():
    sites = tuple(replace(SITE, id=f"s{number}", name=str(number)) for number in range(MOST_SITES))
    with pytest.raises(Invalid, match="already"):
        with_site(sites, SITE)
    full = replace(SITE, stream_ids=tuple(Account(account_name=str(number)) for number in range(MOST_ACCOUNTS)))
    with pytest.raises(Invalid, match="already"):
        with_account(full, None, MAIN)


def test_an_account_is_added_and_changed_in_its_place():
    two = with_account(SITE, None, Account(account_name="second"))
    renamed = with_account(two, "main", Account(account_name="first", is_active=False))
    assert [one.account_name for one in renamed.stream_ids] == ["first", "second"]
    with pytest.raises(Invalid, match="account_name"):
        with_account(two, "main", Account(account_name="second"))


def test_what_is_not_there_is_said_to_be():
    assert find((SITE,), "1") == SITE
    assert find_account(SITE, "main") == MAIN
    with pytest.raises(NotFound, match="id must be"):
        find((SITE,), None)
    for name in (None, "other"):
        with pytest.raises(NotFound, match="account_name must be"):
            find_account(SITE, name)


def test_every_active_account_is_a_target():
    site = replace(SITE, stream_ids=(MAIN, Account(account_name="off", is_active=False), Account(account_name="two")))
    found = _targets(site, {key_name("1", "main"): "k1", key_name("1", "two"): "k2", key_name("1", "off"): "k3"})
    assert [(target.account, target.key, target.marks) for target in found] == [("main", "k1", True), ("two", "k2", True)]


def test_a_file_needs_no_account():
    (target,) = _targets(Site(id="2", name="Disk", server="file:show"), {})
    assert (target.account, target.key, target.kind) == (None, "", "file")


@pytest.mark.parametrize("accounts", [(), (MAIN,), (Account(account_name="main", is_active=False),)])
def test_a_target_without_a_key_is_refused_by_name(accounts):
    """camera row 29."""
    with pytest.raises(Invalid, match=r"^Tube: .* key") as told:
        _targets(replace(SITE, stream_ids=accounts), {})
    assert told.value.code == "key_missing"
