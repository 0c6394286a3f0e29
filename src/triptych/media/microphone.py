"""A sound device of this machine, for cameras whose source is silent."""

import av
from av.container import InputContainer

from triptych.contracts import Clock, Sound
from triptych.errors import Unavailable
from triptych.media.live import CLOSE_S

