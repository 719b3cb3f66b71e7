"""Play the main job as an integrator would: over the public API and the WebSocket of a running system.

Nothing here reads a table: drafts come from drafts.yaml, everything else over the wire. Times are the integrator's own,
measured from the moment the rejection was sent; `answer_ms` is the server's, from the stored rejection.
"""

import asyncio
import contextlib
import json
import math
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.language.anchors import locate_quote
from regeneration.job import FeedbackBrief, Job, NamedIssue, Voice
from regeneration.jobs import zero_of

IN_TIME_MS: Final = 1_500  # README's promise, from the stored rejection
ESCALATE: Final = "escalate"
_POLL_SECONDS: Final = 0.25  # what a client without a socket would do
_HTTP_SECONDS: Final = 15.0
_WORTH_A_LOOK: Final = frozenset({"version.ready", "case.moved", "item.moved"})
_MOVING_STATES: Final = frozenset({"regenerating"})
_OPEN_ATTEMPTS: Final = frozenset({"queued", "running"})


class NothingRunsError(Exception):
    """The system cannot be reached, or is not ours."""


class RefusedError(Exception):
    """The API refused a call; the words are its own."""


@dataclass(frozen=True)
class Scene:
    """One demo draft with the rejection its advisor would send."""

    external_id: str
    advisor: str
    draft: Mapping[str, Any]
    rejection: Mapping[str, Any]

    @property
    def wants_person(self) -> bool:
        """True when the advisor asks for a person at once: then there is no attempt to wait for."""
        return bool(self.rejection["suggested_action"] == ESCALATE)


@dataclass(frozen=True)
class StageSeen:
    """A stage as it reached the client. client_ms: from the POST. server_ms: from the stored rejection."""

    stage: str
    client_ms: int
    server_ms: int | None


@dataclass(frozen=True)
class Played:
    """How one rejection went. `state` is the draft's: in_review with an answer, with_people, or failed."""

    external_id: str
    content_id: str
    is_copy: bool
    said: Mapping[str, Any]
    state: str
    reason: str
    client_ms: int
    stages: tuple[StageSeen, ...] = ()
    regeneration_id: str = ""
    attempts: int = 0
    rung: str = ""
    answer_ms: int | None = None
    is_valid: bool = False
    is_admissible: bool = False
    version: int | None = None
    diff: tuple[Mapping[str, str], ...] = ()
    resolutions: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_answered(self) -> bool:
        """True when there is a new version that the rules let through."""
        return self.version is not None and self.is_admissible

    @property
    def is_in_time(self) -> bool:
        """True when the answer was stored within the promised time."""
        return self.is_answered and self.answer_ms is not None and self.answer_ms <= IN_TIME_MS


@dataclass(frozen=True)
class Spread:
    """The distribution of some milliseconds, by nearest rank."""

    count: int
    p50_ms: int
    p95_ms: int
    max_ms: int


@dataclass(eq=False)
class _Hints:
    """What the socket said, each with the moment it came."""

    heard: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    is_subscribed: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            async for message in socket:
                heard = json.loads(message)
                if "kind" in heard:
                    self.heard.append((time.monotonic(), heard))
                self.is_subscribed.set()
                if heard.get("stage") == "ready" or heard.get("kind") in _WORTH_A_LOOK:
                    self.bell.set()

    def stages_of(self, regeneration_id: str, *, since: float) -> tuple[StageSeen, ...]:
        return tuple(
            StageSeen(str(hint["stage"]), round((at - since) * 1000), hint.get("elapsed_ms"))
            for at, hint in self.heard
            if hint.get("id") == regeneration_id and hint.get("stage")
        )


def scenes_of(entries: Sequence[Mapping[str, Any]]) -> list[Scene]:
    """Return the rejectable drafts among the entries of drafts.yaml, in their order."""
    return [
        Scene(
            external_id=entry["external_id"],
            advisor=entry["advisor"],
            draft={
                "text": entry["text"],
                "channel": entry["channel"],
                "language": entry["language"],
                "content_class": entry.get("content_class") or "",
                "topic": entry.get("topic") or "",
            },
            rejection={
                "category": entry["rejection"]["category"],
                "severity": entry["rejection"]["severity"],
                "suggested_action": entry["rejection"]["suggested_action"],
                "note": entry["rejection"].get("note", ""),
                "issues": [
                    {"code": issue["code"], "quote": issue.get("quote", "")} for issue in entry["rejection"]["issues"]
                ],
            },
        )
        for entry in entries
        if entry.get("rejection")
    ]


