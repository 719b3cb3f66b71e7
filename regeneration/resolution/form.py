"""Judge issues of form: structure, signs, links, markup, signature, call to action, technical faults."""

from __future__ import annotations

from django.utils.translation import gettext as _

from jarvish_regen.language.sentences import sentences
from regeneration import mandated
from regeneration.job import NamedIssue
from regeneration.resolution import lexicons, measures
from regeneration.resolution.comparison import KEPT_SHARE, Comparison
from regeneration.resolution.ways import Judgement, rewritten, stands_as_words


def structure(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check line breaks: no wall of text, more paragraphs than before or shorter ones."""
    before = measures.longest_paragraph_chars(comparison.rejected)
    after = measures.longest_paragraph_chars(comparison.candidate)
    paragraphs = _paragraphs(comparison.candidate) - _paragraphs(comparison.rejected)
    if after <= min(measures.WALL_CHARS, before * 0.75) and paragraphs > 0:
        return "checked", _("The longest paragraph went from %(before)d to %(after)d characters.") % {
            "before": before,
            "after": after,
        }
    if comparison.mark_of(issue):
        return rewritten(comparison, issue)
    return "unresolved", _("The text is structured as before.")


def emoji_and_hashtags(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that emoji and hashtags are within the channel's limit and fewer than before."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", after[0].message
    mark = comparison.mark_of(issue)
    old = comparison.rejected[slice(*mark)] if mark else comparison.rejected
    now = comparison.became(mark) if mark else comparison.candidate
    before, left = _signs_of_fun(old), _signs_of_fun(now)
    if before and left < before and (not mark or left == 0):
        return "checked", _("Emoji and hashtags went from %(before)d to %(left)d.") % {"before": before, "left": left}
    if mark and not before:
        return rewritten(comparison, issue)
    return "unresolved", _("The emoji and hashtags are as they were.")


def links_and_placeholders(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that no placeholder is visible and a marked link is gone."""
    if comparison.findings_after(issue.code) or measures.placeholder_spans(comparison.candidate):
        return "unresolved", _("A placeholder is still visible.")
    mark = comparison.mark_of(issue)
    had = bool(measures.placeholder_spans(comparison.rejected)) or bool(comparison.findings_before(issue.code))
    if mark and comparison.rejected[slice(*mark)].strip() in comparison.candidate:
        return "unresolved", _("The marked words still stand.")
    if mark or had:
        return "checked", _("No placeholder or broken link is left.")
    old_links = {comparison.rejected[slice(*span)] for span in measures.link_spans(comparison.rejected)}
    if old_links and not any(link in comparison.candidate for link in old_links):
        return "checked", _("The link is gone.")
    return "unresolved", _("No placeholder was found, and the links are as they were.")


def channel_markup(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that no markup is left that the channel shows as bare signs."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", after[0].message
    channel = comparison.job.context.channel
    if measures.markup_spans(comparison.candidate, channel):
        return "unresolved", _("Markup that the channel does not render is still there.")
    if comparison.findings_before(issue.code) or measures.markup_spans(comparison.rejected, channel):
        return "checked", _("No markup of another channel is left.")
    if comparison.findings_before("too_long") and not comparison.findings_after("too_long"):
        return "checked", _("The text now keeps the channel's limit.")
    return rewritten(comparison, issue)


def signature(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the text is signed as the profile says and that marked wrong words are gone."""
    after = comparison.findings_after(issue.code)
    if after:
        return "unresolved", after[0].message
    voice, context = comparison.job.voice, comparison.job.context
    wanted = [value for value in (voice.signature, voice.registered_name, context.registrant_name) if value]
    if not wanted:
        return "unresolved", _("The profile has no name or signature to check against.")
    if not any(mandated.shows(comparison.candidate, value) for value in wanted):
        return "unresolved", _("The text is not signed with the name of the profile.")
    mark = comparison.mark_of(issue)
    if mark is not None:
        words = comparison.rejected[slice(*mark)]
        # A mark on the right signature only shows where the fault is; wrong words must be gone.
        is_wrong = not any(mandated.shows(words, value) for value in wanted)
        if is_wrong and stands_as_words(words, comparison.candidate):
            return "unresolved", _("“%(words)s” still stands in the text.") % {"words": words}
    elif comparison.rejected == comparison.candidate or not _signature_changed(comparison, wanted):
        return "unresolved", _("The signature is as it was.")
    return "checked", _("The text is signed as the profile says.")


def call_to_action(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Judge whether the sentence that asks the reader to act is another one, or one was added."""
    if comparison.mark_of(issue):
        return rewritten(comparison, issue)
    old, new = _calls(comparison.old_body), _calls(comparison.new_body)
    if new and not old:
        return "estimated", _("The text now asks the reader to do something (confidence about 0.7).")
    kept = max((_word_overlap(one, other) for one in old for other in new), default=0.0)
    if old and kept <= KEPT_SHARE:
        return "changed", _("The call to action was rewritten.") if new else _("The call to action was removed.")
    return "unresolved", _("The call to action is as it was.")


def complete(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the text ends where a sentence ends."""
    closing = mandated.known_texts(comparison.job)
    before = measures.cut_tail(comparison.rejected, closing_lines=closing)
    if measures.cut_tail(comparison.candidate, closing_lines=closing):
        return "unresolved", _("The last sentence is still cut off.")
    if before:
        return "checked", _("The text ends with a whole sentence.")
    return rewritten(comparison, issue)


def clean_characters(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that no broken characters are left."""
    if measures.mojibake_spans(comparison.candidate):
        return "unresolved", _("Broken characters are still there.")
    if measures.mojibake_spans(comparison.rejected):
        return "checked", _("No broken characters are left.")
    return rewritten(comparison, issue)


def no_repeats(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that no sentence stands twice."""
    if measures.duplicate_spans(comparison.candidate):
        return "unresolved", _("A part still stands twice.")
    if measures.duplicate_spans(comparison.rejected):
        return "checked", _("Nothing stands twice any more.")
    return rewritten(comparison, issue)


def _paragraphs(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def _signs_of_fun(text: str) -> int:
    return len(measures.emoji_spans(text)) + len(measures.hashtag_spans(text))


def _signature_changed(comparison: Comparison, wanted: list[str]) -> bool:
    before = any(mandated.shows(comparison.rejected, value) for value in wanted)
    return not before or comparison.rejected.splitlines()[-1:] != comparison.candidate.splitlines()[-1:]


def _calls(body: str) -> list[str]:
    return [one.text for one in sentences(body) if measures.count_phrases(one.text, lexicons.CALL_TO_ACTION)]


def _word_overlap(one: str, other: str) -> float:
    old = set(measures.word_keys(one))
    return len(old & set(measures.word_keys(other))) / len(old) if old else 0.0
