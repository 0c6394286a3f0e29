"""What every catalog must do."""

import asyncio

import pytest

from triptych.contracts import Catalog
from triptych.errors import Invalid


async def test_a_document_comes_back_as_it_was_put(catalog: Catalog) -> None:
    document = {"name": "ä€\N{GRINNING FACE}", "list": [1, 2.5, None, {"b": True, "a": []}]}
    await catalog.put("cameras", "c1", document)
    assert await catalog.get("cameras", "c1") == document


async def test_a_key_belongs_to_its_shelf(catalog: Catalog) -> None:
    await catalog.put("cameras", "c1", {"a": 1})
    assert await catalog.get("workflows", "c1") is None
    assert list(await catalog.keys("workflows")) == []


async def test_the_later_document_wins(catalog: Catalog) -> None:
    await asyncio.gather(*(catalog.put("cameras", "c1", {"n": number}) for number in range(20)))
    assert await catalog.get("cameras", "c1") == {"n": 19}


async def test_a_document_is_dropped_once(catalog: Catalog) -> None:
    await catalog.put("cameras", "c1", {"a": 1})
    assert await asyncio.gather(catalog.drop("cameras", "c1"), catalog.drop("cameras", "c1")) == [True, False]
    assert await catalog.get("cameras", "c1") is None


async def test_the_keys_of_a_shelf_are_sorted_by_code_point(catalog: Catalog) -> None:
    for key in ("b", "a-2", "a1", "B", "ä", "_"):
        await catalog.put("cameras", key, {})
    assert list(await catalog.keys("cameras")) == sorted(["b", "a-2", "a1", "B", "ä", "_"])


async def test_a_whole_shelf_comes_at_once_in_the_order_of_its_keys(catalog: Catalog) -> None:
    for key in ("b", "a-2", "a1", "B", "ä", "_"):
        await catalog.put("cameras", key, {"key": key, "list": [1, None]})
    await catalog.put("workflows", "c", {"key": "c"})
    await catalog.drop("cameras", "a1")
    assert list(await catalog.all("cameras")) == [{"key": key, "list": [1, None]} for key in sorted(["b", "a-2", "B", "ä", "_"])]
    assert list(await catalog.all("arms")) == []


async def test_a_document_that_is_not_json_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Invalid):
        await catalog.put("cameras", "c1", {"x": object()})
    assert await catalog.get("cameras", "c1") is None


async def test_what_was_put_is_not_changed_from_outside(catalog: Catalog) -> None:
    document = {"list": [1]}
    await catalog.put("cameras", "c1", document)
    document["list"].append(2)
    assert await catalog.get("cameras", "c1") == {"list": [1]}
