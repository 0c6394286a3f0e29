"""Times keep their microseconds on the way to the store, the wire and back."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from triptych.clock import SystemClock, from_us, to_text, to_us

MOMENT = datetime(2020, 11, 17, 23, 57, 11, 677183, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_survives_as_microseconds(moment):
    assert from_us(to_us(moment)) == moment


def test_text_is_utc_with_the_digits_asked_for_and_is_cut_not_rounded():
    """media G5."""
    assert to_text(MOMENT) == "2020-11-17T23:57:11.677183Z"
    assert to_text(MOMENT.replace(microsecond=999999), digits=3) == "2020-11-17T23:57:11.999Z"
    assert to_text(MOMENT.astimezone(timezone(timedelta(hours=2))), digits=3) == "2020-11-17T23:57:11.677Z"


async def test_the_systems_clocks_go_forward():
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(timedelta(milliseconds=1))
    assert clock.monotonic() > before
    assert clock.now().tzinfo is UTC
