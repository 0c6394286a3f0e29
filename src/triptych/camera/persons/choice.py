"""What a choice of persons means (camera 4): only theirs are faces to follow, and only theirs are expected in a room. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from triptych.camera.persons.matching import Identity, Standing
from triptych.camera.track import Lock, Track, foremost
from triptych.camera.visits import Judgement
from triptych.camera.visits import Standing as Visitor

EVERYBODY = ("all",)
Identify = Callable[[timedelta, Sequence[Track]], Mapping[int, Identity]]
"""Takes the tracks of the frame captured then, and returns whose faces they are."""


def admits(chosen: tuple[str, ...], identity: Identity) -> bool:
    """Say whether a face is one of the chosen persons'; `("all",)` are all who are enrolled."""
    return identity.standing is Standing.PERSON and (chosen == EVERYBODY or identity.person in chosen)


def judge(chosen: tuple[str, ...], identity: Identity) -> Judgement:
    """Say whether a face gives an alarm while these persons are expected in a room; a face that is not known yet is looked at longer."""
    if identity.standing is Standing.UNKNOWN:
        return Judgement(standing=Visitor.UNSURE)
    standing = Visitor.EXPECTED if admits(chosen, identity) else Visitor.VISITOR
    return Judgement(standing=standing, person=identity.person or None)


class ChosenLock(Lock):
    """Chooses the largest face of a chosen person, keeps it while it is hers, and after a loss takes only her confirmed face again.

    Once the patience is over any chosen person may be the next. `identify` says whose faces tracks are, by their numbers.
    """

    def __init__(self, chosen: tuple[str, ...], identify: Identify, patience: timedelta = timedelta(seconds=3)) -> None:
        super().__init__(patience)
        self.chosen = chosen
        self._identify = identify
        self._identities: Mapping[int, Identity] = {}
        self._person = ""

    def update(self, at: timedelta, tracks: Sequence[Track]) -> Track | None:
        """Return the target among `tracks`, or None."""
        self._identities = self._identify(at, tracks)
        fit = [track for track in tracks if track.confirmed and self.admits(track)]
        held = next((track for track in fit if track.number == self.number), None)
        if held is not None and self._who(held) == self._person:
            self._last = held if held.seen else self._last
            return held
        theirs = [track for track in fit if track.seen]
        if self._last is not None and at - self._last.last_seen < self._patience:
            theirs = [track for track in theirs if self._who(track) == self._person]
        if not theirs:
            return None
        self.choose(foremost(theirs))
        return self._last

    def choose(self, track: Track) -> None:
        """Follow `track` from now on."""
        super().choose(track)
        self._person = self._who(track)

    def admits(self, track: Track) -> bool:
        """Say whether a track is a chosen person's."""
        return track.number in self._identities and admits(self.chosen, self._identities[track.number])

    def _who(self, track: Track) -> str:
        return self._identities[track.number].person
