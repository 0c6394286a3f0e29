"""The closed captions of a film: the triplets of its pictures become what each of four services shows (CTA-708-E 4.3, ATSC A/53)."""

from fractions import Fraction

from triptych.media import cea608
from triptych.media.cea608 import Field
from triptych.media.cea708 import Packets, Service
from triptych.media.screen import Screen

SERVICES = 4
TRIPLET = 3
VALID = 0x04
TYPES = 0x03
FIRST_PACKET_TYPE = 2
PACKET_START = 3


def valid(triplets: bytes) -> bytes:
    """Return those triplets that carry anything, as they were."""
    return b"".join(triplets[at : at + TRIPLET] for at in range(0, len(triplets) - 2, TRIPLET) if triplets[at] & VALID)


class Captioning:
    """Both caption standards side by side; services are told by the newer one as soon as it was seen."""

    def __init__(self) -> None:
        self._fields = (Field(), Field())
        self._packets = Packets()
        self._services = tuple(Service() for _ in range(SERVICES))
        self._is_708 = False

    @property
    def screens(self) -> list[Screen]:
        """What services 1 to 4 of CEA-708 show; CC1 to CC4 where no such service has been seen."""
        return [service.screen for service in self._services] if self._is_708 else cea608.channels(self._fields)

    def take(self, triplets: bytes, at: Fraction) -> None:
        """Take the valid triplets of the picture shown at `at` seconds; in order of time."""
        for service in self._services:
            service.work(at)
        for place in range(0, len(triplets) - 2, TRIPLET):
            kind, first, second = triplets[place] & TYPES, triplets[place + 1], triplets[place + 2]
            if kind < FIRST_PACKET_TYPE:
                self._fields[kind].take(first, second, at)
            else:
                self._take_packet(kind == PACKET_START, bytes((first, second)), at)

    def _take_packet(self, begins: bool, data: bytes, at: Fraction) -> None:  # noqa: FBT001 - the one bit of the triplet
        for number, block in self._packets.take(begins, data):
            if not number:
                for service in self._services:
                    service.lose()
            elif number <= SERVICES:
                self._is_708 = True
                self._services[number - 1].take(block, at)
