"""Opens what a register names as text, so that asking what exists imports no driver."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def load(name: str) -> Callable[..., Any]:
    """Return what a register names as `module:attribute`."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found
