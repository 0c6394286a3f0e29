"""What a camera does by hand: joints, axes of its arm, its head, a move played once, and the emergency stop (camera 6, 11)."""

import math
import threading
from datetime import timedelta
from typing import Any, Literal, Protocol

import msgspec

from triptych.camera.arms import ARMS, NoneOptions
from triptych.camera.definition import Definition
from triptych.camera.eye import Eye
from triptych.camera.kinematics import Geometry, reach, tip
from triptych.camera.limb import Limb
from triptych.camera.missions import HEAD_JOINTS, Scenario
from triptych.camera.mount import mounted
from triptych.camera.parameters import Parameters
from triptych.camera.registers import load
from triptych.camera.steering import Steering
from triptych.camera.ticker import Ticker
from triptych.contracts import Arm, Clock, Head
from triptych.errors import Invalid, Unavailable

PERIOD = timedelta(milliseconds=30)
AXES = ("x", "y", "z")


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One step by hand: a joint or a head's axis by `quantity` degrees, the tip of the arm by millimetres, or the head `home`."""

    type: Literal["joint", "axis", "head"]
    id: str
    quantity: float = 0.0


class Body(Protocol):
    """What a session tells whoever moves its limbs."""

    definition: Definition
    parameters: Parameters
    clock: Clock

    @property
    def eye(self) -> Eye | None:
        """Return the open eye, None while the source is closed."""
        ...

    def opened(self) -> Eye:
        """Return the eye, opened if need be."""
        ...


