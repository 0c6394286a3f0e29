"""What a running system logs: one line an event on stderr, which never raises into the work that it tells of."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def begin() -> None:
    """Log to stderr from now on: our own events from `info`, those of libraries from `warning`; JSON lines unless a person watches.

    It goes through the standard library's handler, because that one swallows a full disk or a closed pipe behind stderr; structlog's
    own writer would raise it into the loop that logs. Tracebacks are plain: values of variables may be secrets of a job. What would
    steer a terminal is written out.
    """
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=common, processors=_rendering(sys.stderr.isatty())))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("triptych").setLevel(logging.INFO)
    logging.raiseExceptions = False
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _rendering(is_watched: bool) -> list[Processor]:  # noqa: FBT001 - the one thing it depends on
    plain: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info]
    if not is_watched:
        return [*plain, structlog.processors.JSONRenderer()]
    return [*plain, _write_out, structlog.dev.ConsoleRenderer(colors=True)]


def _write_out(_logger: object, _method: str, event: EventDict) -> EventDict:
    texts = {name: value for name, value in event.items() if isinstance(value, str)}
    return {**event, **{name: (_CONTROL_IN_LINES if name == "exception" else _CONTROL).sub(_escape, text) for name, text in texts.items()}}


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"
