"""The sites that live streams go to, as they are kept: a document a camera, and their keys in a file of their own (camera S6)."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from triptych.camera.sites import Account, Site, Target
from triptych.errors import Invalid, NotFound
from triptych.keyfile import KeyFile
from triptych.panels.cameras import Camera
from triptych.panels.http import Service

SHELF = "live.sites"
KEYS = "live-keys.json"
MOST_SITES = 50
MOST_ACCOUNTS = 20
KEYLESS = frozenset({"file"})


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The document of a camera."""

    sites: tuple[Site, ...] = ()


async def load(door: Service, camera: Camera) -> tuple[Site, ...]:
    """Return the sites of a camera, oldest first."""
    document = await door.catalog.get(SHELF, camera.id)
    return () if document is None else msgspec.convert(document, Kept).sites


async def change(door: Service, camera: Camera, edit: Callable[[tuple[Site, ...]], tuple[Site, ...]]) -> None:
    """Put `edit` of the sites in their place; what it raises changes nothing."""
    async with door.editing:
        sites = edit(await load(door, camera))
        await door.catalog.put(SHELF, camera.id, msgspec.to_builtins(Kept(sites=sites)))


async def set_keys(door: Service, keys: Mapping[str, str | None]) -> None:
    """Keep keys by their names; None forgets one."""
    if keys:
        await asyncio.to_thread(_file(door).change, keys)


async def keys(door: Service) -> Mapping[str, str]:
    """Return every key by its name."""
    return await asyncio.to_thread(_file(door).read)


def key_name(site_id: str, account: str) -> str:
    """Return the name of an account's key."""
    return f"{site_id}/{account}"


def find(sites: tuple[Site, ...], site_id: str | None) -> Site:
    """Return the site with this id. Raises `NotFound`."""
    for site in sites:
        if site.id == site_id:
            return site
    raise NotFound("id must be the id of a site.", code="site_not_found", field="id")


def find_account(site: Site, name: str | None) -> Account:
    """Return the account of this name. Raises `NotFound`."""
    account = None if name is None else site.account(name)
    if account is None:
        raise NotFound("account_name must be an account of the site.", code="account_not_found", field="account_name")
    return account


def with_site(sites: tuple[Site, ...], changed: Site) -> tuple[Site, ...]:
    """Return the sites with `changed` in its place, or at the end. Raises `Invalid` for a name that another one has."""
    if any(site.name.casefold() == changed.name.casefold() and site.id != changed.id for site in sites):
        raise Invalid("name must be one that no other site has.", field="name")
    if all(site.id != changed.id for site in sites):
        sites = (*sites, changed)
    if len(sites) > MOST_SITES:
        raise Invalid(f"There are {MOST_SITES} sites already.", field="name")
    return tuple(changed if site.id == changed.id else site for site in sites)


def with_account(site: Site, before: str | None, changed: Account) -> Site:
    """Return the site with an account in the place of the one named `before`, or a new one. Raises `Invalid`."""
    others = [one for one in site.stream_ids if one.account_name != before]
    if any(one.account_name == changed.account_name for one in others):
        raise Invalid("account_name must be one that the site does not have yet.", field="account_name")
    if len(others) >= MOST_ACCOUNTS:
        raise Invalid(f"The site has {MOST_ACCOUNTS} accounts already.", field="account_name")
    accounts = [changed if one.account_name == before else one for one in site.stream_ids]
    return replace(site, stream_ids=tuple(accounts if before is not None else [*accounts, changed]))


async def targets(door: Service, camera: Camera) -> list[Target]:
    """Return where the live stream of a camera goes. Raises `Invalid` for an enabled site without a key."""
    sites = [site for site in await load(door, camera) if site.to_be_used]
    held = await keys(door) if sites else {}
    return [target for site in sites for target in _targets(site, held)]


def _targets(site: Site, held: Mapping[str, str]) -> list[Target]:
    if site.kind in KEYLESS:
        return [Target(site_id=site.id, site=site.name, account=None, server=site.server, marks=site.marks)]
    active = [one.account_name for one in site.stream_ids if one.is_active]
    found = {name: held.get(key_name(site.id, name)) for name in active}
    if not all(found.values()) or not found:
        raise Invalid(f"{site.name}: the site has no active account with a key.", code="key_missing", field="key")
    return [
        Target(site_id=site.id, site=site.name, account=name, server=site.server, key=key or "", marks=site.marks)
        for name, key in found.items()
    ]


def _file(door: Service) -> KeyFile:
    return KeyFile(door.settings.data_dir / KEYS)
