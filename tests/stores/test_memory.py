import pytest

from stores.making import a_job, to, told
from triptych.errors import Invalid
from triptych.model import State
from triptych.stores.memory import MemoryStore


async def test_what_a_caller_changes_later_is_not_in_the_store() -> None:
    spec: dict[str, object] = {"argv": ["true"]}
    facts: dict[str, object] = {"list": [1]}
    store = MemoryStore()
    await store.add(a_job(spec=spec))
    await store.move([told(facts=facts)])
    spec["argv"] = facts["list"] = None
    job = await store.find("job-1")
    assert job is not None
    assert (job.spec, job.facts) == ({"argv": ["true"]}, {"list": [1]})


async def test_a_thing_that_is_not_json_drops_the_whole_call() -> None:
    store = MemoryStore()
    await store.add(a_job())
    with pytest.raises(Invalid):
        await store.move([to(State.STARTING), told(facts={"x": object()})])
    assert await store.find("job-1") == a_job()
