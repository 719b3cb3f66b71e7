"""Judge issues of content: compliance, tone, length, relevance, facts, language."""

from __future__ import annotations

import regex
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from jarvish_regen.language.identify import identify
from regeneration import mandated
from regeneration.job import NamedIssue
from regeneration.resolution import lexicons, measures
from regeneration.resolution.comparison import KEPT_SHARE, Comparison
from regeneration.resolution.goals import key_of, length_goal, requested_limit, wanted_language
from regeneration.resolution.ways import (
    Judgement,
    by_rule,
    measured,
    rewritten,
    shorter_sentences,
    stands_as_words,
    uses_what_was_said,
    whole_rewritten,
)


def risk_warning(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the rules want no warning and that the standard one stands in the text."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", after[0].message
    if comparison.findings_before(issue.code):
        return "checked", _("The mandatory text is in place, word for word.")
    key = "ia_warning" if comparison.job.context.registrant_type == "RIA" else "mf_warning"
    if any(mandated.shows(comparison.candidate, text) for text in mandated.wordings(key)):
        return "checked", _("The standard warning stands in the text, word for word.")
    return "unresolved", _("The standard warning is not in the text.")


def registration(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the registration number of the profile stands in the text."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", after[0].message
    number = comparison.job.context.registration_no
    if not number:
        return "unresolved", _("The profile has no registration number to insert.")
    if not mandated.shows_registration(comparison.candidate, number):
        return "unresolved", _("The registration number %(number)s is not in the text.") % {"number": number}
    words = comparison.rejected[slice(*mark)] if (mark := comparison.mark_of(issue)) else ""
    is_wrong = bool(measures.figure_keys(words)) and not mandated.shows_registration(words, number)
    if mark and is_wrong and not comparison.is_touched(mark):
        return "unresolved", _("The marked number still stands.")
    return "checked", _("The registration number %(number)s stands in the text.") % {"number": number}


def risk_balance(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Judge whether the body now speaks of risk, or the unbalanced words are gone."""
    judged = by_rule(comparison, issue)
    if judged[0] == "checked" or comparison.findings_after(issue.code):
        return judged
    before = measures.count_phrases(comparison.old_body, lexicons.RISK)
    after = measures.count_phrases(comparison.new_body, lexicons.RISK)
    grew = len(measures.word_keys(comparison.new_body)) >= len(measures.word_keys(comparison.old_body)) + 3
    if after > before and grew:
        return "estimated", _("The text itself now speaks of risk (confidence about 0.7).")
    return judged if comparison.mark_of(issue) else ("unresolved", _("The text still says nothing of risk."))


def too_formal(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Judge stiffness by formal words, else by sentences that became clearly shorter."""
    judged = measured(lexicons.FORMAL, what=gettext_noop("stiff"))(comparison, issue)
    if judged[0] != "unresolved" or comparison.mark_of(issue):
        return judged
    return shorter_sentences(comparison) or judged


def too_long(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check the length of the body against what was asked, else the channel's budget, else a fifth less."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", after[0].message
    limit = requested_limit(comparison.said(issue))
    if limit is not None and limit[1] == "words":
        count = len(measures.word_keys(comparison.new_body))
        return _within(count, limit[0], _("words"))
    count = len(comparison.new_body)
    most = limit[0] if limit else length_goal(comparison.job.context.channel, len(comparison.old_body))
    return _within(count, most, _("characters"))


def too_short(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the body grew by a quarter, in words that are not repeats, and still fits the channel."""
    if comparison.findings_after("too_long"):
        return "unresolved", _("The text is now longer than the channel bears.")
    old = len(measures.word_keys(comparison.old_body))
    new = len(measures.word_keys(comparison.new_body))
    if measures.duplicate_spans(comparison.new_body) and not measures.duplicate_spans(comparison.old_body):
        return "unresolved", _("The text only grew by repeating itself.")
    if new < max(old * measures.LONGER_SHARE, old + 5):
        return "unresolved", _("The text has %(new)d words after %(old)d; that is hardly more.") % {
            "new": new,
            "old": old,
        }
    return "checked", _("The text grew from %(old)d to %(new)d words.") % {"old": old, "new": new}


def repetition(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Estimate by how little of the rejected text is left, since it was the repetition."""
    if comparison.mark_of(issue):
        return rewritten(comparison, issue)
    share = comparison.changed_share
    if share >= 0.5:
        return "estimated", _("%(share)d %% of its words are new (confidence about 0.6).") % {"share": share * 100}
    return "unresolved", _("Most of the text is as it was sent before.")


def key_point(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Estimate by whether the key words of what was said now stand in the text."""
    wanted = comparison.key_words(issue)
    if not wanted:
        return "unresolved", _("The note does not say which point is missing.")
    there = set(measures.word_keys(comparison.candidate))
    found = [word for word in wanted if _stands(word, there)]
    if not found or len(found) < len(wanted) * 0.4:
        return "unresolved", _("The point asked for is not in the text: %(words)s.") % {"words": ", ".join(wanted[:5])}
    return "estimated", _(
        "%(found)d of the %(all)d key words of the note are now in the text (confidence about 0.7)."
    ) % {
        "found": len(found),
        "all": len(wanted),
    }


def figure(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the wrong number is gone and that what replaced it was said by the person or is an approved fact."""
    said = _known_figures(comparison, issue)
    mark = comparison.mark_of(issue)
    if mark is not None:
        wrong = set(measures.figure_keys(comparison.rejected[slice(*mark)]))
        now = set(measures.figure_keys(comparison.became(mark)))
        if not wrong:
            return rewritten(comparison, issue)
        # With several numbers marked, those the person does not correct may stay; one at least must change.
        if now == wrong or not (wrong - now):
            return "unresolved", _("The marked number still stands.")
        unknown = now - wrong - said
        if unknown:
            return "unresolved", _("The new number %(number)s was given by nobody.") % {"number": sorted(unknown)[0]}
        says = _("The number was corrected to what you gave.") if now - wrong else _("The wrong number is gone.")
        return "checked", says
    wrong = set(measures.figure_keys(comparison.rejected)) & set(measures.figure_keys(comparison.said(issue)))
    left = set(measures.figure_keys(comparison.candidate))
    if wrong and not wrong & left:
        return "checked", _("The number you named is no longer in the text.")
    gone = set(measures.figure_keys(comparison.rejected)) - left
    if gone and left & (said - set(measures.figure_keys(comparison.rejected))):
        return "checked", _("A number was corrected to what you gave.")
    return "unresolved", _("No number was corrected.")


def claim(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that an unsupported claim is gone; rewritten it is changed, not proven."""
    judged = rewritten(comparison, issue)
    mark = comparison.mark_of(issue)
    if mark and judged[0] == "changed" and not measures.word_keys(comparison.became(mark)):
        return "checked", _("The claim is no longer in the text: removed, not rewritten.")
    return judged


def named_thing(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that a wrong name, date or amount stands nowhere in the text any more."""
    if comparison.findings_after(issue.code):
        return "unresolved", comparison.findings_after(issue.code)[0].message
    mark = comparison.mark_of(issue)
    wrong = [comparison.rejected[slice(*mark)]] if mark else _names_said(comparison, issue)
    if not wrong:
        if comparison.findings_before(issue.code):
            return "checked", _("The rules found this in the rejected text and find it no more.")
        return whole_rewritten(comparison)
    for words in wrong:
        if stands_as_words(words, comparison.candidate):
            return "unresolved", _("“%(words)s” still stands in the text.") % {"words": words}
    is_kept = mark is not None and _is_long(wrong[0]) and comparison.kept_share(mark) > KEPT_SHARE
    if mark and is_kept and not uses_what_was_said(comparison, issue, mark):
        return "unresolved", _("Most of the marked words still stand.")
    return "checked", _("“%(words)s” is no longer in the text.") % {"words": wrong[0]}


def grammar(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Estimate by slips that need no grammar to see; marked words must be others."""
    mark = comparison.mark_of(issue)
    if mark is not None:
        if not comparison.is_touched(mark):
            return "unresolved", _("The marked words are unchanged.")
        old, now = comparison.rejected[slice(*mark)], comparison.became(mark)
        before, after = measures.language_errors(old), measures.language_errors(now)
        if after > before:
            return "unresolved", _("The new words have more slips than the old ones.")
        if before and after == 0:
            return "estimated", _("The slips in the marked words are gone (confidence about 0.8).")
        return "changed", _("The marked words were corrected; whether rightly is for you to judge.")
    before, after = measures.language_errors(comparison.old_body), measures.language_errors(comparison.new_body)
    if before and after == 0:
        return "estimated", _("No slip that we can see is left of %(before)d (confidence about 0.6).") % {
            "before": before
        }
    if before:
        return "unresolved", _("%(after)d slips of language are left.") % {"after": after}
    return whole_rewritten(comparison)


def clarity(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Estimate by jargon and the length of sentences."""
    judged = measured(lexicons.JARGON, what=gettext_noop("jargon"))(comparison, issue)
    if judged[0] != "unresolved" or comparison.mark_of(issue):
        return judged
    return shorter_sentences(comparison) or judged


def reading_language(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check the language the text is written in, as far as function words and script tell it."""
    wanted = wanted_language(comparison.said(issue), comparison.job.context.language, identify(comparison.old_body))
    now = identify(comparison.new_body)
    if now != wanted:
        return "unresolved", _("The text is still not in the reader's language.")
    mark = comparison.mark_of(issue)
    if identify(comparison.old_body) == wanted:
        if mark is None or not comparison.is_touched(mark):
            return "unresolved", _("The words in the other language still stand.")
        if identify(comparison.became(mark)) == wanted != identify(comparison.rejected[slice(*mark)]):
            return "checked", _("The marked words are now in the reader's language.")
        return rewritten(comparison, issue)
    return "checked", _("The text is now in the reader's language.")


def _within(count: int, most: int, unit: str) -> Judgement:
    if count <= most:
        return "checked", _("The text has %(count)d %(unit)s; %(most)d are the limit.") % {
            "count": count,
            "unit": unit,
            "most": most,
        }
    return "unresolved", _("The text still has %(count)d %(unit)s; %(most)d are the limit.") % {
        "count": count,
        "unit": unit,
        "most": most,
    }


def _known_figures(comparison: Comparison, issue: NamedIssue) -> set[str]:
    known = [comparison.said(issue), *comparison.job.approved_facts]
    return {key for text in known for key in measures.figure_keys(text)}


def _stands(word: str, there: set[str]) -> bool:
    # Endings differ ("nominee", "nominees"); a shared stem of five letters and more is the same word.
    return word in there or (len(word) >= 5 and any(other.startswith(word[:5]) for other in there))


def _is_long(words: str) -> bool:
    return len(measures.word_keys(words)) > 5


def _names_said(comparison: Comparison, issue: NamedIssue) -> list[str]:
    """Return capitalised words of the note that stand in the rejected text: what it calls wrong, if
    nothing was marked.
    """
    there = set(measures.word_keys(comparison.old_body))
    own = {key for text in mandated.profile_texts(comparison.job) for key in measures.word_keys(text)}
    said = regex.findall(r"(?<![\p{L}\p{N}])\p{Lu}[\p{L}\p{M}\p{N}]{2,}", comparison.said(issue))
    return [
        word
        for word in dict.fromkeys(said)
        if key_of(word) in there and key_of(word) not in own and key_of(word) not in lexicons.STOP_WORDS
    ]
