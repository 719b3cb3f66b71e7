"""Judge single issues: each function takes a comparison and an issue and says what became of it.

``checked`` needs proof by a rule, a figure, a length, an anchor or a character; ``estimated`` rests on a
small measure and says
its confidence; ``changed`` means the words are others and nothing more is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import regex
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from jarvish_regen.language.identify import identify
from jarvish_regen.language.sentences import sentences
from regeneration import mandated
from regeneration.job import NamedIssue, ResolutionStatus
from regeneration.resolution import lexicons, measures
from regeneration.resolution.comparison import KEPT_SHARE, Comparison, Span

Judgement = tuple[ResolutionStatus, str]
Judge = Callable[[Comparison, NamedIssue], Judgement]

# Unmarked feedback on the whole text: so much of it must be other words before we say it was rewritten.
REWRITTEN_SHARE = 0.25
_LIMIT = regex.compile(
    r"(\d{2,5})\s*(characters?|chars?|letters?|words?|अक्षर\p{M}*|शब्द\p{M}*|lines?|lafz|shabd)", regex.IGNORECASE
)
_LANGUAGE_NAMES = {
    "mr": ("marathi", "मराठी", "मराठीत"),
    "hi": ("hindi", "हिंदी", "हिन्दी", "हिंदीत"),
    "en": ("english", "अंग्रेजी", "अंग्रेज़ी", "इंग्रजी", "इंग्लिश"),
    "hinglish": ("hinglish", "हिंग्लिश"),
}


# ------------------------------------------------------------------------------------------------ the ways


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
        return _whole_rewritten(comparison)
    if not comparison.is_touched(mark):
        return "unresolved", _("The marked words are unchanged.")
    now = comparison.became(mark).strip()
    if not measures.word_keys(now):
        return "changed", _("The marked words were removed, not rewritten.")
    if comparison.kept_share(mark) > KEPT_SHARE and not _uses_what_was_said(comparison, issue, mark):
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


# ------------------------------------------------------------------------------------------------ compliance


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


# ------------------------------------------------------------------------------------------------ tone, length


def too_formal(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Judge stiffness by formal words, else by sentences that became clearly shorter."""
    judged = measured(lexicons.FORMAL, what=gettext_noop("stiff"))(comparison, issue)
    if judged[0] != "unresolved" or comparison.mark_of(issue):
        return judged
    return _shorter_sentences(comparison) or judged


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


# ------------------------------------------------------------------------------------------------ relevance


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


# ------------------------------------------------------------------------------------------------ facts


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
        return _whole_rewritten(comparison)
    for words in wrong:
        if _stands_as_words(words, comparison.candidate):
            return "unresolved", _("“%(words)s” still stands in the text.") % {"words": words}
    is_kept = mark is not None and _is_long(wrong[0]) and comparison.kept_share(mark) > KEPT_SHARE
    if mark and is_kept and not _uses_what_was_said(comparison, issue, mark):
        return "unresolved", _("Most of the marked words still stand.")
    return "checked", _("“%(words)s” is no longer in the text.") % {"words": wrong[0]}


# ------------------------------------------------------------------------------------------------ language, audience


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
    return _whole_rewritten(comparison)


def clarity(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Estimate by jargon and the length of sentences."""
    judged = measured(lexicons.JARGON, what=gettext_noop("jargon"))(comparison, issue)
    if judged[0] != "unresolved" or comparison.mark_of(issue):
        return judged
    return _shorter_sentences(comparison) or judged


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


# ------------------------------------------------------------------------------------------------ form


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
        if is_wrong and _stands_as_words(words, comparison.candidate):
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


# ------------------------------------------------------------------------------------------------ technical


def complete(comparison: Comparison, issue: NamedIssue) -> Judgement:
    """Check that the text ends where a sentence ends."""
    closing = closing_lines(comparison)
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


# ------------------------------------------------------------------------------------------------ shared with repair


def requested_limit(said: str) -> tuple[int, str] | None:
    """Return the length a person asked for and its unit (``characters`` or ``words``), or None."""
    match = _LIMIT.search(said)
    if match is None:
        return None
    unit = match.group(2).lower()
    if unit.startswith(("line",)):
        return None
    return int(match.group(1)), "words" if unit.startswith(("word", "शब्द", "lafz", "shabd")) else "characters"


def length_goal(channel: str, body_chars: int) -> int:
    """Return the most characters of body that answer "too long": the channel's budget, or a fifth less than now."""
    budget = measures.STYLE_BUDGET_CHARS.get(channel, 1000)
    return budget if body_chars > budget else int(body_chars * measures.SHORTER_SHARE)


def wanted_language(said: str, language: str, now: str) -> str:
    """Return the language the reader should get: the one other language the note names, else the content's."""
    there = set(measures.word_keys(said))
    named = {code for code, names in _LANGUAGE_NAMES.items() if there & set(map(_key, names))}
    if language in named or len(named - {now}) != 1:
        return language
    return (named - {now}).pop()


def closing_lines(comparison: Comparison) -> tuple[str, ...]:
    """Return the lines that may stand after the end of the body."""
    return mandated.known_texts(comparison.job)


# ------------------------------------------------------------------------------------------------ private


def _whole_rewritten(comparison: Comparison) -> Judgement:
    share = comparison.changed_share
    if comparison.rewritten_sentences and share >= REWRITTEN_SHARE:
        return "changed", _("%(share)d %% of the words are new; whether that settles it is for you to judge.") % {
            "share": share * 100
        }
    return "unresolved", _("No words were marked, and the text is largely as it was.")


def _uses_what_was_said(comparison: Comparison, issue: NamedIssue, mark: Span) -> bool:
    """Say whether the new words are the person's own: then a small change is the change they asked for."""
    old = set(measures.word_keys(comparison.rejected[slice(*mark)]))
    new = set(measures.content_words(comparison.became(mark))) - old
    said = set(measures.content_words(comparison.said(issue)))
    facts = {word for fact in comparison.job.approved_facts for word in measures.content_words(fact)}
    return bool(new) and len(new & (said | facts)) * 2 >= len(new)


def _signs(text: str, signs: tuple[str, ...], counts_shouting: bool) -> int:
    shouting = (
        text.count("!") + len(regex.findall(r"(?<![\p{L}\p{M}\p{N}])[A-Z]{5,}(?![\p{L}\p{M}\p{N}])", text))
        if counts_shouting
        else 0
    )
    return measures.count_phrases(text, signs) + shouting


def _shorter_sentences(comparison: Comparison) -> Judgement | None:
    before, after = measures.mean_sentence_words(comparison.old_body), measures.mean_sentence_words(comparison.new_body)
    if before < 12 or after > before * 0.75:
        return None
    return "estimated", _(
        "Sentences went from %(before).0f to %(after).0f words on average (confidence about 0.6)."
    ) % {
        "before": before,
        "after": after,
    }


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


def _stands_as_words(words: str, text: str) -> bool:
    wanted = measures.word_keys(words)
    if not wanted:
        return words.strip() in text
    return f" {' '.join(wanted)} " in f" {' '.join(measures.word_keys(text))} "


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
        if _key(word) in there and _key(word) not in own and _key(word) not in lexicons.STOP_WORDS
    ]


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


def _key(word: str) -> str:
    return " ".join(measures.word_keys(word))
