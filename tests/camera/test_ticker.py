"""The thread that lives only while there is something to do."""

import threading
from datetime import timedelta

import pytest

from triptych.camera.ticker import Ticker

BOUND_S = 10
PERIOD = timedelta(milliseconds=1)


@pytest.fixture
def made():
    tickers = []

    def make(run_once, give_up=lambda: None):
        tickers.append(Ticker(run_once, PERIOD, give_up))
        return tickers[-1]

    yield make
    for ticker in tickers:
        ticker.close()


def alive():
    return [thread for thread in threading.enumerate() if thread.name == "ticker"]


def gone(condition):
    """Wait until the thread of a ticker is no more."""
    for thread in alive():
        thread.join(BOUND_S)
    assert not alive()
    return condition


def test_nothing_runs_before_it_is_woken_nor_after_it_is_done(made):
    """camera S1: nothing moves until a client asks."""
    counts = iter([True, True, False, True, False])
    calls = []

    def run_once():
        calls.append(threading.current_thread())
        return next(counts)

    ticker = made(run_once)
    assert not alive()
    ticker.wake()
    gone(ticker)
    assert len(calls) == 3
    ticker.wake()
    gone(ticker)
    assert len(calls) == 5


def test_a_wake_during_the_last_look_is_not_lost(made):
    calls = []

    def run_once():
        calls.append(1)
        if len(calls) == 1:
            ticker.wake()
        return False

    ticker = made(run_once)
    ticker.wake()
    gone(ticker)
    assert len(calls) == 2


def test_after_a_fault_it_gives_up_and_can_be_woken_again(made):
    given_up, works = threading.Event(), threading.Event()

    def run_once():
        if given_up.is_set():
            works.set()
            return False
        raise OSError("no board")

    ticker = made(run_once, given_up.set)
    ticker.wake()
    assert given_up.wait(BOUND_S)
    gone(ticker)
    ticker.wake()
    assert works.wait(BOUND_S)


def test_a_closed_one_ends_at_once_and_stays_asleep(made):
    begun = threading.Event()

    def run_once():
        begun.set()
        return True

    ticker = made(run_once)
    ticker.wake()
    assert begun.wait(BOUND_S)
    ticker.close()
    assert not alive()
    ticker.wake()
    assert not alive()
