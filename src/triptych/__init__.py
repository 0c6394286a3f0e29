"""Triptych: one job engine under three HTTP panels, for workers, media and cameras."""

__version__ = "0.1.0"
