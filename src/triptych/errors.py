"""What can go wrong in words that a caller can act on: one base with a stable code, and a class only where someone catches it."""


class TriptychError(Exception):
    """A fault that a caller may see: `code` is a stable snake_case word, the message one plain sentence."""

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.field = field


class Invalid(TriptychError):
    """The request is malformed or out of range; nothing was changed. `field` names the part."""

    code = "invalid"


class Forbidden(TriptychError):
    """The caller, host, origin, command or path is not allowed; nothing was changed."""

    code = "forbidden"


class NotFound(TriptychError):
    """No such job, worker or thing. Codes: `job_not_found`, `worker_not_found`, `input_not_found`, ..."""

    code = "not_found"


class Conflict(TriptychError):
    """The thing exists but its state forbids the change. Codes: `key_reused`, `worker_draining`, `job_ended`, ..."""

    code = "conflict"


class Unavailable(TriptychError):
    """A part that is needed does not answer now; try again.

    Codes: `worker_not_connected`, `worker_not_answering`, `worker_busy`, `store_unavailable`.
    """

    code = "unavailable"


class StartFailed(TriptychError):
    """The program could not be executed; the job is kept as `never_started` with this text."""

    code = "start_failed"


class StopNotConfirmed(TriptychError):
    """The tree of a job is not empty yet; killing goes on and the job stays `stopping`."""

    code = "stop_not_confirmed"


class NotYet(TriptychError):
    """The contract names it and this release does not have it; nothing was changed."""

    code = "not_available_yet"


class ChannelClosed(Exception):
    """The other end of a job's channel is gone."""
