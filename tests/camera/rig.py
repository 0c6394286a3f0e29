"""A whole camera on the virtual clock: the scene, a head, an eye without its thread."""

from dataclasses import replace
from datetime import timedelta

from triptych.camera.control import Phase, PoseTrail
from triptych.camera.heads import CropOptions
from triptych.camera.heads.crop import CropHead
from triptych.camera.wheel import Owner, Wheel
from triptych.media.sources import SceneOptions
from triptych.media.sources.scene import SceneSource
from triptych.media.sources.sim import VirtualClock


class SlackAndMirrored(CropHead):
    """A head with play, which stays behind where it is sent when it turns round, under a camera whose picture is turned round."""

    play_deg = 1.0
    held_deg = 0.0

    def move(self, pan_deg, tilt_deg, cap_deg_s, speed_deg_s=(0.0, 0.0)):
        half = self.play_deg / 2
        self.held_deg = min(max(self.held_deg, pan_deg - half), pan_deg + half)
        super().move(self.held_deg, tilt_deg, cap_deg_s, speed_deg_s)

    def view(self, frame):
        view = super().view(frame)
        return replace(view, image=view.image[:, ::-1].copy())


class Stuck(CropHead):
    """A motor that no longer turns, and says by its counter that it does."""

    def view(self, frame):
        height, width = 720, 1280
        return replace(frame, image=frame.image[180 : 180 + height, width : 2 * width].copy())


class Deaf(CropHead):
    """A head that answers no command."""

    def move(self, pan_deg, tilt_deg, cap_deg_s, speed_deg_s=(0.0, 0.0)):
        pass


class Rig:
    """Plays a pilot frame by frame, each known `late_s` after its capture."""

    def __init__(self, kind=CropHead, figures=2, source=None, late_s=0.02, **options):
        self.clock = VirtualClock()
        self.options = CropOptions(**options)
        self.head = kind(self.options, self.clock)
        self.lens = self.options.lens(self.options.size)
        self.source = source(self.clock) if source else SceneSource(SceneOptions(figures=figures), self.clock, wait=self.clock.wait)
        self.wheel, self.trail, self.late_s = Wheel(self.head), PoseTrail(), late_s
        self.commands = []

    def see(self):
        self.trail.note(self.head.pose())
        frame = self.source.read()
        self.trail.note(self.head.pose())
        return self.head.view(frame), self.trail.at(frame.captured)

    def step(self, pilot, tracks=()):
        view, pose = self.see()
        self.clock.wait(self.late_s)
        pilot.watch(view, pose, tracks)
        command = pilot.steer(self.clock.monotonic(), self.head.pose())
        self.wheel.steer(Owner.TRACK, command)
        self.commands.append(command)
        return command

    def pause(self, pilot, seconds):
        self.wheel.stop(Owner.TRACK)
        for _ in range(round(seconds * 15)):
            self.clock.wait(1 / 15)
            view, pose = self.see()
            pilot.watch(view, pose, ())

    def learn(self, learner, within_s=30.0):
        begun = self.clock.monotonic()
        while learner.learnt is None and learner.fault is None:
            assert self.step(learner).phase is Phase.LEARNING
            assert self.clock.monotonic() - begun <= timedelta(seconds=within_s)
        return learner
