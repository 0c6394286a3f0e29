"""The code blocks of the pages: commands, each with the answer that the page shows after it."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TRIPTYCH = 'triptych() { "$PYTHON" -m triptych.cli "$@"; }\n'
STEP_END = "---- the next step ----"
ALIKE = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "NAME"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "TIME"),
)
"""What differs from run to run and stands for itself."""


@dataclass(slots=True)
class Step:
    """A command and the lines that the page shows as its answer; `...` in a line stands for anything."""

    command: str
    answer: list[str] = field(default_factory=list)

    def agrees(self, printed: str) -> bool:
        if not self.answer:
            return True
        pattern = r"\n".join(re.escape(_plain(line)).replace(r"\.\.\.", ".*") for line in self.answer)
        return re.fullmatch(pattern, _plain(printed.strip()), re.DOTALL) is not None


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(page.read_text()) if found == language]


def steps(block: str) -> list[Step]:
    """Cut a bash block: a line `# ...` after a command is its answer, a line that ends in a backslash goes on."""
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("# ") and found:
            found[-1].answer.append(line.removeprefix("# "))
        elif found and found[-1].command.endswith("\\"):
            found[-1].command += f"\n{line}"
        elif line.strip():
            found.append(Step(line))
    return found


def run(found: list[Step], cwd: Path, url: str) -> list[str]:
    """Run the steps in one shell, where `triptych` is this one and talks to the server at `url`, and return what each printed."""
    script = TRIPTYCH + "".join(f"{step.command}\necho; echo '{STEP_END}'\n" for step in found)
    variables = os.environ | {"PYTHON": sys.executable, "TRIPTYCH_SERVER": url}
    done = subprocess.run(["bash", "-u"], input=script, capture_output=True, text=True, cwd=cwd, env=variables, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(STEP_END)[:-1]


def _plain(text: str) -> str:
    for pattern, word in ALIKE:
        text = pattern.sub(word, text)
    return text
