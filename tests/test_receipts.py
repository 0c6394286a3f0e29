"""Nothing is acknowledged before it is on disk, and nothing is forgotten because it could not be."""

import pytest

from triptych.receipts import Receipts

KEY = ("j", 1)


def syncing(failed=()):
    async def sync():
        return frozenset(failed)

    return sync


async def test_the_newest_report_of_an_attempt_is_acknowledged_once():
    """workers O5."""
    receipts = Receipts()
    for seq in (1, 3, 2):
        receipts.note("w", KEY, seq)
    assert receipts.take("w") == {}
    assert receipts.owes
    await receipts.settle(syncing())
    assert receipts.take("w") == {KEY: 3}
    assert receipts.take("w") == {}
    assert not receipts.owes


async def test_what_is_not_on_disk_waits():
    """workers O5."""
    receipts = Receipts()
    receipts.note("w", KEY, 5)
    receipts.note("w", ("other", 1), 2)
    await receipts.settle(syncing({KEY}))
    assert receipts.take("w") == {("other", 1): 2}
    await receipts.settle(syncing())
    assert receipts.take("w") == {KEY: 5}


async def test_a_disk_that_fails_loses_no_receipt():
    receipts = Receipts()
    receipts.note("w", KEY, 5)

    async def fail():
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        await receipts.settle(fail)
    await receipts.settle(syncing())
    assert receipts.take("w") == {KEY: 5}


async def test_what_could_not_be_told_is_told_with_the_newest_number():
    receipts = Receipts()
    receipts.note("w", KEY, 5)
    await receipts.settle(syncing())
    taken = receipts.take("w")
    receipts.note("w", KEY, 6)
    await receipts.settle(syncing())
    receipts.put_back("w", taken)
    assert receipts.take("w") == {KEY: 6}


async def test_a_worker_that_is_removed_is_owed_nothing():
    receipts = Receipts()
    receipts.note("w", KEY, 5)
    receipts.drop(["w"])
    assert not receipts.owes


async def test_one_message_takes_only_so_much():
    receipts = Receipts()
    for number in range(5):
        receipts.note("w", (f"j{number}", 1), 1)
    await receipts.settle(syncing())
    assert [len(receipts.take("w", 2)) for _ in range(4)] == [2, 2, 1, 0]
