"""Make the jobs a benchmark answers from the demo drafts, by the product's own path and without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from benchmarks import responder
from feedback.services import Rejection, SaidIssue, check_rejection
from jarvish_regen.access.models import Firm, User
from jarvish_regen.content.compliance.check import forget_reports
from jarvish_regen.content.compliance.layout import forget_layouts
from jarvish_regen.content.demo.loader import demo_drafts, demo_firms, draft_of
from jarvish_regen.content.models import AdvisorProfile, ContentItem, ContentVersion
from jarvish_regen.language import figures, foreign, masking, names, sentences, words
from regeneration.drafts import draft_from
from regeneration.jobs import Zero, prepare_zero
from regeneration.pipeline import Prompts
from regeneration.resolution import comparison, measures
from regeneration.validate import validate

_READERS: tuple[ModuleType, ...] = (words, sentences, figures, names, foreign, masking, measures, comparison)
_OF_WORDS = frozenset({"_normal_word", "ascii_digit", "_name_pattern", "_keys"})


@dataclass(frozen=True, slots=True)
class BenchJobs:
    """Hold the rejected drafts that need a model, and how many of all drafts those are.

    ``without_valid_reply`` names drafts for which ``benchmarks.responder`` has no valid reply even undisturbed; they
    are left out, since no engine could answer them from that model.
    """

    zeros: tuple[Zero, ...]
    rejected: int
    settled_by_rules: int
    without_valid_reply: tuple[str, ...]


def bench_jobs() -> BenchJobs:
    """Return the jobs, in the order of drafts.yaml."""
    advisors = _advisors()
    zeros, unanswerable = [], []
    rejected = settled = 0
    for entry in demo_drafts():
        if (entry.get("rejection") or {}).get("suggested_action") in (None, "escalate"):
            continue
        rejected += 1
        zero = _zero_of(entry, advisors[entry["advisor"]])
        if zero.verdict.is_proven:
            settled += 1
        elif _has_valid_reply(zero):
            zeros.append(zero)
        else:
            unanswerable.append(str(entry["external_id"]))
    return BenchJobs(tuple(zeros), rejected, settled, tuple(unanswerable))


def forget_texts() -> None:
    """Forget what is kept of the texts that were read, so that no request is helped by an earlier one of the same
    draft: in life no two drafts are alike. What is kept of words and of our own lists stays: those do come again.
    """
    for module in _READERS:
        for name, read in vars(module).items():
            if hasattr(read, "cache_clear") and name not in _OF_WORDS:
                read.cache_clear()
    forget_reports()
    forget_layouts()


def _advisors() -> dict[str, AdvisorProfile]:
    found = {}
    for entry in demo_firms():
        firm = Firm(slug=entry["slug"], name=entry["name"], compliance_profile=entry["compliance_profile"])
        for member in entry["members"]:
            if profile := member.get("profile"):
                user = User(email=member["email"], full_name=member["full_name"])
                given = {name: value or "" for name, value in profile.items() if name != "languages"}
                found[member["email"]] = AdvisorProfile(firm=firm, user=user, languages=profile["languages"], **given)
    return found


def _zero_of(entry: Mapping[str, Any], advisor: AdvisorProfile) -> Zero:
    draft = draft_of(entry)
    item = ContentItem(
        firm=advisor.firm,
        advisor=advisor,
        channel=draft.channel,
        language=draft.language,
        content_class=draft.content_class,
        topic=draft.topic,
    )
    version = ContentVersion(item=item, number=1, text=draft.text)
    said = entry["rejection"]
    rejection = Rejection(
        category=said["category"],
        severity=said["severity"],
        note=said["note"],
        issues=[SaidIssue(code=issue["code"], quote=issue.get("quote", "")) for issue in said["issues"]],
    )
    return prepare_zero(item=item, version=version, checked=check_rejection(item=item, version=version, said=rejection))


def _has_valid_reply(zero: Zero) -> bool:
    prompt = Prompts(zero.job, "0" * 16).of_call(0).prompt
    draft = draft_from(zero.job, prompt, responder.respond(prompt.request().messages))
    return draft.candidate is not None and validate(zero.job, draft.candidate).is_valid
