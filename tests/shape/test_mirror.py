"""The tests lie as the source lies, so that whoever changes a file knows where its proof is."""

from pathlib import Path

from shape.source import ROOT, SRC, python_files, shown

ELSEWHERE = {
    "src/triptych/contracts.py": "Protocols only; tests/contracts runs every implementation against them",
    "src/triptych/camera/activity.py": "Protocols only; tests/camera/activities runs every member",
    "src/triptych/camera/pilot.py": "a Protocol only; tests/camera/pilots runs every member",
    "src/triptych/cli/__main__.py": "one call of main; tests/cli runs every command through it",
    "src/triptych/cli/demo/camera.py": "tests/cli/demo/test_run.py runs it against the whole system",
    "src/triptych/cli/demo/clips.py": "tests/cli/demo/test_run.py",
    "src/triptych/cli/demo/workers.py": "tests/cli/demo/test_run.py",
    "src/triptych/errors.py": "words only; every panel's tests prove what each becomes",
    "src/triptych/media/feature.py": "a Protocol only; tests/truth runs every feature",
    "src/triptych/media/measured.py": "declarations only; tests/truth/scoring.py sends each over the wire",
}
"""Modules without a test file of their own, each with where it is proved."""

TOGETHER = SRC / "stores" / "migrations"
"""Proved as a whole by tests/contracts/test_migrations.py, each with a database of the release before."""

ACROSS = {"conformance", "contracts", "docs", "faults", "fuzz", "shape", "truth"}
"""Test folders that prove the whole rather than one module."""


def test_every_module_has_a_test_file_or_a_reason() -> None:
    modules = {path for path in python_files("src") if path.name != "__init__.py" and TOGETHER not in path.parents}
    bare = {shown(path) for path in modules if not _twin(path).is_file()}
    assert sorted(bare - set(ELSEWHERE)) == []
    assert sorted(set(ELSEWHERE) - bare) == []


def test_every_test_file_is_of_a_module_or_of_the_whole() -> None:
    strays = [shown(path) for path in python_files("tests") if path.name.startswith("test_") and not _belongs(path)]
    assert not strays


def _twin(module: Path) -> Path:
    return ROOT / "tests" / module.parent.relative_to(SRC) / f"test_{module.name}"


def _belongs(test: Path) -> bool:
    inside = test.relative_to(ROOT / "tests")
    name = test.stem.removeprefix("test_")
    beside = SRC / inside.parent
    return inside.parts[0] in ACROSS or (beside / f"{name}.py").is_file() or (beside / name).is_dir() or test.parent.name == name
