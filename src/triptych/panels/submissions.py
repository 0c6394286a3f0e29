"""What a client may ask of the media panel: the validation table of media 2.5, in its order, every fault collected."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import msgspec

from triptych.errors import Invalid
from triptych.kinds import AnnotateSpec
from triptych.media.cores import target_wish
from triptych.media.features import FEATURE_ALIASES, FEATURES
from triptych.media.inputs import NOWHERE_ELSE, check_uri
from triptych.model import Inputs, Submission
from triptych.panels.contexts import PLAIN_KEYS, PRIORITY_KEYS, Body, Context, absence, option_absence
from triptych.panels.faults import Fault, Faults, Refused, Row
from triptych.panels.options import CONTEXT

KIND = "annotate"
MOST_ORIGIN = 64
KNOWN_KEYS = frozenset(
    {"inputUri", "features", "workflow", "videoContext", "target", "origin", "TTL", "template", "deadlineSeconds", "pri"}
)
NO_WORKFLOWS: Mapping[str, Body] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A request that may become a job, and which of its keys were ignored."""

    spec: AnnotateSpec
    origin: str
    priority: int
    target: int | None
    warnings: tuple[str, ...]

    def submission(self, key: str | None, fingerprint: str | None) -> Submission:
        """Return the ask for the engine."""
        return Submission(
            kind=KIND,
            spec=msgspec.to_builtins(self.spec),
            origin=self.origin,
            priority=self.priority,
            berth_wish="" if self.target is None else target_wish(self.target),
            idempotency_key=key,
            fingerprint=fingerprint,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A request as read; with any of `faults` what it asks for does not count, and only a `uri` without fault is worth a look."""

    asked: Understood
    faults: list[Fault]
    uri: str | None


def understand(
    body: object,
    cores: int,
    workflows: Mapping[str, Body] = NO_WORKFLOWS,
    closed: AbstractSet[int] = frozenset(),
    *,
    inputs: Inputs = NOWHERE_ELSE,
    models_dir: Path,
) -> Understood:
    """Return what `body` asks for. Raises `Refused` with every fault found, in the order of the table."""
    reading = read(body, cores, workflows, closed, inputs=inputs, models_dir=models_dir)
    if reading.faults:
        raise Refused(reading.faults)
    return reading.asked


def read(
    body: object,
    cores: int,
    workflows: Mapping[str, Body] = NO_WORKFLOWS,
    closed: AbstractSet[int] = frozenset(),
    *,
    inputs: Inputs = NOWHERE_ELSE,
    models_dir: Path,
) -> Reading:
    """Read `body`; `workflows` holds the `videoContext` of the one that it names, if there is one. Raises `Refused` if it is no object.

    There are as many `cores` as that, numbered from 1, and the `closed` ones take no jobs; `inputs` may come from beside the roots.
    Models are looked for in the packages and in `models_dir`; the first look reads them whole.
    """
    if not isinstance(body, dict):
        raise Refused([Fault("", "body must be a JSON object", Row.BODY)])
    return _Reader(body, cores, workflows, closed, inputs, models_dir).read()


@dataclass(slots=True)
class _Reader:
    """Reads one body; what does not fit becomes a fault and a default takes its place."""

    body: Body
    cores: int
    workflows: Mapping[str, Body]
    closed: AbstractSet[int]
    inputs: Inputs
    models_dir: Path
    faults: Faults = field(default_factory=Faults)

    def read(self) -> Reading:
        context = Context(self._context(), self.faults)
        workflow = self._workflow()
        features, source = self._features(), context
        if workflow is not None and self.body.get("features") is None:
            source = self._of_workflow(workflow, context)
            features = self._switched_on(workflow, source)
        configs = {name: source.options(name) for name in features}
        features = self._left_on(features, configs)
        for name in features:
            source.check_required(name, configs[name])
        uri = self._uri()
        spec = AnnotateSpec(
            input_uri=uri or "",
            features=features,
            config={FEATURES[name].config_key: dict(configs[name]) for name in features},
            segments=source.segments(),
            workflow=workflow,
            ttl_days=self._number("TTL", range(1, 3651), "TTL must be a whole number of days between 1 and 3650") or 30,
            deadline_s=self._deadline(),
        )
        origin, priority = self._origin(), source.priority(self.body)
        self._template()
        target = self._target()
        self._note_unknown(context)
        asked = Understood(spec=spec, origin=origin, priority=priority, target=target, warnings=tuple(self.faults.warnings))
        return Reading(asked=asked, faults=self.faults.found, uri=uri)

    def _features(self) -> tuple[str, ...]:
        asked = self.body.get("features")
        has_workflow = self.body.get("workflow") is not None
        if asked is None:
            if not has_workflow:
                self.faults.add(Row.CHOICE, "features", "give either features or workflow")
            return ()
        if has_workflow:
            self.faults.add(Row.CHOICE, "features", "features and workflow exclude each other")
        if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
            self.faults.add(Row.FEATURES, "features", "features must be a non-empty array of feature names")
            return ()
        known = (self._known(place, name) for place, name in enumerate(asked))
        return tuple(dict.fromkeys(name for name in known if name is not None))

    def _known(self, place: int, asked: str) -> str | None:
        name = FEATURE_ALIASES.get(asked, asked)
        entry = FEATURES.get(name)
        if entry is None:
            self.faults.add(Row.FEATURES, f"features[{place}]", f"unknown feature '{asked}'")
        elif (lack := absence(name, entry, self.models_dir)) is not None:
            self.faults.add(Row.MODEL, f"features[{place}]", lack.reason, lack.mend)
        else:
            return name
        return None

    def _left_on(self, features: tuple[str, ...], configs: Mapping[str, Body]) -> tuple[str, ...]:
        left = tuple(name for name in features if configs[name].get("enabled") is not False)
        if features and not left:
            self.faults.add(Row.FEATURES, "features", "every feature is switched off by enabled:false")
        for name in left:
            if (lack := option_absence(name, configs[name], self.models_dir)) is not None:
                self.faults.add(Row.MODEL, f"{CONTEXT}.{FEATURES[name].config_key}.model", lack.reason, lack.mend)
        if "VIDEO_INDEX" in left and not (configs["VIDEO_INDEX"].get("query") or configs["VIDEO_INDEX"].get("index")):
            self.faults.warn("VIDEO_INDEX finds nothing: set query or index in videoContext.videoIndexConfig")
        return left

    def _workflow(self) -> str | None:
        workflow = self.body.get("workflow")
        if workflow is None:
            return None
        if not isinstance(workflow, str):
            self.faults.add(Row.RANGE, "workflow", "workflow must be the name of a workflow")
        elif workflow not in self.workflows:
            self.faults.add(Row.WORKFLOW, "workflow", f"unknown workflow '{workflow}'")
        else:
            return workflow
        return None

    def _of_workflow(self, workflow: str, context: Context) -> Context:
        """Return the workflow's own context, in which this request may set the segments and the priority anew.

        What it ignores was told when it was saved.
        """
        for key in context.given:
            if key not in PLAIN_KEYS:
                self.faults.add(Row.BESIDE, f"{CONTEXT}.{key}", f"{CONTEXT}.{key} cannot be combined with workflow")
        told = {key: value for key, value in context.given.items() if key in PLAIN_KEYS and value is not None}
        gone = PRIORITY_KEYS if (told.keys() | self.body.keys()) & PRIORITY_KEYS else frozenset()
        stored = {key: value for key, value in self.workflows[workflow].items() if key not in gone}
        return Context({**stored, **told}, Faults(found=self.faults.found))

    def _switched_on(self, workflow: str, source: Context) -> tuple[str, ...]:
        features = source.enabled()
        if not features:
            self.faults.add(Row.WORKFLOW, "workflow", f"workflow '{workflow}' enables no feature")
        for name in features:
            if (lack := absence(name, FEATURES[name], self.models_dir)) is not None:
                self.faults.add(Row.MODEL, "workflow", lack.reason, lack.mend)
        return features

    def _context(self) -> Body:
        context = self.body.get(CONTEXT)
        if context is None:
            return {}
        if not isinstance(context, dict):
            self.faults.add(Row.RANGE, CONTEXT, f"{CONTEXT} must be an object")
            return {}
        return context

    def _origin(self) -> str:
        origin = self.body.get("origin")
        if origin is None:
            return "api"
        if isinstance(origin, str) and len(origin) <= MOST_ORIGIN:
            return origin
        self.faults.add(Row.RANGE, "origin", f"origin must be a string of at most {MOST_ORIGIN} characters")
        return "api"

    def _number(self, name: str, allowed: range, reason: str, row: Row = Row.RANGE) -> int | None:
        value = self.body.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
            return value
        self.faults.add(row, name, reason)
        return None

    def _deadline(self) -> float | None:
        seconds = self._number("deadlineSeconds", range(1, 10**9), "deadlineSeconds must be a whole number of seconds, 1 or more")
        return None if seconds is None else float(seconds)

    def _uri(self) -> str | None:
        uri = self.body.get("inputUri")
        try:
            check_uri(uri, self.inputs)
        except Invalid as fault:
            self.faults.add(Row.URI, "inputUri", fault.message)
            return None
        return str(uri)

    def _template(self) -> None:
        if (template := self.body.get("template")) is not None:
            self.faults.add(Row.BESIDE, "template", f"unknown template '{template}'")

    def _target(self) -> int | None:
        reason = f"target must be a core number between 1 and {self.cores}"
        target = self._number("target", range(1, self.cores + 1), reason, Row.TARGET)
        if target in self.closed:
            self.faults.add(Row.TARGET, "target", f"core {target} does not take jobs")
        return target

    def _note_unknown(self, context: Context) -> None:
        for key in self.body:
            if key not in KNOWN_KEYS:
                self.faults.ignore(key)
        if self.body.get("workflow") is None:
            context.note_unknown()
