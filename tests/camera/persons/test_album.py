"""camera S8 and camera 6: what is kept of persons, and that nothing is left of them."""

import json
import stat
from datetime import UTC, datetime

import numpy as np
import pytest

from triptych.camera.persons.album import Accepted, Album
from triptych.errors import Conflict, Invalid, NotFound

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOBODY = "6f1f5c9e-6e0b-4a55-9a67-2f0d4d0d7a11"


def photo(name="a.jpg", number=0.25):
    return Accepted(name=name, extension="jpg", data=b"picture of " + name.encode(), descriptor=np.full(128, number, np.float32))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "persons"


@pytest.fixture
def album(root):
    return Album(root)


def kept(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))


def test_a_person_is_kept_with_name_numbers_time_and_role(album, root):
    """camera S8: enrolment records when and by which role; camera S5: number arrays, never pickles."""
    card = album.enrol("Ada", [photo()], NOON, "operator")
    read = json.loads((root / card.id / "card.json").read_bytes())
    picture = read["pictures"][0]
    assert (read["name"], picture["name"], picture["role"], picture["at"]) == ("Ada", "a.jpg", "operator", "2026-03-01T12:00:00Z")
    assert picture["encoding"] == [0.25] * 128
    assert (root / card.id / f"{picture['id']}.jpg").read_bytes() == b"picture of a.jpg"
    assert Album(root).find(card.id) == card


def test_nobody_else_on_the_machine_may_read_it(album, root):
    """camera S5."""
    album.enrol("Ada", [photo()], NOON, "operator")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in (root, *root.iterdir()) if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_the_same_name_adds_to_the_same_person(album):
    """camera 6: same name adds to that person."""
    first = album.enrol("Ada Lovelace", [photo()], NOON, "operator")
    again = album.enrol(" ada LOVELACE"[1:], [photo("b.png"), photo()], NOON, "admin")
    assert again.id == first.id
    assert again.name == "Ada Lovelace"
    assert [picture.name for picture in again.pictures] == ["a.jpg", "b.png", "a_2.jpg"]
    assert [picture.role for picture in again.pictures] == ["operator", "admin", "admin"]


def test_a_person_is_renamed_and_keeps_her_pictures(album):
    card = album.enrol("Ada", [photo()], NOON, "operator")
    renamed = album.amend(card.id, "Countess", [photo("b.jpg")], NOON, "operator")
    assert (renamed.id, renamed.name, len(renamed.pictures)) == (card.id, "Countess", 2)
    assert album.amend(card.id, "countess", [], NOON, "operator").name == "countess"


def test_two_persons_have_two_names(album):
    album.enrol("Ada", [photo()], NOON, "operator")
    bob = album.enrol("Bob", [photo()], NOON, "operator")
    with pytest.raises(Conflict):
        album.amend(bob.id, "ADA", [], NOON, "operator")
    assert [card.name for card in album.cards()] == ["Ada", "Bob"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..\\x", "a\x00", "x" * 81])
def test_a_name_is_a_label_and_no_path(album, root, name):
    """camera S5: separators and control characters refused."""
    with pytest.raises(Invalid, match="face_name"):
        album.enrol(name, [photo()], NOON, "operator")
    assert not root.exists()


@pytest.mark.parametrize("person", [NOBODY, "", "..", "../records", "a" * 36])
def test_an_id_that_is_none_finds_nobody(album, person):
    album.enrol("Ada", [photo()], NOON, "operator")
    for verb in (album.find, album.forget, lambda one: album.picture(one, "a.jpg"), lambda one: album.amend(one, "B", [], NOON, "x")):
        with pytest.raises(NotFound):
            verb(person)
    assert len(album.cards()) == 1


def test_a_picture_is_found_by_its_name_alone(album):
    card = album.enrol("Ada", [photo()], NOON, "operator")
    picture, path = album.picture(card.id, "a.jpg")
    assert (picture.media_type, path.read_bytes()) == ("image/jpeg", b"picture of a.jpg")
    for name in ("b.jpg", "../card.json", f"{picture.id}.jpg", ""):
        with pytest.raises(NotFound):
            album.picture(card.id, name)


def test_nothing_is_left_of_whoever_is_deleted(album, root):
    """camera S8: delete leaves nothing."""
    card = album.enrol("Ada", [photo()], NOON, "operator")
    bob = album.enrol("Bob", [photo()], NOON, "operator")
    album.forget(card.id)
    assert [folder.name for folder in root.iterdir() if folder.is_dir()] == [bob.id]
    with pytest.raises(NotFound):
        album.find(card.id)


def test_each_change_has_another_version(album):
    versions = [album.version]
    card = album.enrol("Ada", [photo()], NOON, "operator")
    versions.append(album.version)
    album.amend(card.id, "B", [], NOON, "operator")
    versions.append(album.version)
    album.forget(card.id)
    versions.append(album.version)
    assert len(set(versions)) == 4


def test_what_a_killed_process_left_half_made_goes_with_the_next_change(album, root):
    card = album.enrol("Ada", [photo()], NOON, "operator")
    (root / card.id / "half.jpg").write_bytes(b"x")
    (root / NOBODY).mkdir()
    (root / NOBODY / "lost.jpg").write_bytes(b"x")
    assert len(album.cards()) == 1
    album.enrol("Bob", [photo()], NOON, "operator")
    assert len(kept(root)) == 4
    assert not (root / NOBODY).exists()


def test_the_matching_knows_a_person_by_her_numbers(album):
    card = album.enrol("Ada", [photo(number=0.5), photo(number=0.25)], NOON, "operator")
    assert card.enrolled.descriptors.shape == (2, 128)
    assert card.enrolled.identity.name == "Ada"
