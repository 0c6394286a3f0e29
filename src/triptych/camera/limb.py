"""The joints of a camera and who moves them: a move by hand goes before a mission, which waits meanwhile (camera 3.3)."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from triptych.camera.missions import HEAD_JOINTS, Player, Scenario, check_reach, straight_to
from triptych.camera.motion import within
from triptych.camera.steering import GRACE, Steering
from triptych.camera.wheel import Owner
from triptych.contracts import Arm, Clock
from triptych.errors import Invalid, Unavailable

CAP_DEG_S = 60.0
LEASH_S = 0.3
"""No joint is sent further than it goes in this time at full speed: whatever becomes of who sends it, it stands soon (camera L9)."""


class Limb:
    """The joints of an arm; a move with two more takes the head's tilt and pan behind them.

    `run_once` is to be called often while it returns True, and passes on what is asked for here.
    """

    def __init__(self, arm: Arm, clock: Clock, steering: Callable[[], Steering | None], *, cap_deg_s: float = CAP_DEG_S) -> None:
        self.arm = arm
        self._cap_deg_s = min(cap_deg_s, CAP_DEG_S)
        self._clock, self._steering = clock, steering
        self._by_hand: Player | None = None
        self._mission: Player | None = None
        self._news: Callable[[], None] = lambda: None
        self._goes = self._halted = False
        self._last = clock.monotonic()
        self._hand_at = self._last - GRACE
        self._lock = threading.RLock()

    @property
    def plays(self) -> bool:
        """Whether there is a mission, held or not."""
        return self._mission is not None

    @property
    def busy(self) -> bool:
        """Whether a move by hand is under way."""
        return self._by_hand is not None

    def joints(self, *, expanded: bool) -> tuple[float, ...]:
        """Return where the joints stand, in degrees; `expanded` adds the head's tilt and pan, home while the head is not open."""
        if not expanded or not self.arm.limits:
            return self.arm.joints()
        steering = self._steering()
        pose = None if steering is None else steering.wheel.axes.pose()
        return (*self.arm.joints(), 0.0 if pose is None else pose.tilt_deg, 0.0 if pose is None else pose.pan_deg)

    def limits(self, *, expanded: bool) -> list[tuple[float, float]]:
        """Return the limits of the joints. Raises `Unavailable` for the head's while it is not open."""
        own = list(self.arm.limits)
        if not expanded:
            return own
        head = self._open_steering().wheel.axes.limits
        return [*own, head.tilt_deg, head.pan_deg]

    def aims(self) -> tuple[float, ...]:
        """Return where the arm's joints were sent by hand, or else stand."""
        with self._lock:
            if self._by_hand is None:
                return self.arm.joints()
            return self._by_hand.scenario.positions[-1].joints_deg[: len(self.arm.limits)]

    def move_to(self, joints_deg: Sequence[float]) -> None:
        """Send the arm's joints to these angles. Raises `Invalid` past a limit; nothing moves then."""
        for number, (joint, (low, high)) in enumerate(zip(joints_deg, self.arm.limits, strict=True), 1):
            if not low <= joint <= high:
                raise Invalid(f"quantity is past a limit: joint {number} may be {low:g} to {high:g} degrees.", field="quantity")
        self._take(Player(straight_to(joints_deg)))

    def play(self, scenario: Scenario) -> None:
        """Play a scenario once, as a move by hand. Raises `Invalid` when it does not fit the joints."""
        self._check(scenario)
        self._take(Player(scenario))

    def begin(self, scenario: Scenario, news: Callable[[], None]) -> Player:
        """Play a mission in place of the one before; `news` is called at each new step and at its end.

        Raises `Invalid` when it does not fit the joints.
        """
        self._check(scenario)
        with self._lock:
            self.drop()
            self._mission, self._news, self._goes = Player(scenario), news, True
            if self._has_head(self._mission):
                self._open_steering().wheel.claim(Owner.MISSION)
            return self._mission

    def hold(self) -> None:
        """Let the mission stand where it is, at once."""
        with self._lock:
            if self._goes and self._by_hand is None:
                self._stop(self._mission)
            self._goes = False

    def go_on(self) -> None:
        """Let the mission go on in the same sub-step."""
        with self._lock:
            self._goes = self._mission is not None

    def drop(self) -> None:
        """End the mission; its joints stand where they are."""
        with self._lock:
            self.hold()
            self._forget()

    def halt(self) -> None:
        """Hold every joint at once and until `ease`; a move by hand is over."""
        with self._lock:
            self._halted, self._by_hand = True, None
            self.arm.stop()

    def ease(self) -> None:
        """Let the joints be moved again."""
        self._halted = False

    def give_up(self) -> None:
        """End every move: the arm does not answer."""
        with self._lock:
            had, self._by_hand = self._mission is not None, None
            self._forget()
        if had:
            self._news()

    def run_once(self) -> bool:
        """Move on; False when there is nothing to do until the next call of another method."""
        with self._lock:
            now = self._clock.monotonic()
            span_s, self._last = (now - self._last).total_seconds(), now
            changed = self._move_on(now, span_s)
            again = self._by_hand is not None or (self._goes and not self._halted)
        if changed:
            self._news()
        return again

    def _move_on(self, now: timedelta, span_s: float) -> bool:
        """Return whether the mission came to another step or its end."""
        if self._halted:
            return False
        if self._by_hand is not None:
            self._hand_at = now
            self._advance(self._by_hand, span_s, Owner.MANUAL)
            self._by_hand = None if self._by_hand.finished else self._by_hand
        elif self._mission is not None and self._goes and now - self._hand_at >= GRACE:
            step = self._mission.step
            self._advance(self._mission, span_s, Owner.MISSION)
            changed = self._mission.finished or self._mission.step != step
            if self._mission.finished:
                self._forget()
            return changed
        return False

    def _advance(self, player: Player, span_s: float, owner: Owner) -> None:
        steering, head = self._steering(), self._has_head(player)
        if head and (steering is None or steering.wheel.owner > owner):
            return
        places = self.joints(expanded=head)
        goals = player.advance(min(span_s, _LONGEST_S), places)
        own = len(self.arm.limits)
        leash = self._cap_deg_s * LEASH_S
        aims = [within(goal, (at - leash, at + leash)) for goal, at in zip(goals[:own], places[:own], strict=True)]
        self.arm.move(aims, self._cap_deg_s)
        if head and steering is not None:
            tilt, pan = goals[own:]
            if owner is Owner.MANUAL:
                steering.go(pan, tilt)
            else:
                steering.wheel.turn(owner, pan, tilt, CAP_DEG_S)

    def _take(self, player: Player) -> None:
        with self._lock:
            self._by_hand, self._last = player, self._clock.monotonic()

    def _forget(self) -> None:
        self._mission, self._goes = None, False
        if (steering := self._steering()) is not None:
            steering.wheel.release(Owner.MISSION)

    def _stop(self, player: Player | None) -> None:
        self.arm.stop()
        if player is not None and self._has_head(player) and (steering := self._steering()) is not None:
            steering.wheel.stop(Owner.MISSION)

    def _check(self, scenario: Scenario) -> None:
        check_reach(scenario, self.limits(expanded=scenario.joint_count == len(self.arm.limits) + HEAD_JOINTS))

    def _has_head(self, player: Player) -> bool:
        return player.scenario.joint_count > len(self.arm.limits)

    def _open_steering(self) -> Steering:
        steering = self._steering()
        if steering is None:
            raise Unavailable("The camera gives no picture.", code="source_silent")
        return steering


_LONGEST_S = 0.25
