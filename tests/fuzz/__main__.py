"""Show mutated files to the decoder and see that nothing escapes, hangs or leaks: `make fuzz`, or `python -m fuzz --count N` (media S4)."""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz.mutate import mutant
from fuzz.seeds import write_seeds
from fuzz.trial import Ground, memory_bytes

COUNT = 10_000
PROGRESS_S = 10.0
GROWTH_BYTES = 64 << 20
WARM = 50
OURS = re.compile(r"internal: (?!the decoder died twice)|no end|decoding failed")
"""Ends that are a fault of this program, whatever the file says; FFmpeg may crash, which its cage is for."""


def main() -> int:
    """Return 0 when every rule held for every mutant."""
    asked = _arguments()
    began = told = time.monotonic()
    ends: Counter[str] = Counter()
    faults: list[dict[str, object]] = []
    slowest, warm_bytes = (0.0, -1), 0
    with tempfile.TemporaryDirectory(prefix="triptych-fuzz-") as folder:
        (Path(folder) / "seeds").mkdir()
        (Path(folder) / "input").mkdir()
        seeds = write_seeds(Path(folder) / "seeds")
        ground = Ground(Path(folder) / "input")
        for number in range(asked.first, asked.first + asked.count):
            name, data = mutant(seeds, number)
            outcome = ground.trial(name, data)
            ends[outcome.end] += 1
            slowest = max(slowest, (outcome.seconds, number))
            broken = outcome.faults + ([outcome.end] if OURS.search(outcome.end) else [])
            faults += [{"mutant": number, "name": name, "fault": fault} for fault in broken]
            if broken and asked.keep:
                (asked.keep / f"{number}-{name}").write_bytes(data)
            warm_bytes = memory_bytes() if number - asked.first <= WARM else warm_bytes
            if time.monotonic() - told > PROGRESS_S:
                told = time.monotonic()
                _say(f"{number - asked.first + 1} of {asked.count}, {len(faults)} faults, {told - began:.0f} s")
        ground.close()
    if memory_bytes() - warm_bytes > GROWTH_BYTES:
        faults.append({"fault": "memory of the parent grew"})
    summary = {
        "mutants": asked.count,
        "seconds": round(time.monotonic() - began, 1),
        "slowest": {"seconds": round(slowest[0], 2), "mutant": slowest[1]},
        "parent_grew_bytes": memory_bytes() - warm_bytes,
        "ends": dict(ends.most_common()),
        "faults": faults,
    }
    sys.stdout.write(json.dumps(summary, indent=2) + "\n")
    return 1 if faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many mutants")
    parser.add_argument("--first", type=int, default=0, help="number of the first one; a number always makes the same file")
    parser.add_argument("--keep", type=Path, help="folder that gets the mutants at which a rule broke")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
