"""The lock where persons are chosen: only theirs are faces to follow (camera 4). Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from triptych.camera.persons.matching import Identity, Standing
from triptych.camera.track import Track, foremost

EVERYBODY = ("all",)


def admits(chosen: tuple[str, ...], identity: Identity) -> bool:
    """Say whether a face is one of the chosen persons'; `("all",)` are all who are enrolled."""
    return identity.standing is Standing.PERSON and (chosen == EVERYBODY or identity.person in chosen)


class ChosenLock:
    """Chooses the largest face of a chosen person, keeps it while it is hers, and after a loss takes only her confirmed face again.

    Once the patience is over any chosen person may be the next.
    """

    def __init__(self, chosen: tuple[str, ...], patience: timedelta = timedelta(seconds=3)) -> None:
        self.chosen = chosen
        self._patience = patience
        self._last: Track | None = None
        self._person = ""

    @property
    def number(self) -> int | None:
        """Return the number of the chosen track, None before the first choice."""
        return None if self._last is None else self._last.number

    def update(self, at: timedelta, tracks: Sequence[Track], identities: Mapping[int, Identity]) -> Track | None:
        """Return the target among `tracks`, or None; `identities` are by the numbers of tracks."""
        fit = {track.number: track for track in tracks if self._fits(track, identities)}
        held = fit.get(self.number) if self.number is not None else None
        if held is not None and identities[held.number].person == self._person:
            self._last = held if held.seen else self._last
            return held
        theirs = [track for track in fit.values() if track.seen]
        if self._last is not None and at - self._last.last_seen < self._patience:
            theirs = [track for track in theirs if identities[track.number].person == self._person]
        if not theirs:
            return None
        self.choose(foremost(theirs), identities)
        return self._last

    def choose(self, track: Track, identities: Mapping[int, Identity]) -> bool:
        """Follow `track` from now on; False when it is not a chosen person's."""
        if not self._fits(track, identities):
            return False
        self._last, self._person = track, identities[track.number].person
        return True

    def release(self) -> None:
        """Follow nobody; the next choice is free among the chosen."""
        self._last, self._person = None, ""

    def _fits(self, track: Track, identities: Mapping[int, Identity]) -> bool:
        identity = identities.get(track.number)
        return track.confirmed and identity is not None and admits(self.chosen, identity)
