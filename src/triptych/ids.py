"""How things are called: random UUIDs, and 24 hex characters that begin with the time."""

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Literal

Ids = Callable[[Literal["uuid", "hex24"], datetime], str]


def make_id(shape: Literal["uuid", "hex24"], at: datetime) -> str:
    """Return a new id: a random UUID (version 4, lower case), or 24 hex characters whose first 8 are the Unix time of `at` in seconds."""
    if shape == "uuid":
        return str(uuid.uuid4())
    return f"{int(at.timestamp()):08x}{secrets.token_hex(8)}"
