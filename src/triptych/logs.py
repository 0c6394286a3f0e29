"""What a running system logs: one line an event on stderr, which never raises into the work that it tells of."""

import logging
import sys

import structlog


def begin() -> None:
    """Log to stderr from now on: our own events from `info`, those of libraries from `warning`.

    It goes through the standard library's handler, because that one swallows a full disk or a closed pipe behind stderr; structlog's
    own writer would raise it into the loop that logs. Tracebacks are plain: values of variables may be secrets of a job.
    """
    logging.basicConfig(format="%(message)s", handlers=[logging.StreamHandler(sys.stderr)], level=logging.WARNING, force=True)
    logging.getLogger("triptych").setLevel(logging.INFO)
    logging.raiseExceptions = False
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
