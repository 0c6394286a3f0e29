"""Which face is which, frame after frame, and which one is followed. Pure; every moment is an argument."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in fractions of a picture's width and height, origin top left; parts may lie outside 0 to 1."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        """Return its middle (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def area(self) -> float:
        """Return its part of the picture."""
        return max(self.right - self.left, 0.0) * max(self.bottom - self.top, 0.0)

    def overlap(self, other: "Box") -> float:
        """Return the intersection over the union, 0 to 1."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(across, 0.0) * max(down, 0.0)
        return shared / (self.area + other.area - shared) if shared else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A face that a detector found in a picture; `score` is 0 to 1."""

    box: Box
    score: float
