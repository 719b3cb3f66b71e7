"""Judge an issue in the ways most codes share: by rule, by marked words, by signs of a tone.

``checked`` needs proof by a rule, a figure, a length, an anchor or a character; ``estimated`` rests on a small measure
and says its confidence; ``changed`` means the words are others and nothing more is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import regex
from django.utils.translation import gettext as _

from regeneration.job import NamedIssue, ResolutionStatus
from regeneration.resolution import measures
from regeneration.resolution.comparison import KEPT_SHARE, Comparison, Span

Judgement = tuple[ResolutionStatus, str]
Judge = Callable[[Comparison, NamedIssue], Judgement]

_SHOUTED = regex.compile(r"(?<![\p{L}\p{M}\p{N}])[A-Z]{5,}(?![\p{L}\p{M}\p{N}])")

# Unmarked feedback on the whole text: so much of it must be other words before we say it was rewritten.
REWRITTEN_SHARE = 0.25


def by_rule(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Judge by the rule pack where it saw the fault; where it did not, by the marked words."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", _("The rules still object: %(what)s.") % {"what": after[0].message.rstrip(".")}
    mark = comparison.mark_of(issue)
    if comparison.findings_before(issue.code, mark):
        return "checked", _("The rules found this in the rejected text and find it no more.")
    return rewritten(comparison, issue)


def rewritten(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Judge by whether the marked words, or without a mark the text as a whole, are other words now."""
    mark = comparison.mark_of(issue)
    if mark is None:
        return whole_rewritten(comparison)
    if not comparison.is_touched(mark):
        return "unresolved", _("The marked words are unchanged.")
    now = comparison.became(mark).strip()
    if not measures.word_keys(now):
        return "changed", _("The marked words were removed, not rewritten.")
    if comparison.kept_share(mark) > KEPT_SHARE and not uses_what_was_said(comparison, issue, mark):
        return "unresolved", _("Most of the marked words still stand.")
    return "changed", _("The marked words were rewritten; whether that settles it is for you to judge.")


def measured(phrases: Iterable[str], *, what: str, counts_shouting: bool = False) -> Judge:
    """Make a judge that counts signs of a tone before and after; the fewer left, the surer it is."""
    signs = tuple(phrases)

    def judge(comparison: Comparison, issue: NamedIssue) -> Judgement:
        if comparison.findings_after(issue.code):
            return "unresolved", _("The rules still object to the tone.")
        mark = comparison.mark_of(issue)
        old = comparison.rejected[slice(*mark)] if mark else comparison.old_body
        now = comparison.became(mark) if mark else comparison.new_body
        before, after = _signs(old, signs, counts_shouting), _signs(now, signs, counts_shouting)
        if comparison.findings_before(issue.code, mark) and after <= before:
            return "checked", _("The rules found this in the rejected text and find it no more.")
        if mark and not comparison.is_touched(mark):
            return "unresolved", _("The marked words are unchanged.")
        if before and after == 0:
            return "estimated", _("No %(what)s words are left of %(before)d (confidence about 0.7).") % {
                "what": _(what),
                "before": before,
            }
        if before >= 2 and after <= before / 3:
            return "estimated", _("%(what)s words went from %(before)d to %(after)d (confidence about 0.6).") % {
                "what": _(what).capitalize(),
                "before": before,
                "after": after,
            }
        if before and after >= before:
            return "unresolved", _("As many %(what)s words as before: %(after)d.") % {"what": _(what), "after": after}
        return rewritten(comparison, issue)

    return judge


def whole_rewritten(comparison: Comparison) -> Judgement:
    """Judge an unmarked complaint by whether the text as a whole is another one."""
    share = comparison.changed_share
    if comparison.rewritten_sentences and share >= REWRITTEN_SHARE:
        return "changed", _("%(share)d %% of the words are new; whether that settles it is for you to judge.") % {
            "share": share * 100
        }
    return "unresolved", _("No words were marked, and the text is largely as it was.")


def uses_what_was_said(comparison: Comparison, issue: NamedIssue, mark: Span) -> bool:
    """Say whether the new words are the person's own: then a small change is the change they asked for."""
    old = set(measures.word_keys(comparison.rejected[slice(*mark)]))
    new = set(measures.content_words(comparison.became(mark))) - old
    said = set(measures.content_words(comparison.said(issue)))
    facts = {word for fact in comparison.job.approved_facts for word in measures.content_words(fact)}
    return bool(new) and len(new & (said | facts)) * 2 >= len(new)


def shorter_sentences(comparison: Comparison) -> Judgement | None:
    """Judge by sentences that became clearly shorter; None when they did not."""
    before, after = measures.mean_sentence_words(comparison.old_body), measures.mean_sentence_words(comparison.new_body)
    if before < 12 or after > before * 0.75:
        return None
    return "estimated", _(
        "Sentences went from %(before).0f to %(after).0f words on average (confidence about 0.6)."
    ) % {
        "before": before,
        "after": after,
    }


def stands_as_words(words: str, text: str) -> bool:
    """Say whether words stand in a text as whole words."""
    wanted = measures.word_keys(words)
    if not wanted:
        return words.strip() in text
    return f" {' '.join(wanted)} " in f" {' '.join(measures.word_keys(text))} "


def _signs(text: str, signs: tuple[str, ...], counts_shouting: bool) -> int:
    shouting = text.count("!") + len(_SHOUTED.findall(text)) if counts_shouting else 0
    return measures.count_phrases(text, signs) + shouting
