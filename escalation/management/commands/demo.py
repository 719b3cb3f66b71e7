"""Show the main job on the running system: reject a draft, read a better one, see where the milliseconds went."""

import asyncio
import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from escalation.demo import (
    IN_TIME_MS,
    NothingRunsError,
    Played,
    Scene,
    Spread,
    play_all,
    rules_can_repair,
    scenes_of,
    spread_of,
)
from jarvish_regen.access.models import Scope, User
from jarvish_regen.access.policy import required_viewer
from jarvish_regen.access.services import issue_token, revoke_token
from jarvish_regen.content.demo.loader import demo_drafts, demo_firms

FELL_SHORT: Final = 1
WRONG_USAGE: Final = 2
_BY_RULES: Final = "compliance_violation"
_SCOPES: Final = (Scope.CONTENT_READ, Scope.CONTENT_WRITE, Scope.FEEDBACK_READ, Scope.FEEDBACK_WRITE)
_RED, _GREEN, _BOLD, _PLAIN = "\033[31;9m", "\033[32m", "\033[1m", "\033[0m"
_HOW_KNOWN: Final = {
    "checked": "fixed, checked",
    "estimated": "fixed, estimated",
    "changed": "changed, not proven",
    "unresolved": "not resolved",
}


class Command(BaseCommand):
    """Exit codes: 0 answered in time, 1 fell short, 2 nothing runs or there is no such draft."""

    help = (
        "Play the main job against the running system over its public API and WebSocket. "
        "Example: ./jarvish demo --draft sah-001; ./jarvish demo --all --json"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", dest="is_all", help="play every rejectable demo draft")
        parser.add_argument("--json", action="store_true", dest="is_json", help="print it as JSON")
        parser.add_argument(
            "--url", default=settings.PUBLIC_URL, help="where it runs; the one of ./jarvish up if not given"
        )
        parser.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for one answer")
        parser.add_argument("--draft", default="", help="external id of a demo draft, such as sah-001")

    def handle(self, *args: object, **options: Any) -> None:
        scenes = scenes_of(demo_drafts())
        chosen = scenes if options["is_all"] else _chosen(scenes, options["draft"])
        is_loud = not options["is_json"]
        try:
            with _tokens(sorted({scene.advisor for scene in chosen})) as secrets:
                if options["is_all"]:
                    hear = self._tell_briefly if is_loud else _keep_quiet
                else:
                    hear = self._tell if is_loud else _keep_quiet
                played = asyncio.run(
                    play_all(
                        chosen,
                        is_one=not options["is_all"],
                        url=options["url"].rstrip("/"),
                        secrets=secrets,
                        timeout_seconds=options["timeout"],
                        on_played=hear,
                    )
                )
        except NothingRunsError as error:
            raise CommandError(f"{error} Start it with ./jarvish up and try again.", returncode=WRONG_USAGE) from error
        if options["is_all"]:
            self._conclude_all(played, scenes, is_json=options["is_json"])
        else:
            self._conclude_one(played[0], is_json=options["is_json"])

    def _conclude_one(self, one: Played, *, is_json: bool) -> None:
        if is_json:
            self.stdout.write(json.dumps(_as_json(one), ensure_ascii=False, indent=1))
        if not one.is_in_time:
            raise SystemExit(FELL_SHORT)

    def _tell(self, one: Played) -> None:
        write = self.stdout.write
        write(f"Draft {one.external_id}{' (a fresh copy)' if one.is_copy else ''}, {one.content_id}")
        marked = ", ".join(f"“{issue['quote']}”" for issue in one.said["issues"] if issue["quote"])
        write(f"Rejected: {one.said['category']}, {one.said['severity']}; marked {marked or 'nothing'}")
        if one.said["note"]:
            write(f"Note: {one.said['note']}")
        write("")
        write("  stage          here     server")
        for stage in one.stages:
            server = "" if stage.server_ms is None else f"{stage.server_ms} ms"
            write(f"  {stage.stage:<10} {stage.client_ms:>5} ms {server:>10}")
        if not one.stages:
            write("  none came over the WebSocket; the answer was polled for")
        write(f"  {'read':<10} {one.client_ms:>5} ms {'' if one.answer_ms is None else f'{one.answer_ms} ms':>10}")
        write("")
        if one.is_answered:
            write(f"Version {one.version}, from: {one.rung}. {one.reason}")
            write("")
            write(self._marked_up(one.diff))
            write("")
        else:
            write(f"No new version ({one.state}). {one.reason}")
        for resolution in one.resolutions:
            write(f"  {resolution['code']}: {_HOW_KNOWN[resolution['status']]}. {resolution['says']}")
        in_time = "in time" if one.is_in_time else f"not within {IN_TIME_MS} ms"
        write(f"Answer after {'–' if one.answer_ms is None else one.answer_ms} ms: {in_time}.")

    def _marked_up(self, diff: Sequence[Mapping[str, str]]) -> str:
        """Return the word diff, coloured on a terminal, in wdiff's marks elsewhere."""
        has_colour = self.stdout.isatty() and "NO_COLOR" not in os.environ
        gone, come = ((_RED, _PLAIN), (_GREEN, _PLAIN)) if has_colour else (("[-", "-]"), ("{+", "+}"))
        around = {"same": ("", ""), "del": gone, "ins": come}
        return "".join(f"{around[piece['kind']][0]}{piece['text']}{around[piece['kind']][1]}" for piece in diff)

    def _tell_briefly(self, one: Played) -> None:
        took = "–" if one.answer_ms is None else f"{one.answer_ms} ms"
        where = one.rung if one.is_answered else one.state
        valid = "valid" if one.is_valid else "admissible" if one.is_answered else ""
        self.stdout.write(f"{one.external_id:<8} {where:<12} {valid:<10} {took:>8} {one.client_ms:>6} ms here")

    def _conclude_all(self, played: Sequence[Played], scenes: Sequence[Scene], *, is_json: bool) -> None:
        summary = _summary(played, scenes)
        if is_json:
            shown = {**summary, "played": [_as_json(one) for one in played]}
            self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=1))
        else:
            self._tell_summary(summary)
        if summary["fell_short"]:
            raise SystemExit(FELL_SHORT)

    def _tell_summary(self, summary: Mapping[str, Any]) -> None:
        write = self.stdout.write
        write("")
        counts = {name: summary[f"{name}_count"] for name in ("played", "answered", "valid")}
        write("{played} rejections, {answered} answered, {valid} valid".format(**counts))
        write("                          count    P50    P95    max")
        for name in ("answer_ms", "client_ms"):
            for rung, spread in summary[name].items():
                where = f"{name} {rung}"
                figures = (spread["p50_ms"], spread["p95_ms"], spread["max_ms"])
                write(f"  {where:<22} {spread['count']:>6}" + "".join(f"{figure:>7}" for figure in figures))
        for one in summary["people"]:
            write(f"To people: {one['external_id']}: {one['reason']}")
        for one in summary["fell_short"]:
            write(f"FELL SHORT: {one['external_id']}: {one['reason']}")


