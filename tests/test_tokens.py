"""Workers 9, stolen user token: roles, bounds, expiry, instant revocation, stored hashed, shown once."""

from datetime import timedelta

import pytest

from manualclock import ManualClock
from triptych.errors import Invalid, NotFound, Unavailable
from triptych.stores.memory import MemoryStore
from triptych.stores.sql import SqlStore
from triptych.tokens import SHELF, Role, Tokens

HOUR = timedelta(hours=1)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def catalog():
    return MemoryStore()


@pytest.fixture
def tokens(catalog, clock):
    return Tokens(catalog, clock)


async def test_what_a_token_spells_finds_it_and_nothing_else_does(tokens):
    token, spelled = await tokens.create(name="ci", role=Role.OPERATOR, by="uid:0")
    assert spelled.startswith("triptych_")
    assert len(spelled) >= len("triptych_") + 43
    assert tokens.find(spelled).id == token.id
    for wrong in ("", "triptych_", spelled[:-1], spelled + "x", spelled.upper(), token.id, token.digest, "\udcff"):
        assert tokens.find(wrong) is None


async def test_what_it_spells_is_nowhere_on_disk(clock, tmp_path):
    async with SqlStore(f"sqlite:///{tmp_path / 'triptych.db'}") as store:
        _, spelled = await Tokens(store, clock).create(name="ci", role=Role.ADMIN, by="uid:0")
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b'"name":"ci"' in stored
    assert spelled.removeprefix("triptych_").encode() not in stored


async def test_two_tokens_never_spell_the_same(tokens):
    spelled = {(await tokens.create(name="same", role=Role.VIEWER, by="x"))[1] for _ in range(20)}
    assert len(spelled) == len(tokens) == 20


async def test_a_token_survives_a_restart_with_all_that_it_says(tokens, catalog, clock):
    bounds = {"workers": ("a",), "commands": ("sh", "bash")}
    token, spelled = await tokens.create(name="ci", role=Role.OPERATOR, by="uid:0", lifetime=HOUR, **bounds)
    again = Tokens(catalog, clock)
    await again.load()
    assert list(again) == [token]
    assert again.find(spelled).commands == ("sh", "bash")


async def test_a_revoked_token_is_no_good_at_once_and_after_a_restart(tokens, catalog, clock):
    token, spelled = await tokens.create(name="ci", role=Role.ADMIN, by="uid:0")
    await tokens.revoke(token.id)
    assert tokens.find(spelled) is None
    assert not tokens.holds(token)
    again = Tokens(catalog, clock)
    await again.load()
    assert len(again) == 0
    with pytest.raises(NotFound):
        await tokens.revoke(token.id)


async def test_a_token_ends_in_its_time(tokens, clock):
    token, spelled = await tokens.create(name="ci", role=Role.ADMIN, by="uid:0", lifetime=HOUR)
    clock.time += HOUR - timedelta(seconds=1)
    assert tokens.holds(tokens.find(spelled))
    assert tokens.usable == 1
    clock.time += timedelta(seconds=1)
    assert (tokens.find(spelled), tokens.holds(token), tokens.usable, len(tokens)) == (None, False, 0, 1)


async def test_the_last_use_is_kept_to_the_minute(tokens, catalog, clock):
    _, spelled = await tokens.create(name="ci", role=Role.ADMIN, by="uid:0")
    first = clock.time
    tokens.find(spelled)
    clock.time += timedelta(seconds=59)
    tokens.find(spelled)
    await tokens.run_once()
    again = Tokens(catalog, clock)
    await again.load()
    assert [found.used_at for found in again] == [first]
    clock.time += timedelta(seconds=1)
    assert tokens.find(spelled).used_at == clock.time


class FullDisk(MemoryStore):
    """A catalog that takes nothing while it is full."""

    is_full = False

    async def put(self, shelf, key, document):
        if self.is_full:
            raise Unavailable("store unavailable", code="store_unavailable")
        await super().put(shelf, key, document)


async def test_a_last_use_that_cannot_be_stored_is_stored_later(clock):
    catalog = FullDisk()
    tokens = Tokens(catalog, clock)
    _, spelled = await tokens.create(name="ci", role=Role.ADMIN, by="uid:0")
    tokens.find(spelled)
    catalog.is_full = True
    with pytest.raises(Unavailable):
        await tokens.run_once()
    catalog.is_full = False
    await tokens.run_once()
    again = Tokens(catalog, clock)
    await again.load()
    assert [found.used_at for found in again] == [clock.time]


async def test_a_token_that_cannot_be_stored_is_not_made(clock):
    catalog = FullDisk()
    catalog.is_full = True
    tokens = Tokens(catalog, clock)
    with pytest.raises(Unavailable):
        await tokens.create(name="ci", role=Role.ADMIN, by="uid:0")
    assert len(tokens) == 0


async def test_storing_a_last_use_never_brings_a_revoked_token_back(tokens, catalog):
    token, spelled = await tokens.create(name="ci", role=Role.ADMIN, by="uid:0")
    tokens.find(spelled)
    await tokens.revoke(token.id)
    await tokens.run_once()
    assert await catalog.keys(SHELF) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
async def test_only_an_operator_can_be_bound(tokens, role):
    with pytest.raises(Invalid, match="only an operator"):
        await tokens.create(name="x", role=role, by="x", workers=("a",))


@pytest.mark.parametrize(
    ("role", "needed", "covers"),
    [("viewer", "viewer", True), ("viewer", "operator", False), ("operator", "viewer", True), ("operator", "admin", False)],
)
def test_each_role_may_do_what_the_one_before_it_may(role, needed, covers):
    assert Role(role).covers(Role(needed)) is covers


@pytest.mark.parametrize("name", ["¶\u0089🌲", "\u200b", "x" * 200, " "])
async def test_a_name_that_the_document_allows_is_taken(tokens, name):
    assert (await tokens.create(name=name, role=Role.VIEWER, by="x"))[0].name == name


@pytest.mark.parametrize("name", ["", "a\nb", "\x7f", "x" * 201])
async def test_a_name_that_it_does_not_allow_is_refused(tokens, name):
    with pytest.raises(Invalid, match="without control characters"):
        await tokens.create(name=name, role=Role.VIEWER, by="x")
