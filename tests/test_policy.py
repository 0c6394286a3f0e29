"""Workers S4, S5, S10: what a worker needs before it runs commands for others."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from triptych.errors import Forbidden, Invalid
from triptych.policy import place_of
from triptych.settings import Settings

OFF = {"host": "192.168.1.4"}
BEHIND = {"tls_proxy": ("127.0.0.1",)}


def settings(**more: object) -> Settings:
    return Settings(data_dir=Path("/data"), **more)  # type: ignore[arg-type]


@pytest.fixture(params=[0, 1000])
def account(request, monkeypatch):
    """As root and as an ordinary user, whoever runs the tests."""
    monkeypatch.setattr(os, "geteuid", lambda: request.param)
    return request.param


@pytest.fixture
def ordinary(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("account")
def test_on_loopback_any_command_and_path_may_be_named():
    """Workers S4."""
    place = place_of(settings(), "w")
    assert (place.commands, place.scripts_only) == (None, False)


@pytest.mark.usefixtures("account")
def test_a_list_holds_on_loopback_too():
    place = place_of(settings(commands={"sh": "/bin/sh"}), "w")
    assert (place.commands, place.scripts_only) == ({"sh": "/bin/sh"}, True)


@pytest.mark.usefixtures("ordinary")
@pytest.mark.parametrize("where", [OFF, BEHIND])
def test_elsewhere_a_worker_without_a_list_refuses_to_start(where):
    """Workers S5."""
    with pytest.raises(Forbidden, match='set commands = "any"') as caught:
        place_of(settings(**where), "w")
    assert caught.value.code == "worker_refused"


@pytest.mark.usefixtures("ordinary")
@pytest.mark.parametrize("where", [OFF, BEHIND])
def test_elsewhere_any_command_must_be_written_out_and_paths_stay_files(where):
    """Workers S5."""
    place = place_of(settings(commands="any", **where), "w")
    assert (place.commands, place.scripts_only) == (None, True)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("where", [OFF, BEHIND])
def test_elsewhere_root_without_an_account_for_commands_is_refused(where):
    """Workers S10."""
    with pytest.raises(Forbidden, match="as root") as caught:
        place_of(settings(commands="any", **where), "w")
    assert caught.value.code == "worker_refused"
    assert place_of(settings(commands="any", run_as="nobody", **where), "w").run_as == "nobody"


@pytest.mark.usefixtures("root")
def test_on_loopback_root_is_warned():
    """Workers S10."""
    with capture_logs() as logs:
        place_of(settings(), "w")
        place_of(settings(run_as="nobody"), "w")
    assert [entry["event"] for entry in logs] == ["commands run as root"]


@pytest.mark.usefixtures("ordinary")
def test_an_account_for_commands_needs_root():
    """Workers S10."""
    with pytest.raises(Invalid, match="runs as root"):
        place_of(settings(run_as="nobody"), "w")


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(("name", "told"), [("no such user", "there is no user"), ("root", "is root")])
def test_an_account_that_does_not_serve_is_told(name, told):
    with pytest.raises(Invalid, match=told):
        place_of(settings(run_as=name), "w")


def test_the_umask_of_the_worker_is_octal():
    """Workers S9."""
    assert place_of(settings(umask="027"), "w").umask == 0o027
