"""A camera without an arm."""

from triptych.camera.arms import NoneOptions
from triptych.camera.arms.none import NoneArm
from triptych.clock import SystemClock


def test_there_is_no_joint():
    """camera row 45: joint_count 0."""
    arm = NoneArm(NoneOptions(), SystemClock())
    arm.move((), 10.0)
    arm.stop()
    arm.close()
    assert (arm.limits, arm.joints()) == ((), ())
