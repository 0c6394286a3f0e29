"""The means by which a whole tree is killed and verified empty, in the order in which they are preferred (workers K8)."""

from collections.abc import Iterable
from types import MappingProxyType

from triptych.agent.tiers.cgroup import Cgroup
from triptych.agent.tiers.pidns import Pidns
from triptych.agent.tiers.subreaper import Subreaper

TIERS = MappingProxyType({"cgroup": Cgroup, "pidns": Pidns, "subreaper": Subreaper})


def choose(present: Iterable[str], *, needs_setuid: bool) -> str:
    """Return the tier of a job on a worker that has these: the first that the job allows. `subreaper` is everywhere."""
    return next((name for name in present if not (needs_setuid and name == "pidns")), "subreaper")
