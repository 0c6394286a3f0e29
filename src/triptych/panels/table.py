"""The one route table: which panel answers a path, and with which routes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from re import Pattern
from urllib.parse import unquote

from starlette.routing import compile_path
from starlette.types import Scope

from triptych.panels.http import Panel, Route, SocketRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What lies at a path: the panel that answers, its routes by method (none: unknown path), and the path's parameters."""

    panel: Panel
    routes: Mapping[str, Route] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    plain_path: str | None = None

    def route(self, method: str) -> Route | None:
        """Return the route of a method; HEAD is served as GET."""
        return self.routes.get(method) or (self.routes.get("GET") if method == "HEAD" else None)

    @property
    def allow(self) -> str:
        """Return the methods, as the Allow header lists them."""
        methods = {*self.routes, "OPTIONS"} | ({"HEAD"} if "GET" in self.routes else set())
        return ", ".join(sorted(methods))


class Table:
    """Every route of every panel; the last panel answers for paths that nobody knows."""

    def __init__(self, panels: Sequence[Panel]) -> None:
        self.panels = tuple(panels)
        self._plain: dict[str, Match] = {}
        self._patterns: list[tuple[Pattern[str], Match]] = []
        self._owners: dict[str, Panel] = {}
        self._sockets: dict[str, tuple[Panel, SocketRoute]] = {}
        for panel in panels:
            self._add(panel)

    def __iter__(self) -> Iterator[tuple[Panel, Route]]:
        return ((panel, route) for panel in self.panels for route in panel.routes)

    def find(self, scope: Scope) -> Match:
        """Return what lies at the path of a request. Parameters are cut from the raw path, so they may hold an escaped slash."""
        path = scope["path"]
        found = self._plain.get(path) or self._matching(_raw_path(scope))
        if found is not None:
            return found
        if path.endswith("/") and (bare := self._plain.get(path.rstrip("/")) or self._matching(_raw_path(scope).rstrip("/"))):
            redirects = bare.panel.trailing_slash == "redirect"
            return Match(panel=bare.panel, plain_path=path.rstrip("/")) if redirects else bare
        return Match(panel=self._owner(path))

    def socket(self, path: str) -> tuple[Panel, SocketRoute | None]:
        """Return who answers web sockets at a path, and by which route if there is one."""
        return self._sockets.get(path) or (self._owner(path), None)

    def _add(self, panel: Panel) -> None:
        self._sockets.update({route.path: (panel, route) for route in panel.sockets})
        by_path: dict[str, dict[str, Route]] = {}
        for route in panel.routes:
            by_path.setdefault(route.path, {})[route.method] = route
            for family in _families(route.path):
                self._owners.setdefault(family, panel)
        for path, routes in by_path.items():
            if "{" in path:
                self._patterns.append((compile_path(path)[0], Match(panel=panel, routes=routes)))
            else:
                self._plain[path] = Match(panel=panel, routes=routes)

    def _matching(self, raw_path: str) -> Match | None:
        for pattern, match in self._patterns:
            if found := pattern.match(raw_path):
                parameters = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(panel=match.panel, routes=match.routes, parameters=parameters)
        return None

    def _owner(self, path: str) -> Panel:
        return next((self._owners[family] for family in _families(path) if family in self._owners), self.panels[-1])


def _families(path: str) -> tuple[str, ...]:
    """Return the first two segments of a path and the first one, where these are literal: what makes a path a panel's."""
    first, _, rest = path.lstrip("/").partition("/")
    second = rest.partition("/")[0]
    pair = () if not second or "{" in second else (f"{first}/{second}",)
    return (*pair, first) if first != "api" else pair


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"]
    return path if raw is None else raw.decode("latin-1")
