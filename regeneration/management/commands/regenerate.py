"""Regenerate one text from the shell."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.content.models import Channel, Language, RegistrantType
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.anchors import locate_quote
from jarvish_regen.language.identify import identify
from jarvish_regen.language.worddiff import word_diff
from jarvish_regen.llm.deadline import Deadline
from regeneration.answering import answer
from regeneration.job import FeedbackBrief, Job, NamedIssue, Outcome, Voice
from regeneration.jobs import zero_of


class Command(BaseCommand):
    """Run one regeneration and print the version, the diff and the ledger. Stores nothing."""

    help = (
        'Regenerate one text. Example: manage.py regenerate --text draft.txt --feedback "15% may not be promised" '
        '--issue guaranteed_returns_claim="15% guaranteed"'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        words = taxonomy()
        parser.add_argument(
            "--text", required=True, metavar="FILE", help="the rejected text, UTF-8; - reads standard input"
        )
        parser.add_argument("--feedback", required=True, help="what is wrong, in the advisor's words")
        parser.add_argument("--category", choices=sorted(words.categories), default="compliance_violation")
        parser.add_argument("--severity", choices=words.severities, default="major")
        parser.add_argument(
            "--issue", action="append", default=[], metavar="CODE[=QUOTE]", help="a named fault; repeatable"
        )
        parser.add_argument("--suggestions", default="", help="what it should say instead")
        parser.add_argument("--channel", choices=Channel.values, default="whatsapp")
        parser.add_argument("--language", choices=Language.values, help="told from the text if left out")
        parser.add_argument("--registrant-type", choices=RegistrantType.values, default="MFD")
        parser.add_argument("--registration-no", default="ARN-123456")
        parser.add_argument("--registered-name", default="")
        parser.add_argument("--profile", choices=["core", "strict"], default="core")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: object, **options: Any) -> None:
        job = _job(options)
        stages: list[str] = []
        deadline = Deadline.after(settings.REGENERATION_DEADLINE_SECONDS)
        began_at = deadline.clock()
        outcome = answer(zero_of(job), deadline=deadline, on_stage=stages.append)
        elapsed_ms = (deadline.clock() - began_at) * 1000
        shown = _shown(job, outcome, elapsed_ms)
        self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2) if options["json"] else _in_words(shown))
        if outcome.winner is None:
            raise CommandError("No admissible answer.", returncode=1)


def _job(options: dict[str, Any]) -> Job:
    text = _read(options["text"])
    issues = []
    for given in options["issue"]:
        code, _sign, quote = given.partition("=")
        if code not in taxonomy().issues:
            raise CommandError(f"--issue {code!r} is not one of: {', '.join(sorted(taxonomy().issues))}", returncode=2)
        anchor = locate_quote(text, quote) if quote else None
        if quote and anchor is None:
            raise CommandError(
                f"--issue {code}: these words do not stand, or stand more than once: {quote!r}", returncode=2
            )
        issues.append(NamedIssue(code, anchor))
    context = TextContext(
        channel=options["channel"],
        language=options["language"] or identify(text),
        registrant_type=options["registrant_type"],
        registration_no=options["registration_no"],
        registrant_name=options["registered_name"] or None,
        profile=options["profile"],
    )
    brief = FeedbackBrief(
        category=options["category"],
        severity=options["severity"],
        note=options["feedback"],
        suggestions=options["suggestions"],
        issues=tuple(issues),
    )
    return Job(text, context, brief, Voice(registered_name=options["registered_name"]))


def _read(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--text {path}: {error}", returncode=2) from error
    if not text.strip() or len(text) > settings.CONTENT_TEXT_MAX_CHARS:
        raise CommandError(
            f"--text {path}: 1 to {settings.CONTENT_TEXT_MAX_CHARS} characters, not {len(text)}.", returncode=2
        )
    return text.rstrip("\n")


def _shown(job: Job, outcome: Outcome, elapsed_ms: float) -> dict[str, Any]:
    text = outcome.winner.text if outcome.winner else None
    return {
        "state": outcome.state,
        "reason": outcome.reason,
        "rung": outcome.winner.rung if outcome.winner else None,
        "is_valid": outcome.verdict.is_valid if outcome.verdict else None,
        "text": text,
        "diff": [{"kind": piece.kind, "text": piece.text} for piece in word_diff(job.rejected_text, text)]
        if text
        else [],
        "resolutions": [
            {"code": resolution.code, "status": resolution.status, "says": resolution.says}
            for resolution in (outcome.verdict.resolutions if outcome.verdict else ())
        ],
        "elapsed_ms": round(elapsed_ms, 1),
        "ledger": {
            "stages": [{"name": stage.name, "ms": round(stage.ms, 1)} for stage in outcome.stages],
            "candidates": [
                {"rung": judged.candidate.rung, "score": judged.verdict.score, "why_lost": judged.why_lost}
                for judged in outcome.candidates
            ],
            "calls": [
                {"target": call.target, "outcome": call.outcome, "ms": round(call.ended_ms - call.started_ms, 1)}
                for call in outcome.calls
            ],
            "cost_usd": round(sum(call.cost_usd for call in outcome.calls), 6),
        },
    }


def _in_words(shown: dict[str, Any]) -> str:
    marks = {"same": "{}", "del": "[-{}-]", "ins": "{{+{}+}}"}
    lines = [f"{shown['state']} by {shown['rung'] or 'nobody'} in {shown['elapsed_ms']} ms: {shown['reason']}"]
    if shown["text"]:
        lines += [
            "",
            shown["text"],
            "",
            "Diff",
            "".join(marks[piece["kind"]].format(piece["text"]) for piece in shown["diff"]),
        ]
    lines += [
        "",
        "Issues",
        *(f"  {entry['code']}: {entry['status']} – {entry['says']}" for entry in shown["resolutions"]),
    ]
    ledger = shown["ledger"]
    lines += ["", "Ledger", *(f"  {stage['name']:<10} {stage['ms']:>8.1f} ms" for stage in ledger["stages"])]
    lines += [
        f"  candidate {entry['rung']}: score {entry['score']:.2f} {entry['why_lost']}".rstrip()
        for entry in ledger["candidates"]
    ]
    lines += [f"  call {call['target']}: {call['outcome']} in {call['ms']} ms" for call in ledger["calls"]]
    return "\n".join([*lines, f"  cost ${ledger['cost_usd']}"])
