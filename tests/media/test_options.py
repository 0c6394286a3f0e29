import msgspec
import pytest

from triptych.media import options
from triptych.media.features import FEATURES

STRUCTS = {kind for kind in vars(options).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)}


def test_every_feature_starts_from_its_defaults() -> None:
    for entry in FEATURES.values():
        assert msgspec.convert({}, entry.options).enabled is True


@pytest.mark.parametrize("kind", sorted(STRUCTS, key=lambda kind: kind.__name__))
def test_every_option_says_what_it_must_be(kind) -> None:
    for field in msgspec.structs.fields(kind):
        parts = (field.type, *getattr(field.type, "__args__", ()))
        metas = [meta for part in parts for meta in getattr(part, "__metadata__", ())]
        assert any(meta.description for meta in metas), field.name


def test_alarms_are_off_and_have_the_defaults_of_the_contract() -> None:
    """media 3.4."""
    for name, entry in FEATURES.items():
        known = {field.name: field for field in msgspec.structs.fields(entry.options)}
        assert ("alarmSettings" in known) == entry.alarmable, name
        if entry.alarmable:
            alarm = entry.options().alarmSettings
            assert (alarm.enabled, alarm.sensitivity, alarm.secsInAlarmDuration) == (False, 0.2, 210)


def test_each_alarm_has_its_own_keys() -> None:
    """media 3.4, 4.2."""
    own = {name: FEATURES[name].options().alarmSettings for name in ("AUDIO_FORMAT", "MACROBLOCKING", "SPOKEN_LANGUAGE")}
    assert (own["AUDIO_FORMAT"].allowableAudioFormat, own["AUDIO_FORMAT"].allowCompressedAudio) == (15, 3)
    assert own["MACROBLOCKING"].minSsimValue == 0.9
    assert own["SPOKEN_LANGUAGE"].maskAllowableLanguages == (3,) * 8
    assert FEATURES["CAPTION_LANGUAGE"].options().alarmSettings.maskAllowableLanguages == (3,) * 4
    assert FEATURES["FACE_DETECTION"].options().alarmSettings.maxFaceCount == 1


@pytest.mark.parametrize("area", [-1, 101])
def test_an_area_is_a_share_of_the_picture(area) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"area": area}, options.LevelsOptions)
