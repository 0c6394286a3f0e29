"""Options of any struct, as the features declare them."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from triptych.panels.faults import Faults
from triptych.panels.options import read_options


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    enabled: Annotated[bool, Meta(description="true or false")] = False
    sensitivity: Annotated[float, Meta(ge=0, le=1, description="a number between 0 and 1")] = 0.2
    bits: Annotated[tuple[int, ...], Meta(description="an array of whole numbers")] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    count: Annotated[int, Meta(ge=0, description="a whole number, 0 or more")] = 0
    mode: Annotated[Literal["a", "b"], Meta(description="a or b")] | None = None
    alarmSettings: Annotated[Alarm, Meta(description="an object")] = Alarm()  # noqa: N815 - as documented
    spare: Alarm | None = None
    target: Annotated[Literal["loud"] | Alarm, Meta(description="loud or an object")] = "loud"
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not be above high")


def _read(given):
    faults = Faults()
    return read_options(faults, "sampleConfig", Sample, given), [fault.reason for fault in faults.found], list(faults.warnings)


def test_options_that_fit_are_returned_also_nested_ones() -> None:
    values, faults, _ = _read({"count": 2, "alarmSettings": {"enabled": True, "sensitivity": 1, "bits": [1, 2]}})
    assert (values, faults) == ({"count": 2, "alarmSettings": {"enabled": True, "sensitivity": 1.0, "bits": (1, 2)}}, [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": -1}, "sampleConfig.count must be a whole number, 0 or more"),
        ({"count": True}, "sampleConfig.count must be a whole number, 0 or more"),
        ({"count": 1.5}, "sampleConfig.count must be a whole number, 0 or more"),
        ({"mode": "c"}, "sampleConfig.mode must be a or b"),
        ({"alarmSettings": 1}, "sampleConfig.alarmSettings must be an object"),
        ({"alarmSettings": {"enabled": 1}}, "sampleConfig.alarmSettings.enabled must be true or false"),
        ({"alarmSettings": {"enabled": True, "sensitivity": 2}}, "sampleConfig.alarmSettings.sensitivity must be a number between 0 and 1"),
        (
            {"alarmSettings": {"enabled": False, "sensitivity": True}},
            "sampleConfig.alarmSettings.sensitivity must be a number between 0 and 1",
        ),
        ({"alarmSettings": {"enabled": True, "bits": [1, True]}}, "sampleConfig.alarmSettings.bits must be an array of whole numbers"),
        ({"target": "soft"}, "sampleConfig.target must be loud or an object"),
        ({"target": {"enabled": 2}}, "sampleConfig.target.enabled must be true or false"),
        ({"spare": {"enabled": 0}}, "sampleConfig.spare.enabled must be true or false"),
        ({"low": 10}, "sampleConfig: low must not be above high"),
        ([], "sampleConfig must be an object"),
    ],
)
def test_an_option_that_does_not_fit_is_told_by_its_whole_name(given, message) -> None:
    """media 2.5: `<field> must be <type and range>`; booleans are not integers."""
    assert _read(given)[1] == [message]


def test_what_may_be_a_word_or_an_object_is_read_as_either() -> None:
    assert _read({"target": "loud", "spare": None})[:2] == ({"target": "loud", "spare": None}, [])
    assert _read({"target": {"sensitivity": 1}})[:2] == ({"target": {"sensitivity": 1.0}}, [])


def test_unknown_options_are_ignored_and_named() -> None:
    """media 2.3."""
    values, _, warnings = _read({"new": 1, "alarmSettings": {"enabled": False, "new": 1}})
    assert values == {"alarmSettings": {"enabled": False}}
    assert warnings == [
        "videoContext.sampleConfig.new is not known and was ignored",
        "videoContext.sampleConfig.alarmSettings.new is not known and was ignored",
    ]


def test_alarm_settings_without_enabled_leave_the_alarm_off_with_a_warning() -> None:
    """media 3.4."""
    assert _read({"alarmSettings": {"sensitivity": 0.5}})[2] == [
        "videoContext.sampleConfig.alarmSettings does not say enabled, so the alarm stays off"
    ]
    assert _read({"alarmSettings": {}})[2] == []
