import json
import os
import subprocess
import sys

import pytest

from fuzz.mutate import mutant
from fuzz.seeds import SHAPES
from triptych.media.decode import DEMUXERS

MUTANTS = 200
FIRST = 1_000_000


def _run(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-m", "fuzz", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=400, check=False)


@pytest.mark.timeout(420)
def test_mutated_files_give_no_escape_no_hang_and_no_leak() -> None:
    """media S4, bounded: `make fuzz` runs 10 000 of them."""
    done = _run("--count", str(MUTANTS), "--first", str(FIRST))
    told = json.loads(done.stdout)
    assert told["faults"] == []
    assert (done.returncode, told["mutants"], sum(told["ends"].values())) == (0, MUTANTS, MUTANTS)
    assert any(end.startswith("done") for end in told["ends"])
    assert any(end.startswith("failed: bad_media") for end in told["ends"])


def test_a_number_always_makes_the_same_mutant_and_another_one_another() -> None:
    seeds = [("a", bytes(range(256)) * 20), ("b", b"x" * 4000)]
    assert [mutant(seeds, number) for number in range(40)] == [mutant(seeds, number) for number in range(40)]
    assert len({mutant(seeds, number)[1] for number in range(40)}) > 35
    assert [mutant(seeds, number)[0] for number in range(4)] == ["a", "b", "a", "b"]


def test_most_demuxers_that_are_allowed_have_a_seed() -> None:
    endings = {shape.name.rpartition(".")[2] for shape in SHAPES}
    assert len(endings) >= len(DEMUXERS.split(",")) / 2
