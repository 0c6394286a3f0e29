"""The job that the fork server of the shims runs in itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

CODE = """
import json, os, signal, sys
import triptych.agent.forkserver
from triptych.kinds.rehearsal import rehearse
from triptych.model import Place

def state():
    with open("/proc/self/task/%d/children" % os.getpid()) as children:
        return {"files": sorted(os.listdir("/proc/self/fd")), "cwd": os.getcwd(), "children": children.read()}

before, loaded = state(), set(sys.modules)
rehearse(Place(worker_id="w", data_dir=sys.argv[1]))
print(json.dumps({"before": before, "after": state(), "imported": sorted(set(sys.modules) - loaded)}))
"""


def test_a_rehearsal_leaves_nothing_behind_and_imports_nothing(tmp_path: Path) -> None:
    """Workers P7: descriptors, children, cwd and folders are as before, and what it runs is imported before any shim is forked."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path)], env=environment, capture_output=True, check=True)
    told = json.loads(done.stdout)
    assert told["after"] == told["before"]
    assert told["imported"] == []
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_runs_a_program_to_its_end(tmp_path: Path) -> None:
    """Workers P7: what is warmed is the whole way of a job, so a program is executed and collected."""
    code = "import resource, sys\nfrom triptych.kinds.rehearsal import rehearse\nfrom triptych.model import Place\n"
    code += "rehearse(Place(worker_id='w', data_dir=sys.argv[1]))\nprint(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt > 0)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, check=True)
    assert done.stdout == b"True\n"
