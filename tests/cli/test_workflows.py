"""`triptych workflow` against a running system."""

import json
import subprocess

import pytest

from cli.terminal import BOUND_S, COMMAND

BLACK = {"inBlackConfig": {"enabled": True, "delay": 2}}


@pytest.fixture
def saved(call, tmp_path):
    """Save a workflow from a file; it is deleted at the end."""
    names = []

    def save(name, context, *words):
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps({"name": name, "videoContext": context}))
        names.append(name)
        return call("workflow", "save", str(path), *words)

    yield save
    for name in names:
        call("workflow", "delete", name)


def test_a_workflow_is_saved_listed_shown_and_deleted(call, saved):
    """media 3.1"""
    assert (done := saved("evening news", BLACK)).stdout == "evening news\n", done.stderr
    heads, row = call("workflow", "list").stdout.splitlines()
    assert (heads.split(), row.split()) == (["WORKFLOW", "INDEX", "CONFIGURES"], ["evening", "news", "0", "inBlackConfig"])
    shown = json.loads(call("workflow", "show", "evening news").stdout)
    assert (shown["name"], shown["videoContext"]) == ("evening news", BLACK)
    assert json.loads(call("workflow", "list", "--json").stdout) == [shown]
    assert json.loads(call("workflow", "show", "evening news", "--json").stdout) == shown
    assert json.loads(call("workflow", "delete", "evening news", "--json").stdout) == {"name": "evening news"}
    gone = call("workflow", "show", "evening news")
    assert (gone.returncode, gone.stderr) == (2, "triptych: workflow not found\n")


def test_saving_again_replaces_and_warnings_go_to_standard_error(call, saved):
    """media W2, W4"""
    first = json.loads(saved("a", BLACK, "--json").stdout)
    done = saved("a", {"audioFormatConfig": {"enabled": True}, "zoom": 1})
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n", "triptych: videoContext.zoom is not known and was ignored\n")
    assert json.loads(call("workflow", "show", "a").stdout)["_id"] == first["_id"]


def test_what_show_prints_may_be_saved_from_standard_input(call, saved, server):
    saved("a", BLACK)
    shown = call("workflow", "show", "a").stdout
    done = subprocess.run(
        [*COMMAND, "workflow", "save", "--server", server.url], input=shown, capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, "a\n")


def test_what_is_refused_is_told_in_one_sentence_with_exit_code_2(saved, call, tmp_path):
    wrong = saved("a", {"inBlackConfig": {"delay": -1}})
    assert (wrong.returncode, wrong.stderr) == (2, "triptych: inBlackConfig.delay must be a number of seconds, 0 or more\n")
    path = tmp_path / "list.json"
    path.write_text("[]")
    assert call("workflow", "save", str(path)).stderr.startswith(f"triptych: {path} is not a JSON object: ")
    missing = call("workflow", "save", str(tmp_path / "none.json"))
    assert (missing.returncode, missing.stderr) == (2, f"triptych: {tmp_path}/none.json cannot be read: no such file or directory\n")
