"""Output that was not kept is told, and what lies around it comes whole (workers O3, O4, O9)."""

import json

from triptych import outputs


def test_a_gap_is_told_and_the_bytes_around_it_come(server, call):
    """workers O3, O9"""
    job = json.loads(call("run", "--json", "--", "printf", "0123456789").stdout)
    stdout = server.data / "output" / job["id"] / "1" / "stdout"
    outputs._add_gap(outputs._gaps_path(stdout), (3, 6))
    done = call("logs", job["id"])
    assert (done.returncode, done.stdout) == (0, "0126789")
    assert done.stderr == "triptych: bytes 3-6 of stdout were not kept\n"
    assert call("logs", "-f", job["id"]).stdout == "0126789"
