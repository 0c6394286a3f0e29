"""camera 2.7: after 10 failures a minute from one address all are refused for 60 s."""

import pytest

from triptych.panels.lockout import MOST_ADDRESSES, Lockout


class Watch:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def lockout(watch):
    return Lockout(watch)


def fail(lockout, watch, times, every_s=1.0, address="a"):
    for _ in range(times):
        lockout.note(address)
        watch.now_s += every_s


def test_ten_failures_within_a_minute_lock_one_address_for_a_minute(lockout, watch):
    fail(lockout, watch, 9)
    assert not lockout.holds("a")
    fail(lockout, watch, 1, every_s=0)
    assert lockout.holds("a")
    assert not lockout.holds("b")
    watch.now_s += 59
    assert lockout.holds("a")
    watch.now_s += 2
    assert not lockout.holds("a")


def test_ten_failures_over_longer_lock_nobody(lockout, watch):
    fail(lockout, watch, 30, every_s=7)
    assert not lockout.holds("a")


def test_old_addresses_are_forgotten(lockout, watch):
    fail(lockout, watch, 10, every_s=0)
    for number in range(MOST_ADDRESSES):
        lockout.note(f"other {number}")
    assert not lockout.holds("a")
    assert len(lockout._failures) == MOST_ADDRESSES