def rules_can_repair(scene: Scene, profile: Mapping[str, Any], compliance_profile: str) -> bool:
    """Say whether the repair by rules alone makes an admissible text of this draft. Pure.

    profile: the advisor's entry of firms.yaml. Such a draft needs no model, so nothing excuses its failing.
    """
    draft, said = scene.draft, scene.rejection
    issues = tuple(
        NamedIssue(issue["code"], locate_quote(draft["text"], issue["quote"]) if issue["quote"] else None)
        for issue in said["issues"]
    )
    brief = FeedbackBrief(
        said["category"], said["severity"], said["note"], suggested_action=said["suggested_action"], issues=issues
    )
    voice = Voice(
        profile["registered_name"],
        profile["signature"] or "",
        profile["voice"] or "",
        profile["audience"] or "",
        profile["phone"] or "",
    )
    context = TextContext(
        channel=draft["channel"],
        language=draft["language"],
        registrant_type=profile["registrant_type"],
        registration_no=profile["arn"] if profile["registrant_type"] == "MFD" else profile["sebi_number"],
        registrant_name=profile["registered_name"],
        euin=profile["euin"] or None,
        content_class=draft["content_class"] or None,
        profile="strict" if compliance_profile == "strict" else "core",
    )
    return zero_of(Job(draft["text"], context, brief, voice)).verdict.is_admissible


def spread_of(milliseconds: Sequence[int]) -> Spread | None:
    """Return the distribution, or None of nothing."""
    if not milliseconds:
        return None
    ordered = sorted(milliseconds)

    def rank(share: float) -> int:
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    return Spread(len(ordered), rank(0.5), rank(0.95), ordered[-1])


