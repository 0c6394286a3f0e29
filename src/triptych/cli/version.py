"""What is installed."""

import json as json_text
import platform

from triptych import __version__


def version(*, json: bool = False) -> None:
    """Print the version of Triptych.

    Args:
        json: print one JSON object, the interpreter's version included.
    """
    plain = f"triptych {__version__}"
    print(json_text.dumps({"triptych": __version__, "python": platform.python_version()}) if json else plain)
