"""The last line of `make test`: what was left out on this machine, so that no skip goes unseen; CI leaves nothing out."""

import os
from collections import Counter

import pytest

LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        item.config.stash[LEFT_OUT][report.longrepr[2].removeprefix("Skipped: ")] += 1
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[LEFT_OUT] and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.option.verbose < 0 or config.option.collectonly:
        return
    reasons = [f"{count} x {reason}" for reason, count in sorted(config.stash[LEFT_OUT].items())]
    config.get_terminal_writer().line(f"left out on this machine: {', '.join(reasons) or 'nothing'}")
