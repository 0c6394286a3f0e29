"""Track and record for an hour and see that nothing grows: `make soak`, or `python -m soak --minutes N` (camera row 51)."""

import argparse
import sys
import tempfile
from pathlib import Path

from soak.run import soak

MOST_GROWTH_BYTES = 20_000_000
MOST_DROPS = 0.001


def main() -> int:
    """Return 0 when memory and drops keep their bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triptych-soak-") as folder:
        found = soak(Path(folder), asked.minutes * 60)
    sys.stdout.write(
        f"{asked.minutes:g} min: memory grew by {found.growth_bytes / 1e6:.1f} MB (< 20), "
        f"{found.dropped} of {found.frames} frames dropped (< 0.1 %), {found.file_s:.1f} s in the file\n"
    )
    return int(found.growth_bytes >= MOST_GROWTH_BYTES or found.drops >= MOST_DROPS)


if __name__ == "__main__":
    sys.exit(main())
