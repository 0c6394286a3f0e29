"""A whole system of a command's own, for as long as the command runs: where no server is there to do the work."""

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from triptych import configuration
from triptych.cli.address import Server
from triptych.cli.demo.server import Server as Process

LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def system(media_roots: Sequence[Path], keep: Path | None) -> AsyncIterator[Server]:
    """Bring a system up on a free port and yield its address; nothing of it is left at the end but the data folder `keep`, if given.

    Its models are those of the usual model folder. Raises `Unavailable` with the end of its log when it does not start.
    """
    variables = {"TRIPTYCH_MODELS_DIR": str(configuration.read({}).settings.model_folder)}
    words = ["--host", LOOPBACK, *(word for root in media_roots for word in ("--media-root", str(root)))]
    with _folder(keep) as folder:
        async with Process(folder, arguments=words, variables=variables) as process:
            yield Server(server=process.url)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="triptych-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
