"""What the specs promise in numbers, measured: `python -m bench` prints each figure beside its target."""
