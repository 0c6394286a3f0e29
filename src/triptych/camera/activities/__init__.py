"""What a camera can be busy with, in the order in which the state tells it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from triptych.camera.activities.live_stream import Streaming
from triptych.camera.activities.mission import Playing
from triptych.camera.activities.record import Filming
from triptych.camera.activities.track import Tracking
from triptych.camera.activity import Activity, Stage

ACTIVITIES: Mapping[str, Callable[[Stage], Activity]] = MappingProxyType(
    {"track": Tracking, "record": Filming, "mission": Playing, "live_stream": Streaming}
)