class Manual:
    """The arm of a camera, the hand on its head, and the thread that moves both while there is a goal. `fault` is why there is no arm."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._limb: Limb | None = None
        self._steering: Steering | None = None
        self._halted = False
        self.fault: Unavailable | None = None
        self._ticker = Ticker(self._run_once, PERIOD, self._give_up)
        self._opening = threading.Lock()

    @property
    def limb(self) -> Limb:
        """The joints, the arm opened if need be. Raises `Unavailable` when it cannot be."""
        with self._opening:
            if self._limb is None:
                options = self._body.definition.arm_options()
                arm: Arm = load(ARMS[self._body.definition.arm["kind"]].open)(options, self._body.clock)
                cap_deg_s = math.inf if isinstance(options, NoneOptions) else options.speed_deg_s
                self._limb = Limb(arm, self._body.clock, lambda: self._steering, cap_deg_s=cap_deg_s)
                self.fault = None
            return self._limb

    @property
    def busy(self) -> bool:
        """Whether something is moved by hand."""
        return self._limb is not None and self._limb.busy

    @property
    def expanded(self) -> bool:
        """Whether the head's axes count as joints."""
        return self._body.parameters.arm_expansion

    def mount(self, head: Head) -> Head:
        """Return the head as the arm carries it; as it is, where the arm cannot be opened."""
        try:
            return mounted(head, self.limb.arm, self._geometry())
        except Unavailable as fault:
            self.fault = fault
            return head

    def meet(self, eye: Eye) -> None:
        """Take the wheel of an eye that was just opened."""
        self._steering = Steering(eye.wheel, self._body.clock)
        if self._halted:
            eye.wheel.halt()

    def part(self) -> None:
        """Let go of an eye that is about to close."""
        steering, self._steering = self._steering, None
        if steering is not None:
            steering.drop()
            steering.wheel.halt()

    def wake(self) -> None:
        """Let what was asked for begin."""
        self._ticker.wake()

    def move(self, move: Move) -> None:
        """Do one step. Raises `Invalid` when it is out of reach or past a limit; nothing moves then."""
        if not math.isfinite(move.quantity):
            raise Invalid("quantity must be a number.", field="quantity")
        match move.type:
            case "joint":
                self._move_joint(move)
            case "axis":
                self._move_axis(move)
            case "head":
                self._move_head(move.id, move.quantity)
        self.wake()

    def play(self, scenario: Scenario) -> None:
        """Play a scenario once."""
        if scenario.joint_count > len(self.limb.arm.limits):
            self._body.opened()
        self.limb.play(scenario)
        self.wake()

    def drive(self, driver: str, pan_deg_s: float, tilt_deg_s: float) -> None:
        """Turn the head at a speed. Raises `Conflict` while somebody else does."""
        self._hand().drive(driver, pan_deg_s, tilt_deg_s)
        self.wake()

    def where(self) -> dict[str, Any]:
        """Return where the tip, the joints in radians and the head stand; nothing moves."""
        joints, geometry = self.limb.arm.joints(), self._geometry()
        pose = None if self._steering is None else self._steering.wheel.axes.pose()
        pan, tilt = (0.0, 0.0) if pose is None else (pose.pan_deg, pose.tilt_deg)
        place = None if geometry is None else [round(at, 2) for at in tip(geometry, joints).place_mm]
        polar = [round(math.radians(joint), 5) for joint in self.limb.joints(expanded=self.expanded)]
        return {"cartesian_coords": place, "polar_coords": polar, "head": {"pan": round(pan, 2), "tilt": round(tilt, 2), "zoom": 1.0}}

    def halt(self) -> None:
        """Let every axis stand at once, from any thread, and until `ease`."""
        self._halted = True
        steering = self._steering
        if steering is not None:
            steering.wheel.halt()
            steering.drop()
        if self._limb is not None:
            self._limb.halt()

    def ease(self) -> None:
        """Let the axes be moved again."""
        self._halted = False
        if self._limb is not None:
            self._limb.ease()
        if self._steering is not None:
            self._steering.wheel.ease()

    def close(self) -> None:
        """Stop and give the arm back."""
        self._ticker.close()
        if self._limb is not None:
            self._limb.arm.close()

    def _run_once(self) -> bool:
        limb, steering = self._limb, self._steering
        moves = limb is not None and limb.run_once()
        turns = steering is not None and steering.run_once()
        return moves or turns

    def _give_up(self) -> None:
        if self._limb is not None:
            self._limb.give_up()
        if self._steering is not None:
            self._steering.drop()

    def _move_joint(self, move: Move) -> None:
        own = len(self.limb.arm.limits)
        count = own + HEAD_JOINTS * (self.expanded and own > 0)
        numbers = [str(number) for number in range(1, count + 1)]
        if move.id not in numbers:
            raise Invalid(f"id must be the number of a joint, 1 to {count}." if count else "This camera has no arm.", field="id")
        number = int(move.id)
        if number > own:
            self._move_head(("tilt", "pan")[number - own - 1], move.quantity)
            return
        aims = list(self.limb.aims())
        aims[number - 1] += move.quantity
        self.limb.move_to(aims)

    def _move_axis(self, move: Move) -> None:
        geometry = self._geometry()
        if geometry is None:
            raise Invalid("This camera has no arm.", field="type")
        if move.id not in AXES:
            raise Invalid("id must be x, y or z.", field="id")
        aims = self.limb.aims()
        place = list(tip(geometry, aims).place_mm)
        place[AXES.index(move.id)] += move.quantity
        self.limb.move_to(reach(geometry, aims, self.limb.arm.limits, place))

    def _move_head(self, word: str, angle_deg: float) -> None:
        match word:
            case "pan" | "tilt":
                self._hand().turn_by(word, angle_deg)
            case "home":
                self._hand().go(0.0, 0.0)
            case "zoom":
                raise Invalid("This head has no zoom.", field="id")
            case _:
                raise Invalid("id must be pan, tilt, zoom or home.", field="id")

    def _hand(self) -> Steering:
        self._body.opened()
        assert self._steering is not None  # noqa: S101 - the body meets every eye that it opens
        return self._steering

    def _geometry(self) -> Geometry | None:
        options = self._body.definition.arm_options()
        if isinstance(options, NoneOptions):
            return None
        return Geometry(base_mm=options.base_mm, links_mm=options.links_mm)
