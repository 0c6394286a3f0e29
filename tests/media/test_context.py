import os

from triptych.media.context import Context
from triptych.media.library import content_of


def test_a_feature_knows_the_last_part_of_what_the_client_called_its_input(tmp_path) -> None:
    """media U1: never the real path."""
    (tmp_path / "real.mp4").write_bytes(b"film")
    source = os.open(tmp_path / "real.mp4", os.O_RDONLY)
    context = Context.of("file://some/dir/shown.mp4", source, str(tmp_path))
    assert (context.file_name, context.data_dir, context.content) == ("shown.mp4", tmp_path, content_of(source))
    os.close(source)