class Integrator:
    """One advisor's software: it holds their token and speaks the public API."""

    def __init__(self, *, url: str, secret: str, client: httpx.AsyncClient) -> None:
        self._client = client
        self._url = url
        self._headers = {"Authorization": f"Token {secret}"}

    async def drafts_in_review(self) -> dict[str, str]:
        """Return the content ids of untouched drafts by external id: in review at version 1."""
        found: dict[str, str] = {}
        query: dict[str, Any] = {"state": "in_review", "limit": 100}
        while True:
            page = await self._get("/api/v1/content", params=query)
            for item in page["items"]:
                if item["current"] and item["current"]["number"] == 1:
                    found[item["external_id"]] = item["id"]
            if not page["next_cursor"]:
                return found
            query["cursor"] = page["next_cursor"]

    async def play(self, scene: Scene, *, known: Mapping[str, str], timeout_seconds: float) -> Played:
        """Reject one draft and follow it until it is settled. A draft that is not there untouched is sent afresh.

        Raises:
            NothingRunsError: the system went away.
            RefusedError: the API refused a call.
        """
        content_id, is_copy = await self._place(scene, known)
        async with self._following(content_id) as hints:
            sent_at = time.monotonic()
            receipt = await self._post(
                f"/api/v1/content/{content_id}/reject",
                {**scene.rejection, "version": 1},
                key=f"demo-{uuid.uuid4()}",
            )
            attempts = await self._settled(content_id, receipt, hints, until=sent_at + timeout_seconds)
            client_ms = round((time.monotonic() - sent_at) * 1000)
            item = await self._get(f"/api/v1/content/{content_id}")
            return _played(scene, item, attempts, is_copy=is_copy, client_ms=client_ms, hints=hints, sent_at=sent_at)

    async def _place(self, scene: Scene, known: Mapping[str, str]) -> tuple[str, bool]:
        content_id = known.get(scene.external_id)
        if content_id is not None:
            item = await self._get(f"/api/v1/content/{content_id}")
            if item["current"]["text"] == scene.draft["text"]:
                return content_id, False
        copy = {**scene.draft, "external_id": f"{scene.external_id}-{uuid.uuid4().hex[:8]}"}
        arrival = await self._post("/api/v1/content", copy)
        return str(arrival["id"]), True

    @contextlib.asynccontextmanager
    async def _following(self, content_id: str) -> AsyncIterator[_Hints]:
        """Listen to a draft's topic. Without WebSockets the answer is found by polling, and no stage is seen."""
        hints = _Hints()
        address = f"ws{self._url.removeprefix('http')}/ws/live/"
        try:
            socket = await connect(address, additional_headers=self._headers, open_timeout=5, close_timeout=1)
        except (OSError, WebSocketException):
            yield hints
            return
        listening = asyncio.create_task(hints.listen(socket))
        try:
            await socket.send(json.dumps({"subscribe": f"item.{content_id}", "since": 0}))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hints.is_subscribed.wait(), timeout=2)
            yield hints
        finally:
            await socket.close()
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def _settled(
        self, content_id: str, receipt: Mapping[str, Any], hints: _Hints, *, until: float
    ) -> list[Mapping[str, Any]]:
        """Return the attempts at a rejection, oldest first, once the draft moves no more or the time is over."""
        if receipt["regeneration_id"] is None:
            return []
        attempt = await self._get(receipt["links"]["regeneration"])
        attempts = [attempt]
        while time.monotonic() < until:
            if attempt["version"] is not None and attempt["attempt"] == 1:
                break
            if attempt["state"] not in _OPEN_ATTEMPTS:
                attempts = await self._attempts_at(content_id, receipt["rejection_id"])
                attempt = attempts[-1]
                if attempt["state"] not in _OPEN_ATTEMPTS:
                    break
            hints.bell.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hints.bell.wait(), timeout=_POLL_SECONDS)
            attempt = await self._get(f"/api/v1/regenerations/{attempt['id']}")
            attempts[-1] = attempt
        return attempts

    async def _attempts_at(self, content_id: str, rejection_id: str) -> list[Mapping[str, Any]]:
        page = await self._get(
            f"/api/v1/content/{content_id}/rejections", params={"limit": 1, "includeRegenerations": "true"}
        )
        found = [one for one in page["rejections"] if one["id"] == rejection_id]
        return [attempt for one in found for attempt in one["regenerations"]]

    async def _get(self, path: str, *, params: Mapping[str, Any] | None = None) -> Any:
        return await self._call("GET", path, params=params)

    async def _post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
        return await self._call("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    async def _call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **rest: Any) -> Any:
        try:
            response = await self._client.request(
                method, f"{self._url}{path}", headers={**self._headers, **(headers or {})}, **rest
            )
        except httpx.HTTPError as error:
            raise NothingRunsError(f"{self._url} does not answer ({type(error).__name__}).") from error
        if response.is_success:
            try:
                return response.json()
            except ValueError as error:
                raise NothingRunsError(f"{self._url} answers, but not as Jarvish Regen does.") from error
        raise RefusedError(f"{method} {path}: {response.status_code} {_words_of(response)}")


def _words_of(response: httpx.Response) -> str:
    try:
        first = response.json()["errors"][0]
        return " ".join(str(first[name]) for name in ("code", "field", "detail") if first.get(name))
    except (ValueError, LookupError, TypeError):
        return response.reason_phrase


def _played(
    scene: Scene,
    item: Mapping[str, Any],
    attempts: Sequence[Mapping[str, Any]],
    *,
    is_copy: bool,
    client_ms: int,
    hints: _Hints,
    sent_at: float,
) -> Played:
    stages = tuple(stage for one in attempts for stage in hints.stages_of(str(one["id"]), since=sent_at))
    common: dict[str, Any] = {
        "external_id": scene.external_id,
        "content_id": item["id"],
        "is_copy": is_copy,
        "said": scene.rejection,
        "client_ms": client_ms,
        "stages": stages,
        "attempts": len(attempts),
    }
    if not attempts:
        return Played(**common, state=item["state"], reason="The advisor asked for a person.")
    last = attempts[-1]
    common |= {"regeneration_id": last["id"], "reason": last["reason"]}
    version = last["version"]
    if version is None:
        is_moving = item["state"] in _MOVING_STATES
        return Played(**common, state="failed" if is_moving else item["state"])
    return Played(
        **common,
        state=item["state"],
        rung=last["rung"] or "",
        answer_ms=_from_first_ms(attempts),
        is_valid=bool(last["is_valid"]),
        is_admissible=bool(version["is_admissible"]),
        version=version["number"],
        diff=tuple(last["diff"]),
        resolutions=tuple(last["resolutions"]),
    )


def _from_first_ms(attempts: Sequence[Mapping[str, Any]]) -> int:
    """Return the milliseconds from the stored rejection to the stored answer; each attempt has a clock of its own."""
    first, last = attempts[0], attempts[-1]
    return round(_moment(last["stored_at"]) - _moment(first["stored_at"])) + int(last["answer_ms"] or 0)


def _moment(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp() * 1000


async def play_all(
    scenes: Sequence[Scene],
    *,
    is_one: bool = False,
    url: str,
    secrets: Mapping[str, str],
    timeout_seconds: float,
    on_played: Callable[[Played], None],
) -> list[Played]:
    """Play scenes one after the other, or, with `is_one`, the first whose draft is untouched, else a copy of the first.

    on_played: hears each as it ends.

    secrets: token by advisor. A call that the API refused makes that scene failed, with its words as the reason.
    Raises NothingRunsError when the system is not there.
    """
    played: list[Played] = []
    async with httpx.AsyncClient(timeout=_HTTP_SECONDS, trust_env=False) as client:
        software = {email: Integrator(url=url, secret=secret, client=client) for email, secret in secrets.items()}
        known = {email: await one.drafts_in_review() for email, one in software.items()}
        if is_one:
            scenes = [next((one for one in scenes if one.external_id in known[one.advisor]), scenes[0])]
        for scene in scenes:
            began_at = time.monotonic()
            try:
                one = await software[scene.advisor].play(
                    scene, known=known[scene.advisor], timeout_seconds=timeout_seconds
                )
            except RefusedError as error:
                waited_ms = round((time.monotonic() - began_at) * 1000)
                one = Played(scene.external_id, "", False, scene.rejection, "failed", str(error), waited_ms)
            played.append(one)
            on_played(one)
    return played
