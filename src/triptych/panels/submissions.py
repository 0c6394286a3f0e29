"""What a client may ask of the media panel: the validation table of media 2.5, in its order, every fault collected."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import msgspec

from triptych.errors import Invalid
from triptych.kinds import AnnotateSpec
from triptych.media.features import FEATURE_ALIASES, FEATURES, FeatureEntry
from triptych.media.inputs import check_uri
from triptych.model import Submission

KIND = "annotate"
MOST_SEGMENTS = 1000
FOR_EVER_US = 10**15
LATEST_S = 1e9
DEFAULT_PRIORITY = 20
KNOWN_KEYS = frozenset(
    {"inputUri", "features", "workflow", "videoContext", "target", "origin", "TTL", "template", "deadlineSeconds", "pri"}
)
CONTEXT_KEYS = frozenset({"priority", "pri", "segments"})

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request."""

    field: str
    reason: str


class Refused(Invalid):
    """A request with faults; the first one is the message."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].reason, field=faults[0].field)
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A request that may become a job, and which of its keys were ignored."""

    spec: AnnotateSpec
    origin: str
    priority: int
    warnings: tuple[str, ...]

    def submission(self, key: str | None, fingerprint: str | None) -> Submission:
        """Return the ask for the engine."""
        return Submission(
            kind=KIND,
            spec=msgspec.to_builtins(self.spec),
            origin=self.origin,
            priority=self.priority,
            idempotency_key=key,
            fingerprint=fingerprint,
        )


def understand(body: object, cores: int) -> Understood:
    """Return what `body` asks for. Raises `Refused` with every fault found, in the order of the table."""
    if not isinstance(body, dict):
        raise Refused([Fault("", "body must be a JSON object")])
    reader = _Reader(body, cores)
    asked = reader.read()
    if reader.faults:
        raise Refused(reader.faults)
    return asked


