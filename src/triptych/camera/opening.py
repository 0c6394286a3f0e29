"""Puts a camera together: the eye that looks at its source through its head."""

from collections.abc import Callable

from triptych.camera.control import Lens
from triptych.camera.definition import Definition
from triptych.camera.eye import Eye, Glimpse
from triptych.camera.feed import Feed, check_fit
from triptych.camera.heads import HEADS, NoneOptions
from triptych.camera.heads.none import NoneHead
from triptych.camera.manual import Manual
from triptych.camera.registers import load
from triptych.camera.stream import Views
from triptych.camera.vitals import Vitals
from triptych.contracts import Clock, Head
from triptych.errors import Unavailable


def open_eye(
    definition: Definition,
    feed: Feed,
    *,
    clock: Clock,
    views: Views,
    manual: Manual,
    bend: Callable[[Lens], Lens],
    notice: Callable[[Glimpse], None],
    blind: Callable[[str], None],
) -> Eye:
    """Return the eye of a camera whose source is `feed`; `bend` gives its lens as it was measured.

    Raises `Invalid` when its head does not fit the pictures; no head is held then.
    """
    options = definition.head_options()
    check_fit(options, feed.size)
    head, missing = open_head(definition, clock)
    eye = Eye(
        feed,
        manual.mount(head),
        lens=bend(options.lens(feed.size)),
        clock=clock,
        views=views,
        budget=definition.budget,
        notice=notice,
        blind=blind,
        vitals=Vitals(missing),
    )
    manual.meet(eye)
    return eye


def open_head(definition: Definition, clock: Clock) -> tuple[Head, Unavailable | None]:
    """Return the head; where it cannot be opened one that stands still, and why: everything but tracking works without (camera 9)."""
    try:
        head: Head = load(HEADS[definition.head["kind"]].open)(definition.head_options(), clock)
    except Unavailable as fault:
        return NoneHead(NoneOptions(), clock), fault
    return head, None
