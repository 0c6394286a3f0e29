"""`triptych audit` with a server, and in the data folder of one that does not run."""

import json

from cli.test_tokens import run


def test_who_did_what_is_listed_newest_first(call):
    made = json.loads(call("token", "create", "told", "--role", "viewer", "--json").stdout)
    call("token", "revoke", made["id"])
    heads, last, before = (line.split() for line in call("audit", "--limit", "2").stdout.splitlines())
    assert heads == ["ENTRY", "AT", "WHO", "DEED", "WHAT"]
    assert (last[3], before[3]) == ("token.revoke", "token.create")
    assert last[4] == f"token={made['id']}"
    assert json.loads(call("audit", "--limit", "1", "--json").stdout)["entries"][0]["deed"] == "token.revoke"
    assert call("audit", "verify").stdout.endswith("entries, whole\n")


def test_an_edited_entry_is_told_with_exit_code_1(tmp_path):
    """workers 9: edit one entry, verify fails."""
    run("token", "create", "one", "--role", "viewer", "--data", tmp_path)
    run("token", "create", "two", "--role", "viewer", "--data", tmp_path)
    file = tmp_path / "audit.jsonl"
    file.write_text(file.read_text().replace("viewer", "admin", 1))
    told = run("audit", "verify", "--data", tmp_path)
    assert (told.returncode, told.stdout) == (1, "not whole: entry 1 was changed\n")
    assert json.loads(run("audit", "verify", "--data", tmp_path, "--json").stdout)["intact"] is False
