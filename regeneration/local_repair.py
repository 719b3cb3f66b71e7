"""Make candidate 0: what words and rules alone can mend, at once and the same way each time.

Rule repair comes from the compliance pack. Beside it stand repairs for issue codes where the fault and its mending are
plain from the characters: emoji, markup, copies, broken characters, a cut tail, length, a missing signature. Marked
words without such a mending are removed with their sentence, and that is said. No other byte changes.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import regex
from django.utils.translation import gettext as _

from jarvish_regen.content.compliance.repair import repair
from jarvish_regen.language.sentences import sentences
from regeneration import mandated
from regeneration.edits import splice
from regeneration.job import CandidateText, Edit, Job, NamedIssue, Resolution
from regeneration.removal import without
from regeneration.resolution import goals, lexicons, measures, resolutions
from regeneration.resolution.comparison import edits_between, mark_of
from regeneration.validate import is_rejected_text, report_before, report_on

Span = tuple[int, int]
Mending = Callable[[Job, NamedIssue, str], str]

# Below either, what is left after a removal is no message any more.
FEWEST_WORDS_LEFT = 6
SMALLEST_SHARE_LEFT = 0.25
# Lines of about this length read well on a phone; longer paragraphs are parted between sentences.
_PARAGRAPH_CHARS = 220
# The blank before "2) …", "* …", "• …" in the middle of a line.
_INLINE_POINT = regex.compile(r"(?<=\S) (?=(?:\d{1,2}[).]|[*•–-]) \S)")

# Answered by putting something in or by another text: taking the marked words out would not answer them.
_NOT_BY_REMOVAL = frozenset(
    {
        "missing_risk_disclaimer",
        "missing_registration",
        "too_short",
        "missing_key_point",
        "wrong_language",
        "poor_structure",
        "wrong_signature",
    }
)


def candidate_zero(job: Job) -> CandidateText:
    """Return the deterministic repair of the rejected text; the rejected text itself when nothing can be
    mended honestly.

    Pure and quick (20 ms for 1,500 characters). What it did is told in ``explanation``, removal called removal.
    """
    text, says = _built(job, removed=())
    unresolved = [settled for settled in _settled(job, text) if not settled.is_resolved]
    removed = _sentences_to_remove(job, unresolved)
    if removed:
        shorter, said = _built(job, removed=removed)
        if _is_meaningful(job, shorter):
            text = shorter
            says = [*said, _("The marked sentence was removed, not rewritten.")]
    if is_rejected_text(job, text):
        return CandidateText(
            rung="repair",
            text=job.rejected_text,
            explanation=_("Nothing could be changed by rules alone; the text stands as it was."),
        )
    return CandidateText(
        rung="repair",
        text=text,
        edits=edits_between(job.rejected_text, text, fixes=tuple(issue.code for issue in job.feedback.issues)),
        explanation=" ".join(dict.fromkeys(says)),
    )


def _built(job: Job, *, removed: Sequence[Span]) -> tuple[str, list[str]]:
    """Return the text after removal, mendings and rule repair, and what was done in words."""
    says: list[str] = []
    text = without(job.rejected_text, removed)
    for issue in job.feedback.issues:
        mending = MENDINGS.get(issue.code)
        if mending is None:
            continue
        mended = mending(job, issue, text)
        if mended != text:
            says.append(str(_SAID[issue.code]()))
            text = mended
    repaired = repair(text, job.context)
    says += [change.reason for change in repaired.changes]
    text = repaired.text
    text, said = _with_insertions(job, text)
    says += said
    # Length last: it must see what the others put in or took out.
    for issue in job.feedback.issues:
        if issue.code == "too_long" and (shorter := _shortened(job, issue, text)) != text:
            says.append(str(_SAID[issue.code]()))
            text = shorter
    return text, says


def with_known_texts(job: Job, text: str) -> str:
    """Return a written text with what we put in ourselves: what the rules demand, what was named as
    missing, what was lost.

    Statutory texts and the signature are never trusted to a model; one that stood in the rejected text stands again.
    """
    text, _said = _with_insertions(job, repair(text, job.context).text)
    signature = job.voice.signature
    if signature and mandated.shows(job.rejected_text, signature) and not mandated.shows(text, signature):
        text = f"{text.rstrip()}\n\n{signature}"
    for wordings in mandated.all_wordings():
        had = any(mandated.shown(job.rejected_text, wordings))
        if had and not any(mandated.shown(text, wordings)):
            text = _above_signature(job, text, mandated.in_language(wordings, job.context.language))
    return text


def _above_signature(job: Job, text: str, line: str) -> str:
    last = sentences(text)[-1:]
    if last and len(sentences(text)) > 1 and mandated.is_made_of_known_texts(last[0].text, job):
        return f"{text[: last[0].start].rstrip()}\n\n{line}\n\n{text[last[0].start :]}"
    return f"{text.rstrip()}\n\n{line}"


def _with_insertions(job: Job, text: str) -> tuple[str, list[str]]:
    says = []
    for issue in job.feedback.issues:
        mended = _INSERTIONS.get(issue.code, _nothing)(job, issue, text)
        if mended != text:
            says.append(str(_SAID[issue.code]()))
            text = mended
    return text, says


def _settled(job: Job, text: str) -> tuple[Resolution, ...]:
    return resolutions(job, text, before=report_before(job), after=report_on(text, job.context))


def _sentences_to_remove(job: Job, unresolved: Sequence[Resolution]) -> tuple[Span, ...]:
    """Return the sentences around marks whose issue nothing else settled; statutory lines are never among them."""
    codes = {resolution.code for resolution in unresolved} - _NOT_BY_REMOVAL
    text = job.rejected_text
    spans: list[Span] = []
    for issue in job.feedback.issues:
        if issue.code not in codes:
            continue
        mark = mark_of(job, issue)
        marks = [mark] if mark is not None else _tone_spans(text, issue.code)
        for one in sentences(text):
            is_marked = any(one.start < end and start < one.end for start, end in marks)
            if is_marked and not mandated.is_made_of_known_texts(one.text, job):
                spans.append((one.start, one.end))
    return tuple(sorted(set(spans)))


def _tone_spans(text: str, code: str) -> list[Span]:
    """Return the sentences that carry the signs of a pushy or fearful tone, for unmarked complaints about it."""
    signs = {"too_salesy": lexicons.SALESY, "fear_mongering": lexicons.FEARFUL}.get(code)
    if signs is None:
        return []
    return [(one.start, one.end) for one in sentences(text) if measures.count_phrases(one.text, signs)]


def _is_meaningful(job: Job, text: str) -> bool:
    left = len(measures.word_keys(mandated.without_known_texts(text, job)))
    whole = len(measures.word_keys(mandated.without_known_texts(job.rejected_text, job)))
    return left >= FEWEST_WORDS_LEFT and left >= whole * SMALLEST_SHARE_LEFT


# ------------------------------------------------------------------------------------------------ mendings


def _clean(job: Job, issue: NamedIssue, text: str) -> str:
    """Put broken characters right where their bytes tell what they were, else drop them."""
    edits = []
    for start, end in measures.mojibake_spans(text):
        broken = text[start:end]
        edits.append(Edit(start, end, broken, _decoded(broken)))
    return splice(text, edits)


def _decoded(broken: str) -> str:
    unescaped = html.unescape(broken) if broken.startswith("&") else ""
    if unescaped and unescaped != broken:
        return unescaped.replace("\xa0", " ")
    for encoding in ("cp1252", "latin-1"):
        try:
            decoded = broken.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if not measures.mojibake_spans(decoded):
            return decoded
    return ""


def _without_cut_tail(job: Job, issue: NamedIssue, text: str) -> str:
    tail = measures.cut_tail(text, closing_lines=mandated.known_texts(job))
    return text if tail is None else without(text, [tail])


def _without_copies(job: Job, issue: NamedIssue, text: str) -> str:
    return without(text, measures.duplicate_spans(text))


def _in_channel_markup(job: Job, issue: NamedIssue, text: str) -> str:
    return measures.without_markup(text, job.context.channel)


def _without_fun(job: Job, issue: NamedIssue, text: str) -> str:
    """Drop emoji and hashtags: the marked ones, else all; a keycap that numbers a list becomes its number."""
    spans = sorted([*measures.emoji_spans(text), *measures.hashtag_spans(text)])
    mark = mark_of(job, issue)
    if mark is not None:
        quote = job.rejected_text[slice(*mark)]
        at = text.find(quote)
        inside = [span for span in spans if at <= span[0] and span[1] <= at + len(quote)]
        spans = inside if at >= 0 and inside else spans
    lines = []
    at = 0
    for line in text.splitlines(keepends=True):
        inside = [(start - at, end - at) for start, end in spans if at <= start < at + len(line)]
        at += len(line)
        plain = _linewithout(line, inside) if inside else line
        # A line that held nothing else goes as a whole.
        if plain.strip() or not inside:
            lines.append(plain)
    return "".join(lines)


def _linewithout(line: str, spans: Sequence[Span]) -> str:
    edits = []
    for start, end in spans:
        sign = line[start:end]
        if "\u20e3" in sign and sign[0].isdigit():
            edits.append(Edit(start, end, sign, f"{sign[0]}."))
        else:
            follows_blank = line[end : end + 1] in {" ", "\t"}
            edits.append(Edit(start, end + follows_blank, line[start : end + follows_blank], ""))
    body = splice(line, edits)
    ending = line[len(line.rstrip("\r\n")) :]
    shown = body.removesuffix(ending) if ending else body
    is_closed = spans[-1][1] >= len(line.rstrip())
    return (shown.rstrip(" \t") if is_closed else shown) + ending


def _filled(job: Job, issue: NamedIssue, text: str) -> str:
    """Fill placeholders the profile can fill; drop others with the link or phrase that was marked."""
    edits = []
    for start, end in measures.placeholder_spans(text):
        if text[start:end] in job.context.masks:
            continue
        edits.append(Edit(start, end, text[start:end], _profile_value(job, text[start:end])))
    edits = [edit for edit in edits if edit.new]
    if edits:
        return splice(text, edits)
    mark = mark_of(job, issue)
    links = [span for span in measures.link_spans(text) if mark is None or text[slice(*span)] in _quote(job, mark)]
    if not links or measures.placeholder_spans(text):
        return text
    return without(text, [measures.sentence_span(text, span) for span in links])


def _profile_value(job: Job, placeholder: str) -> str:
    voice, context = job.voice, job.context
    inner = placeholder.strip("{}[]<>$% ").lower().replace("_", " ")
    name = voice.registered_name or context.registrant_name or ""
    if "client" in inner or "investor" in inner or inner in {"name", "first name", "नाम", "नाव"}:
        return ""
    if "phone" in inner or "mobile" in inner:
        return voice.phone
    if "arn" in inner or "sebi" in inner or "regist" in inner:
        return context.registration_no or ""
    if "signature" in inner:
        return voice.signature
    if any(word in inner for word in ("advisor", "adviser", "your name", "firm", "company")):
        return name
    return ""


def _corrected_figure(job: Job, issue: NamedIssue, text: str) -> str:
    """Put in the number the person gave, when one number is marked and one other was said."""
    mark = mark_of(job, issue)
    if mark is None:
        return text
    quote = _quote(job, mark)
    wrong = measures.figure_spans(quote)
    said = "\n".join((issue.note, job.feedback.note, job.feedback.suggestions))
    given = [said[slice(*span)] for span in measures.figure_spans(said)]
    given = [one for one in dict.fromkeys(given) if measures.figure_keys(one) != measures.figure_keys(quote)]
    place = text.find(quote)
    if len(wrong) != 1 or len(given) != 1 or place < 0 or text.find(quote, place + 1) >= 0:
        return text
    start, end = wrong[0]
    return text[: place + start] + given[0] + text[place + end :]


def _structured(job: Job, issue: NamedIssue, text: str) -> str:
    """Part long paragraphs between their sentences, two or three to a paragraph; give each point of a list its line."""
    points = list(_INLINE_POINT.finditer(text))
    # One "1)" in a running sentence may be anything; two are a list that lost its lines.
    text = _INLINE_POINT.sub("\n", text) if len(points) > 1 else text
    edits: list[Edit] = []
    line_start = 0
    for one, following in zip(sentences(text), sentences(text)[1:], strict=False):
        gap = text[one.end : following.start]
        if "\n" in gap:
            line_start = following.start
        elif gap and one.end - line_start >= _PARAGRAPH_CHARS // 2 and following.end - line_start > _PARAGRAPH_CHARS:
            edits.append(Edit(one.end, following.start, gap, "\n\n"))
            line_start = following.start
    return splice(text, edits)


def _shortened(job: Job, issue: NamedIssue, text: str) -> str:
    """Take out whole sentences, the least important first, until the body keeps its goal; never a known text."""
    limit = goals.requested_limit("\n".join((job.feedback.note, job.feedback.suggestions, issue.note)))
    old_body = mandated.without_known_texts(job.rejected_text, job)
    in_words = limit is not None and limit[1] == "words"
    goal = limit[0] if limit else goals.length_goal(job.context.channel, len(old_body))

    def size(candidate: str) -> int:
        body = mandated.without_known_texts(candidate, job)
        return len(measures.word_keys(body)) if in_words else len(body)

    body = [one for one in sentences(text) if not mandated.is_made_of_known_texts(one.text, job)]
    dropped: list[Span] = []
    # The first sentence carries the message; without it the others hang in the air.
    for one in sorted(body[1:], key=lambda one: (_importance(one.text), -one.start)):
        if size(without(text, dropped)) <= goal:
            break
        dropped.append((one.start, one.end))
    shorter = without(text, dropped)
    return shorter if _is_meaningful_length(shorter, job) else text


def _importance(sentence: str) -> float:
    has_figure = bool(measures.figure_spans(sentence))
    calls = measures.count_phrases(sentence, lexicons.CALL_TO_ACTION) > 0
    warns = measures.count_phrases(sentence, lexicons.RISK) > 0
    filler = measures.count_phrases(sentence, lexicons.SALESY) > 0 or not measures.content_words(sentence)
    return 1.0 + has_figure + 1.5 * calls + 2.0 * warns - filler


def _is_meaningful_length(text: str, job: Job) -> bool:
    return len(measures.word_keys(mandated.without_known_texts(text, job))) >= FEWEST_WORDS_LEFT


def _with_warning(job: Job, issue: NamedIssue, text: str) -> str:
    key = "ia_warning" if job.context.registrant_type == "RIA" else "mf_warning"
    if any(mandated.shows(text, wording) for wording in mandated.wordings(key)):
        return text
    return f"{text.rstrip()}\n\n{mandated.warning_of(job.context)}"


def _corrected_registration(job: Job, issue: NamedIssue, text: str) -> str:
    """Put the number on file in the place of a marked wrong one, before the rules would add it a second time."""
    number, mark = job.context.registration_no, mark_of(job, issue)
    if not number or mark is None:
        return text
    quote = _quote(job, mark)
    is_wrong_number = bool(measures.figure_keys(quote)) and not mandated.shows_registration(quote, number)
    return text.replace(quote, number) if is_wrong_number and text.count(quote) == 1 else text


def _with_registration(job: Job, issue: NamedIssue, text: str) -> str:
    number = job.context.registration_no
    if not number or mandated.shows_registration(text, number):
        return text
    return f"{text.rstrip()}\n\n{_identity_line(job, number)}"


def _with_signature(job: Job, issue: NamedIssue, text: str) -> str:
    wanted = job.voice.signature or job.voice.registered_name or job.context.registrant_name or ""
    if not wanted:
        return text
    mark = mark_of(job, issue)
    if mark is not None:
        quote = _quote(job, mark)
        if not mandated.shows(quote, wanted) and text.count(quote) == 1:
            # The registration line may sign already; then the wrong words only go.
            is_signed = mandated.shows(text, wanted)
            return text.replace(quote, "" if is_signed else wanted).rstrip()
    if mandated.shows(text, wanted):
        return text
    return f"{text.rstrip()}\n\n{wanted}"


def _identity_line(job: Job, number: str) -> str:
    name = job.voice.registered_name or job.context.registrant_name or ""
    return f"{name} | {number}" if name and name not in number else number


def _nothing(job: Job, issue: NamedIssue, text: str) -> str:
    return text


MENDINGS: dict[str, Mending] = {
    "garbled_text": _clean,
    "truncated_output": _without_cut_tail,
    "duplicated_text": _without_copies,
    "channel_format": _in_channel_markup,
    "emoji_hashtag_misuse": _without_fun,
    "broken_link_or_placeholder": _filled,
    "wrong_figure": _corrected_figure,
    "poor_structure": _structured,
    "missing_registration": _corrected_registration,
}
# After rule repair, which puts in what the rules demand in its own place.
_INSERTIONS: dict[str, Mending] = {
    "missing_risk_disclaimer": _with_warning,
    "missing_registration": _with_registration,
    "wrong_signature": _with_signature,
}
_SAID: dict[str, Callable[[], str]] = {
    "garbled_text": lambda: _("Broken characters were put right or dropped."),
    "truncated_output": lambda: _("The sentence that was cut off was removed."),
    "duplicated_text": lambda: _("What stood twice was removed once."),
    "channel_format": lambda: _("Markup the channel does not show was taken out."),
    "emoji_hashtag_misuse": lambda: _("Emoji and hashtags were taken out."),
    "broken_link_or_placeholder": lambda: _("Placeholders were filled from the profile; a broken link was removed."),
    "wrong_figure": lambda: _("The number was corrected to the one you gave."),
    "poor_structure": lambda: _("Long paragraphs were parted."),
    "too_long": lambda: _("Whole sentences were taken out to shorten the text."),
    "missing_risk_disclaimer": lambda: _("The standard warning was put in."),
    "missing_registration": lambda: _("The registration number was put in."),
    "wrong_signature": lambda: _("The signature of the profile was put in."),
}


def _quote(job: Job, mark: Span) -> str:
    return job.rejected_text[slice(*mark)]
