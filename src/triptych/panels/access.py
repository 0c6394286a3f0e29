"""Who may call and what was done: the routes of tokens and of the audit chain, for administrators."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta
from msgspec import UnsetType as Unset
from starlette.requests import Request
from starlette.responses import Response

from triptych.audit import Verdict
from triptych.clock import to_text
from triptych.panels.http import Role, Route, caller, json_answer, service
from triptych.panels.queries import parameters, read_query, read_request
from triptych.tokens import Token

TAG = "access"

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^\\x00-\\x1f\\x7f]+$(?!\\n)")]
Bound = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=1000)]


class TokenAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to make. An operator's may be bound to workers and to commands; it is good for `expires_in_s`, for ever if null."""

    name: Text
    role: Role
    workers: Bound | None = None
    commands: Bound | None = None
    expires_in_s: Annotated[float, Meta(ge=0.001, le=3.2e9)] | None = None


NULL = {"type": "null"}
BOUND_OPERATOR: dict[str, Any] = {
    "anyOf": [{"properties": {"role": {"const": "operator"}}}, {"properties": {"workers": NULL, "commands": NULL}}]
}
DescribedTokenAsk = Annotated[TokenAsk, Meta(extra_json_schema=BOUND_OPERATOR)]


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without what it spells. `used_at` is true to the minute."""

    id: str
    name: str
    role: Role
    workers: tuple[str, ...] | None
    commands: tuple[str, ...] | None
    created_at: str
    created_by: str
    expires_at: str | None
    used_at: str | None


class MadeToken(TokenRecord, frozen=True, kw_only=True):
    """A new token. What it spells is shown here and nowhere else: send it as `Authorization: Bearer TOKEN`."""

    token: str


class TokenList(msgspec.Struct, frozen=True, kw_only=True):
    """Every token, the oldest first."""

    tokens: tuple[TokenRecord, ...]


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries."""

    cursor: Annotated[str, Meta(pattern="^[0-9]{1,15}$")] | Unset = UNSET
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One deed. `who` is a user (`uid:0`), a token (`token:ID`) or `server`; `before` the SHA-256 of the entry before."""

    number: int
    at: str
    who: str
    deed: str
    what: dict[str, Any]
    before: str


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deeds, newest first. `cursor` is where the next page begins, null on the last one."""

    entries: tuple[AuditEntry, ...]
    cursor: str | None


async def create_token(request: Request) -> Response:
    """Make a token; what it spells is in this answer only."""
    asked = await read_request(request, TokenAsk)
    at = service(request)
    lifetime = None if asked.expires_in_s is None else timedelta(seconds=asked.expires_in_s)
    who = caller(request).who
    token, spelled = await at.tokens.create(
        name=asked.name, role=asked.role, by=who, lifetime=lifetime, workers=asked.workers, commands=asked.commands
    )
    at.audit.note(who, "token.create", token=token.id, name=token.name, role=token.role)
    return json_answer(MadeToken(token=spelled, **_told(token)), 201, {"location": f"/api/v1/tokens/{token.id}"})


async def list_tokens(request: Request) -> Response:
    """List every token, the oldest first."""
    return json_answer(TokenList(tokens=tuple(TokenRecord(**_told(token)) for token in service(request).tokens)))


async def revoke_token(request: Request) -> Response:
    """Revoke a token: it is no good from now on, for open answers too."""
    at, token_id = service(request), request.path_params["id"]
    await at.tokens.revoke(token_id)
    at.audit.note(caller(request).who, "token.revoke", token=token_id)
    return Response(status_code=204)


async def list_deeds(request: Request) -> Response:
    """List who did what, newest first."""
    asked = read_query(request, AuditQuery)
    entries, cursor = await service(request).audit.page(None if asked.cursor is UNSET else int(asked.cursor), asked.limit)
    shown = tuple(AuditEntry(**{**msgspec.structs.asdict(entry), "at": to_text(entry.at)}) for entry in entries)
    return json_answer(AuditPage(entries=shown, cursor=None if cursor is None else str(cursor)))


async def verify_deeds(request: Request) -> Response:
    """Check that nothing was changed in the audit chain or cut off its end."""
    return json_answer(await service(request).audit.verify())


def _told(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "workers": token.workers,
        "commands": token.commands,
        "created_at": to_text(token.created_at),
        "created_by": token.created_by,
        "expires_at": None if token.expires_at is None else to_text(token.expires_at),
        "used_at": None if token.used_at is None else to_text(token.used_at),
    }


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/tokens",
        handler=create_token,
        role=Role.ADMIN,
        summary="Make a token; what it spells is shown once.",
        request=DescribedTokenAsk,
        answer=MadeToken,
        status=201,
        errors=(400, 413, 422, 503),
        tag=TAG,
    ),
    Route(method="GET", path="/api/v1/tokens", handler=list_tokens, role=Role.ADMIN, summary="List tokens.", answer=TokenList, tag=TAG),
    Route(
        method="DELETE",
        path="/api/v1/tokens/{id}",
        handler=revoke_token,
        role=Role.ADMIN,
        summary="Revoke a token at once.",
        status=204,
        errors=(404, 503),
        tag=TAG,
    ),
    Route(
        method="GET",
        path="/api/v1/audit",
        handler=list_deeds,
        role=Role.ADMIN,
        summary="List who did what, newest first.",
        answer=AuditPage,
        errors=(400, 422),
        parameters=parameters(AuditQuery),
        tag=TAG,
    ),
    Route(
        method="GET",
        path="/api/v1/audit/verify",
        handler=verify_deeds,
        role=Role.ADMIN,
        summary="Check that the audit chain is whole.",
        answer=Verdict,
        tag=TAG,
    ),
)
"""The rows of the route table that the native panel takes in."""