def _keep_quiet(one: Played) -> None:
    """Say nothing: the JSON at the end says it all."""


def _chosen(scenes: Sequence[Scene], external_id: str) -> list[Scene]:
    if not external_id:
        # One advisor's drafts, of the kind that needs no model.
        return [one for one in scenes if one.advisor == scenes[0].advisor and one.rejection["category"] == _BY_RULES]
    found = [scene for scene in scenes if scene.external_id == external_id]
    if not found:
        known = ", ".join(scene.external_id for scene in scenes)
        raise CommandError(
            f"There is no rejectable demo draft {external_id!r}; there are {known}.", returncode=WRONG_USAGE
        )
    return found


def _profiles() -> dict[str, tuple[Mapping[str, Any], str]]:
    return {
        member["email"]: (member["profile"], firm["compliance_profile"])
        for firm in demo_firms()
        for member in firm["members"]
        if member.get("profile")
    }


@contextmanager
def _tokens(advisors: Sequence[str]) -> Iterator[dict[str, str]]:
    """Make a token for each advisor and revoke it at the end: the one thing that is done inside."""
    users = {user.email: user for user in User.objects.filter(email__in=advisors)}
    if missing := [email for email in advisors if email not in users]:
        raise CommandError(
            f"{missing[0]} is not here: the demo firms are not loaded (./jarvish manage load_demo).",
            returncode=WRONG_USAGE,
        )
    issued = []
    try:
        for email in advisors:
            viewer = required_viewer(users[email])
            issued.append((email, viewer, issue_token(viewer=viewer, name="demo", scopes=_SCOPES, days=1)))
        yield {email: token.secret for email, _viewer, token in issued}
    finally:
        for _email, viewer, token in issued:
            revoke_token(viewer=viewer, token_key=token.token.token_key)


def _as_json(one: Played) -> dict[str, Any]:
    return {**asdict(one), "is_answered": one.is_answered, "is_in_time": one.is_in_time}


def _summary(played: Sequence[Played], scenes: Sequence[Scene]) -> dict[str, Any]:
    answered = [one for one in played if one.is_answered]
    people = [one for one in played if one.state == "with_people"]
    by_id = {scene.external_id: scene for scene in scenes}
    return {
        "played_count": len(played),
        "answered_count": len(answered),
        "valid_count": sum(one.is_valid for one in answered),
        "answer_ms": _by_rung([(one.rung, one.answer_ms or 0) for one in answered]),
        "client_ms": _by_rung([(one.rung, one.client_ms) for one in answered]),
        "people": [_named(one) for one in people],
        "fell_short": [_named(one) for one in played if _fell_short(one, by_id[one.external_id])],
    }


def _fell_short(one: Played, scene: Scene) -> bool:
    """Say whether nothing excuses how it went: late, broken, or with people although rules could have repaired it."""
    if one.is_answered:
        return not one.is_in_time
    if one.state == "with_people":
        return not scene.wants_person and rules_can_repair(scene, *_profiles()[scene.advisor])
    return True


def _named(one: Played) -> dict[str, Any]:
    return {"external_id": one.external_id, "state": one.state, "answer_ms": one.answer_ms, "reason": one.reason}


def _by_rung(pairs: Sequence[tuple[str, int]]) -> dict[str, dict[str, int]]:
    rungs = ["all", *sorted({rung for rung, _ms in pairs})]
    spreads: dict[str, Spread | None] = {
        rung: spread_of([ms for found, ms in pairs if rung in ("all", found)]) for rung in rungs
    }
    return {rung: asdict(spread) for rung, spread in spreads.items() if spread is not None}
