"""`triptych token` with a server, and in the data folder of one that does not run."""

import json
import os
import subprocess

import httpx
import pytest

from cli.terminal import COMMAND


def run(*words: object, **more: str) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, *map(str, words)]
    return subprocess.run(command, env=os.environ | more, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_token_is_made_used_listed_and_revoked_with_a_server(call, server):
    """workers 9: shown once, revoked at once."""
    spelled = call("token", "create", "ci", "--role", "viewer", "--expires-in-s", "60").stdout.strip()
    asked = {"url": f"{server.url}/api/v1/jobs", "headers": {"authorization": f"Bearer {spelled}"}}
    assert httpx.get(**asked).status_code == 200
    listed = call("token", "list")
    assert spelled not in listed.stdout
    row = next(line.split() for line in listed.stdout.splitlines() if line.endswith("ci"))
    assert call("token", "revoke", row[0]).stdout == "revoked\n"
    assert httpx.get(**asked).status_code == 401
    again = call("token", "revoke", row[0])
    assert (again.returncode, again.stderr) == (2, "triptych: token not found\n")


def test_a_bound_operator_is_told_as_json(call):
    made = json.loads(
        call("token", "create", "x", "--role", "operator", "--worker", "a", "--worker", "b", "--command", "sh", "--json").stdout
    )
    assert (made["workers"], made["commands"], made["role"]) == (["a", "b"], ["sh"], "operator")
    listed = json.loads(call("token", "list", "--json").stdout)["tokens"]
    assert made["token"] not in json.dumps(listed)
    assert made["id"] in {token["id"] for token in listed}


def test_the_first_token_is_made_where_no_server_runs(data):
    """workers 9: off loopback a server refuses to start without one."""
    spelled = run("token", "create", "first", "--role", "admin", "--data", data).stdout.strip()
    assert spelled.startswith("triptych_")
    (told,) = json.loads(run("token", "list", "--data", data, "--json").stdout)["tokens"]
    assert (told["name"], told["created_by"]) == ("first", f"uid:{os.getuid()}")
    assert run("token", "revoke", told["id"], "--data", data).stdout == "revoked\n"
    assert json.loads(run("token", "list", "--data", data, "--json").stdout) == {"tokens": []}
    assert run("audit", "verify", "--data", data).stdout == "2 entries, whole\n"


def test_a_running_server_is_not_gone_behind(server):
    told = run("token", "create", "x", "--role", "viewer", "--data", server.data)
    assert told.returncode == 2
    assert "in use by another server" in told.stderr


@pytest.mark.parametrize("words", [("--role", "root"), (), ("--role", "admin", "--worker", "a")])
def test_a_token_that_makes_no_sense_is_refused(data, words):
    assert run("token", "create", "x", *words, "--data", data).returncode == 2


@pytest.mark.parametrize("expires_in_s", ["-5", "0", "nan", "1e12"])
def test_a_token_that_never_was_good_is_not_made(data, expires_in_s):
    told = run("token", "create", "x", "--role", "viewer", "--expires-in-s", expires_in_s, "--data", data)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("triptych: --expires-in-s takes seconds, above 0 and at most 3200000000, not ")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201])
def test_a_token_has_a_name_that_a_list_can_show(data, name):
    told = run("token", "create", name, "--role", "viewer", "--data", data)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "triptych: a token's name is 1 to 200 characters without control characters\n"


@pytest.mark.parametrize("words", [("token", "list"), ("token", "revoke", "x"), ("audit", "verify")])
def test_a_folder_without_a_store_is_told_and_not_made(data, words):
    """workers 9: a mistyped folder has no chain that could be whole."""
    told = run(*words, "--data", data)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == f"triptych: {data} is no data folder of a server: there is no triptych.db in it\n"
    assert not data.exists()
