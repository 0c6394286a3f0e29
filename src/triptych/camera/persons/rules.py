"""What may be sent to enrol a person (camera 6), for the panel and the camera's process alike. Pure."""

from triptych.camera.parameters import is_label
from triptych.errors import Invalid

MIB = 1024 * 1024
MOST_PHOTOS = 20
MOST_PHOTO_BYTES = 8 * MIB
MOST_TOGETHER_BYTES = 64 * MIB
PIECE_BYTES = 512 * 1024
"""What one message carries of a photo: a broker takes 1 MiB at most."""


def check_name(name: str) -> None:
    """Raise `Invalid` unless `name` may be a person's."""
    if not is_label(name):
        raise Invalid("face_name must be 1 to 80 visible characters without / and \\.", field="face_name")
