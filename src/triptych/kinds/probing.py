"""A look at one input without a job: its index, by a caged decoder, and what of a request it cannot serve (media 2.2)."""

import os
import selectors
import signal
import time
from collections.abc import Callable
from fractions import Fraction

import msgspec

from triptych.errors import Invalid, TriptychError, Unavailable
from triptych.kinds import AnnotateSpec
from triptych.media import measured, pipeline
from triptych.media.analysis import lacks
from triptych.media.inputs import open_input, refuse_text
from triptych.media.measured import Broken, FromDecoder, Indexed, Ready
from triptych.media.sandbox import Decoder, confine
from triptych.media.spans import Segments, offset_text
from triptych.messages import Answer, Ask, Refused, Reply
from triptych.model import Place

BOUND_S = 40.0
HEAD_BYTES = 4096
VERB = "probe"


def probe(ask: Ask, place: Place) -> Reply:
    """Answer with the duration, or refuse with the code and text that the job would fail with."""
    if ask.verb != VERB:
        return Refused(code="invalid", message=f"an annotate process knows no {ask.verb}")
    try:
        spec = msgspec.convert(ask.spec, AnnotateSpec)
        index = _look(spec, place)
        warnings = unfit(spec, index)
    except TriptychError as fault:
        return Refused(code=fault.code, message=fault.message)
    return Answer(data={"duration": offset_text(Fraction(*index.duration)), "warnings": warnings})


def unfit(spec: AnnotateSpec, index: Indexed) -> list[str]:
    """Return which features find nothing to measure. Raises `Invalid` when that is all of them, or every segment lies outside."""
    if Segments(spec.segments).whole(Fraction(*index.duration)) is None:
        raise Invalid("every segment lies beyond the end of the input", code="segment_outside", field="segments")
    lacking = {name: reason for name in spec.features if (reason := lacks(name, index)) is not None}
    if lacking and len(lacking) == len(spec.features):
        raise Invalid(next(iter(lacking.values())), code="bad_media", field="inputUri")
    return [f"{name}: {reason}" for name, reason in lacking.items()]


def _look(spec: AnnotateSpec, place: Place) -> Indexed:
    source = open_input(spec.input_uri, place.media_roots, place.inputs)
    try:
        refuse_text(os.pread(source, HEAD_BYTES, 0))
        return _indexed(source)
    finally:
        os.close(source)


def _indexed(source: int) -> Indexed:
    decoder = Decoder(source, _index)
    try:
        return _heard(decoder)
    finally:
        decoder.end()


def _heard(decoder: Decoder) -> Indexed:
    """Return the index once the decoder has sent it. Raises what it broke off with, or how it ended."""
    until_s = time.monotonic() + BOUND_S
    with selectors.DefaultSelector() as selector:
        selector.register(decoder.fileno(), selectors.EVENT_READ)
        while selector.select(max(0.0, until_s - time.monotonic())):
            messages = decoder.read()
            if messages is None:
                raise _dead(decoder.join())
            for message in map(measured.decode, messages):
                match message:
                    case Indexed():
                        return message
                    case Broken():
                        raise Invalid(message.message, code=message.code, field="inputUri")
    raise Unavailable(f"looking at the input took longer than {BOUND_S:.0f} seconds", code="deadline")


def _dead(status: int) -> TriptychError:
    if status == -signal.SIGXCPU:
        return Unavailable("looking at the input took more processor time than it may cost", code="deadline")
    return Invalid("input is not a media file this server can read", code="bad_media", field="inputUri")


def _index(source: int, send: Callable[[bytes], None]) -> None:
    """Be the decoder: close the cage, then touch the file."""
    full = confine()

    def tell(message: FromDecoder) -> None:
        send(measured.encode(message))

    tell(Ready(full=full))
    pipeline.make_index(source, tell)