@dataclass(slots=True)
class _Reader:
    """Reads one body; what does not fit becomes a fault and a default takes its place."""

    body: Body
    cores: int
    faults: list[Fault] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def read(self) -> Understood:
        features = self._features()
        context = self._context()
        configs = {name: self._config(context, name) for name in features}
        features = tuple(name for name in features if configs[name].get("enabled") is not False)
        if configs and not features:
            self._fault("features", "every feature is switched off by enabled:false")
        self._models(features, configs)
        self._workflow_and_template()
        origin = self._origin()
        days = self._number("TTL", 30, range(1, 3651), "TTL must be a whole number of days between 1 and 3650")
        deadline = self._deadline()
        priority = self._priority(context)
        target = self._target()
        segments = tuple(self._segments(context))
        self._note_unknown(context)
        warnings = [f"{key} is not known and was ignored" for key in self.ignored]
        if "VIDEO_INDEX" in features and not (configs["VIDEO_INDEX"].get("query") or configs["VIDEO_INDEX"].get("index")):
            warnings.append("VIDEO_INDEX finds nothing: set query or index in videoContext.videoIndexConfig")
        if target is not None:
            warnings.append("target is not available yet; any free core takes the job")
        spec = AnnotateSpec(
            input_uri=self._uri(),
            features=features,
            config={FEATURES[name].config_key: dict(configs[name]) for name in features},
            segments=segments,
            ttl_days=days or 30,
            deadline_s=deadline,
        )
        return Understood(
            spec=spec,
            origin=origin,
            priority=priority,
            warnings=tuple(warnings),
        )

    def _fault(self, name: str, reason: str) -> None:
        self.faults.append(Fault(name, reason))

    def _features(self) -> tuple[str, ...]:
        asked = self.body.get("features")
        has_workflow = self.body.get("workflow") is not None
        if asked is None:
            if not has_workflow:
                self._fault("features", "give either features or workflow")
            return ()
        if has_workflow:
            self._fault("features", "features and workflow exclude each other")
        if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
            self._fault("features", "features must be a non-empty array of feature names")
            return ()
        known = (self._known(place, name) for place, name in enumerate(asked))
        return tuple(dict.fromkeys(name for name in known if name is not None))

    def _known(self, place: int, asked: str) -> str | None:
        name = FEATURE_ALIASES.get(asked, asked)
        entry = FEATURES.get(name)
        if entry is None:
            self._fault(f"features[{place}]", f"unknown feature '{asked}'")
        elif (reason := absence(name, entry)) is not None:
            self._fault(f"features[{place}]", reason)
        else:
            return name
        return None

    def _models(self, features: tuple[str, ...], configs: Mapping[str, Body]) -> None:
        for name in features:
            if configs[name].get("model") == "builtin/latest":
                self._fault(f"videoContext.{FEATURES[name].config_key}.model", needs_model(name, "shot"))

    def _workflow_and_template(self) -> None:
        if (workflow := self.body.get("workflow")) is not None:
            self._fault("workflow", f"unknown workflow '{workflow}'")
        if (template := self.body.get("template")) is not None:
            self._fault("template", f"unknown template '{template}'")

    def _context(self) -> Body:
        context = self.body.get("videoContext")
        if context is None:
            return {}
        if not isinstance(context, dict):
            self._fault("videoContext", "videoContext must be an object")
            return {}
        return context

    def _config(self, context: Body, name: str) -> dict[str, object]:
        """Return the options of a feature that fit; each that does not is a fault, each unknown one is noted."""
        entry = FEATURES[name]
        key = entry.config_alias if entry.config_key not in context and entry.config_alias in context else entry.config_key
        given = context.get(key or "")
        if given is None:
            return {}
        if not isinstance(given, dict):
            self._fault(f"videoContext.{key}", f"videoContext.{key} must be an object")
            return {}
        return dict(self._options(f"videoContext.{key}", entry, given))

    def _options(self, place: str, entry: FeatureEntry, given: Body) -> Iterator[tuple[str, object]]:
        known = {option.name: option for option in msgspec.structs.fields(entry.options)}
        for name, value in given.items():
            if name not in known:
                self.ignored.append(f"{place}.{name}")
                continue
            try:
                yield name, msgspec.convert(value, known[name].type)
            except msgspec.ValidationError:
                self._fault(f"{place}.{name}", f"{name} must be {_described(known[name].type)}")

    def _origin(self) -> str:
        origin = self.body.get("origin", "api")
        if isinstance(origin, str) and len(origin) <= 64:  # noqa: PLR2004 - as the text says
            return origin
        self._fault("origin", "origin must be a string of at most 64 characters")
        return "api"

    def _number(self, name: str, default: int | None, allowed: range, reason: str, *, source: Body | None = None) -> int | None:
        value = (self.body if source is None else source).get(name, default)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value in allowed):
            return default if value is None else value
        self._fault(name, reason)
        return default

    def _deadline(self) -> float | None:
        reason = "deadlineSeconds must be a whole number of seconds, 1 or more"
        seconds = self._number("deadlineSeconds", None, range(1, 10**9), reason)
        return None if seconds is None else float(seconds)

    def _priority(self, context: Body) -> int:
        source, name = next(
            ((place, key) for place, key in ((context, "priority"), (context, "pri"), (self.body, "pri")) if key in place),
            (context, "priority"),
        )
        found = self._number(name, DEFAULT_PRIORITY, range(140), "priority must be between 0 and 139", source=source)
        return DEFAULT_PRIORITY if found is None else found

    def _target(self) -> int | None:
        return self._number("target", None, range(1, self.cores + 1), f"target must be a core number between 1 and {self.cores}")

    def _segments(self, context: Body) -> Iterator[tuple[int, int]]:
        given = context.get("segments")
        if given is None:
            return
        if not isinstance(given, list) or len(given) > MOST_SEGMENTS or not all(isinstance(part, dict) for part in given):
            self._fault("segments", f"segments must be an array of at most {MOST_SEGMENTS} objects with startTimeOffset and endTimeOffset")
            return
        for place, part in enumerate(given):
            start = self._offset(f"segments[{place}].startTimeOffset", part.get("startTimeOffset"), 0)
            end = self._offset(f"segments[{place}].endTimeOffset", part.get("endTimeOffset"), FOR_EVER_US)
            if start is None or end is None:
                continue
            if start >= end:
                self._fault(f"segments[{place}]", f"segments[{place}]: startTimeOffset must be before endTimeOffset")
            yield int(start), int(end)

    def _offset(self, name: str, value: object, absent_us: int) -> Fraction | None:
        """Return an input offset in microseconds (media G4)."""
        if value is None:
            return Fraction(absent_us)
        seconds = offset(value)
        if seconds is None:
            self._fault(name, f'{name} must be a time of 0 or more, as "1.5s" or 1.5')
            return None
        return seconds * 1_000_000

    def _uri(self) -> str:
        uri = self.body.get("inputUri")
        try:
            check_uri(uri)
        except Invalid as fault:
            self._fault("inputUri", fault.message)
        return str(uri)

    def _note_unknown(self, context: Body) -> None:
        configs = {key for entry in FEATURES.values() for key in (entry.config_key, entry.config_alias)}
        self.ignored += [key for key in self.body if key not in KNOWN_KEYS]
        self.ignored += [f"videoContext.{key}" for key in context if key not in CONTEXT_KEYS and key not in configs]


def absence(name: str, entry: FeatureEntry) -> str | None:
    """Return why a known feature cannot be had here, or None (media K5, K6)."""
    if entry.model is not None:
        return needs_model(name, entry.model)
    return f"feature {name} is not available yet" if entry.run is None else None


def needs_model(name: str, slot: str) -> str:
    """Return how a missing model is told."""
    return f"feature {name} needs model '{slot}', which is not installed on this server"


def offset(value: object) -> Fraction | None:
    """Return an input offset in seconds, or None when it is none: `"1.25s"` or a number, up to 9 decimals, never negative."""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
    if _OFFSET.fullmatch(text):
        return Fraction(text.removesuffix("s"))
    return Fraction(text) if isinstance(value, float) and 0 <= value < LATEST_S else None


def _described(hint: object) -> str:
    """Return the description that an option's type carries."""
    parts = (hint, *getattr(hint, "__args__", ()))
    metas = (meta for part in parts for meta in getattr(part, "__metadata__", ()))
    return next((meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description), "of another type")


_OFFSET = re.compile(r"\d{1,9}(\.\d{0,9})?s?")
