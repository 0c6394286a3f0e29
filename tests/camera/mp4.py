"""What tests look at in an mp4."""


def top_level(path):
    """Return the types of its outermost boxes."""
    data, at, kinds = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        kinds.append(data[at + 4 : at + 8].decode())
        at += size
    assert at == len(data)
    return kinds
