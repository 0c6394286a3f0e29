"""What a worker needs before it runs commands for others: a list of them, and an account that is not root's (workers S4, S5, S10)."""

import os
import pwd

import msgspec
import structlog

from triptych.errors import Forbidden, Invalid
from triptych.model import Place
from triptych.settings import Settings

log = structlog.get_logger()


def place_of(settings: Settings, worker_id: str) -> Place:
    """Return what the job processes of a worker may know and do.

    Raises `Forbidden` with code `worker_refused` for a worker that others could reach without a list of commands or, as root, without an
    account to run them; `Invalid` for an account that it cannot use.
    """
    _check_commands(settings)
    _check_account(settings)
    return Place(
        worker_id=worker_id,
        data_dir=str(settings.data_dir),
        roots=tuple(map(str, settings.roots)),
        media_roots=tuple(map(str, settings.media_roots)),
        models_dir=str(settings.model_folder),
        inputs=settings.inputs.beside_roots,
        env=settings.env,
        commands=settings.commands if isinstance(settings.commands, dict) else None,
        scripts_only=not settings.is_local or isinstance(settings.commands, dict),
        run_as=settings.run_as,
        umask=int(settings.umask, 8),
        output_max_bytes=settings.output_max_bytes,
        max_limits={name: most for name, most in msgspec.structs.asdict(settings.max_limits).items() if most is not None},
        open_files=settings.open_files,
        decoders=settings.decoders,
        min_free_gib=settings.min_free_gib,
    )


def _check_commands(settings: Settings) -> None:
    if not settings.is_local and settings.commands is None:
        raise Forbidden(
            'refusing to run whatever a caller names: list the commands in the table `commands` of triptych.toml, or set commands = "any" '
            "to let every caller with a token run every program",
            code="worker_refused",
        )


def _check_account(settings: Settings) -> None:
    is_root = os.geteuid() == 0
    if settings.run_as is not None:
        _check_user(settings.run_as, is_root=is_root)
    elif is_root and not settings.is_local:
        raise Forbidden(
            "refusing to run commands of others as root: set run_as to an ordinary user, or start triptych as one", code="worker_refused"
        )
    elif is_root:
        log.warning("commands run as root", advice="set run_as to an ordinary user, or start triptych as one")


def _check_user(name: str, *, is_root: bool) -> None:
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Invalid(f"run_as: there is no user {name}", code="run_as_refused", field="run_as") from None
    if uid == 0:
        raise Invalid("run_as is root, which is what it is there to avoid", code="run_as_refused", field="run_as")
    if not is_root and uid != os.geteuid():
        raise Invalid("run_as needs a triptych that runs as root", code="run_as_refused", field="run_as")
