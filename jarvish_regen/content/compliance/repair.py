"""Mend a text by its rules: deterministic, byte-exact outside what it changes.

One round takes out or rewrites what is forbidden, puts in what is missing, mends the look, and trims to the channel;
a second round looks
after what the first one brought up. What needs a person stays in ``remaining``. Repair never makes a text worse: if
the result would break a
critical or major rule that the text kept, would lose most of its words, or would not be stable under another repair,
the text comes
back unchanged.
"""

from dataclasses import dataclass

from . import look, measures
from .check import Finding, Report, TextContext, report_of
from .edits import Change, apply_changes, change, compose, without_overlaps
from .layout import Layout, layout_of
from .matching import Span, scan_of
from .pack import Pack, Rule, current_pack
from .sentences import removals, words_in

_ROUNDS = 2


@dataclass(frozen=True)
class Repair:
    """A mended text.

    ``changes`` lead from the text before to ``text``; ``overflow_chars`` is what is still too long for the channel.
    """

    text: str
    changes: tuple[Change, ...]
    remaining: tuple[Finding, ...]
    overflow_chars: int


def repair(text: str, context: TextContext, pack: Pack | None = None) -> Repair:
    """Mend ``text`` as far as rules can."""
    pack = pack or current_pack()
    before = report_of(text, context, pack)
    changes: list[Change] = []
    mended, report, is_stable = text, before, False
    for _ in range(_ROUNDS):
        steps, mended_now, report_now = _round(mended, report, context, pack)
        if mended_now == mended:
            is_stable = True
            break
        changes = compose(text, changes, steps)
        mended, report = mended_now, report_now
    if not is_stable:
        is_stable = _round(mended, report, context, pack)[1] == mended
    overflow = _overflow(mended, context, pack, report.content_class)
    if changes and (not is_stable or _grave(report) - _grave(before) or _is_gutted(text, mended, context, pack)):
        return Repair(text, (), before.findings, overflow)
    return Repair(mended, tuple(changes), report.findings, overflow)


def _grave(report: Report) -> set[str]:
    return {finding.rule for finding in report.findings if finding.severity != "minor"}


def _overflow(text: str, context: TextContext, pack: Pack, content_class: str) -> int:
    excesses = [
        measures.length_of(text) - (rule.limit_for(context.channel) or 0)
        for rule in look.limits(context, pack, content_class, "chars")
    ]
    return max([0, *excesses])


def _is_gutted(before: str, after: str, context: TextContext, pack: Pack) -> bool:
    had, has = layout_of(before, context, pack).body_words(), layout_of(after, context, pack).body_words()
    return has < had and (has < look.LEAST_WORDS_LEFT or has < had * look.LEAST_SHARE_LEFT)


def _round(text: str, report: Report, context: TextContext, pack: Pack) -> tuple[list[Change], str, Report]:
    """Do one round; give its changes against ``text``, the new text and its report."""
    done: list[Change] = []
    now = text
    layout = layout_of(now, context, pack)
    step = _content_changes(layout, report, context, pack)
    if step:
        done, now = step, apply_changes(now, step)
        layout = layout_of(now, context, pack)
        report = report_of(now, context, pack)
    step = _insertions(layout, report, context, pack)
    if step:
        done, now = compose(text, done, step), apply_changes(now, step)
        layout = layout_of(now, context, pack)
    for make in (look.markup, look.capitals, look.emoji, look.hashtags, look.trimming):
        step = make(layout, context, pack, report.content_class)
        if step:
            done, now = compose(text, done, step), apply_changes(now, step)
            layout = layout_of(now, context, pack)
    return done, now, report if now == text else report_of(now, context, pack)


# --- what is forbidden ------------------------------------------------------------------


def _content_changes(layout: Layout, report: Report, context: TextContext, pack: Pack) -> list[Change]:
    doomed: dict[Span, list[Finding]] = {}
    edits: list[Change] = []
    for finding in report.findings:
        rule = pack.rule(finding.rule)
        if (
            rule.kind != "forbid_pattern"
            or finding.start is None
            or finding.end is None
            or finding.fix_action == "ask_human"
        ):
            continue
        span = (finding.start, finding.end)
        sentences = [s for s in layout.sentence_at(*span) if not layout.is_protected(s)]
        if layout.is_protected(span):
            continue
        edit = _rewrite(layout, finding, rule, context, pack) if finding.fix_action in ("replace", "fill") else None
        if edit is not None:
            edits.append(edit)
            continue
        for sentence in sentences:
            doomed.setdefault(sentence, []).append(finding)
    for start, end in removals(layout.raw, layout.lines, doomed):
        causes = [finding for span, found in doomed.items() if start <= span[0] < end for finding in found]
        rules = ", ".join(dict.fromkeys(finding.rule for finding in causes))
        titles = "; ".join(dict.fromkeys(finding.title for finding in causes))
        edits.append(change(layout.raw, start, end, "", rules, f"taken out: {titles}"))
    # A removed sentence needs no other edit inside it.
    edits = [
        e
        for e in edits
        if not any(
            o is not e
            and o.new == ""
            and o.start <= e.start
            and e.end <= o.end
            and (o.start, o.end) != (e.start, e.end)
            for o in edits
        )
    ]
    return without_overlaps(edits)


def _rewrite(layout: Layout, finding: Finding, rule: Rule, context: TextContext, pack: Pack) -> Change | None:
    """Rewrite the words of a finding, or give ``None`` when their sentence has to go."""
    raw, start, end = layout.raw, finding.start or 0, finding.end or 0
    if rule.fix.action == "fill":
        return _filled(raw, start, end, rule, context, pack)
    wording = rule.fix.wording.get(context.language, rule.fix.wording.get("en", ""))
    sentences = layout.sentence_at(start, end)
    if wording:
        if sentences and start == sentences[0][0] and raw[start].isupper():
            wording = wording[0].upper() + wording[1:]
        return change(raw, start, end, wording, rule.id, f"reworded: {rule.title}")
    rest = sum(words_in(raw[a:b]) for a, b in sentences) - words_in(raw[start:end])
    if rest <= 2:
        return None
    return _deleted(raw, start, end, rule, f"words taken out: {rule.title}", {s[0] for s in sentences})


def _deleted(raw: str, start: int, end: int, rule: Rule, reason: str, openings: set[int]) -> Change:
    """Delete words with one of the blanks around them.

    The next word takes over a capital at the start of a sentence.
    """
    opens = start in openings and raw[start].isupper()
    if end < len(raw) and raw[end] == " " and (start == 0 or raw[start - 1].isspace()):
        end += 1
    elif start > 0 and raw[start - 1] == " " and (end == len(raw) or not raw[end].isalnum()):
        start -= 1
    if opens and end < len(raw) and raw[end].islower() and len(raw[end].upper()) == 1:
        return change(raw, start, end + 1, raw[end].upper(), rule.id, reason)
    return change(raw, start, end, "", rule.id, reason)


def _filled(raw: str, start: int, end: int, rule: Rule, context: TextContext, pack: Pack) -> Change | None:
    name = raw[start:end].casefold()
    lead = measures.REGISTRATION_LEAD.search(raw[max(0, start - 40) : start])
    if lead:
        number = registration_number(context)
        at = max(0, start - 40) + lead.start()
        return change(raw, at, end, number, rule.id, "filled from the profile: registration number") if number else None
    for placeholder in pack.placeholders:
        if not placeholder.pattern.search(name):
            continue
        if placeholder.field == "registration_no" and registration_number(context):
            return change(
                raw,
                start,
                end,
                registration_number(context) or "",
                rule.id,
                "filled from the profile: registration number",
            )
        value = getattr(context, placeholder.field) if placeholder.field else None
        if value and placeholder.field != "registration_no":
            return change(raw, start, end, value, rule.id, "filled from the profile")
        if placeholder.field is None:
            return _deleted(raw, start, end, rule, "placeholder taken out", set())
        return None
    return None


def registration_number(context: TextContext) -> str | None:
    """Give the number as it is shown: "ARN-123456" for a distributor, "SEBI Reg. No. INA…" for an adviser."""
    value = (context.registration_no or "").strip()
    digits = "".join(c for c in value if c.isdecimal())
    if not digits or not digits.strip("0"):
        return None
    if context.registrant_type == "MFD":
        return f"ARN-{digits}" if len(digits) <= 6 else None
    return f"SEBI Reg. No. INA{digits}" if len(digits) == 9 else None


# --- what is missing --------------------------------------------------------------------


def _insertions(layout: Layout, report: Report, context: TextContext, pack: Pack) -> list[Change]:
    edits: list[Change] = []
    closing: list[tuple[Rule, str]] = []
    signature: list[tuple[Rule, str]] = []
    for finding in report.findings:
        rule = pack.rule(finding.rule)
        if rule.fix.action != "insert" or rule.kind == "forbid_pattern":
            continue
        if rule.fix.position == "signature":
            part = _identity_part(rule, context, pack)
            if part:
                signature.append((rule, part))
            continue
        wording = pack.text(rule.fix.text or "", context.language)
        altered = _altered(layout, rule, context, pack)
        if altered:
            edits.append(change(layout.raw, *altered, wording, rule.id, f"put right: {rule.title}"))
        elif rule.fix.position == "after_sentence" and finding.start is not None and finding.end is not None:
            edits.append(_after_sentence(layout, finding.start, finding.end, wording, rule))
        else:
            closing.append((rule, wording))
    order = {"registrant_name": 0, None: 1, "registration_no": 2}
    signature.sort(key=lambda item: order.get(item[0].field, 1))
    edits += _closing_lines(layout, closing, signature)
    return without_overlaps(edits)


def _identity_part(rule: Rule, context: TextContext, pack: Pack) -> str | None:
    if rule.field == "registration_no":
        return registration_number(context)
    if rule.field is not None:
        return str(getattr(context, rule.field) or "").strip() or None
    return pack.text(rule.fix.text or "", context.language)


def _altered(layout: Layout, rule: Rule, context: TextContext, pack: Pack) -> Span | None:
    """Find a shortened or reworded form of the text, whose place the exact text takes."""
    found = scan_of(layout.raw, pack, context.masks).plain_spans(rule.altered)
    return next((span for span in found if not layout.is_protected(span)), None)


def _after_sentence(layout: Layout, start: int, end: int, wording: str, rule: Rule) -> Change:
    sentences = layout.sentence_at(start, end)
    at = sentences[-1][1] if sentences else end
    line = next((line for line in layout.lines if line.start <= at <= line.end), None)
    begins_list = line is not None and not layout.raw[line.start : line.end].lstrip()[:1].isalnum()
    stop = "" if layout.raw[at - 1] in ".!?\u0964\u2026:" else ("\u0964" if wording.endswith("\u0964") else ".")
    glue = "\n" if begins_list or stop else " "
    return change(layout.raw, at, at, glue + wording, rule.id, f"put in: {rule.title}")


def _closing_lines(layout: Layout, closing: list[tuple[Rule, str]], signature: list[tuple[Rule, str]]) -> list[Change]:
    """Put warnings on lines of their own before the signature, and what is missing of the signature below it."""
    raw = layout.raw
    text_end = len(raw.rstrip())
    edits: list[Change] = []
    body = "\n".join(text for _, text in closing)
    rules = ", ".join(rule.id for rule, _ in closing)
    reason = "put in: " + "; ".join(rule.title for rule, _ in closing)
    identity = ", ".join(text for _, text in signature)
    if closing and layout.signature:
        at = layout.signature[0]
        above = "" if at == 0 or raw[:at].endswith("\n\n") else "\n"
        edits.append(change(raw, at, at, f"{above}{body}\n\n", rules, reason))
    elif closing:
        edits.append(change(raw, text_end, text_end, f"\n\n{body}", rules, reason))
    if signature:
        at = len(raw[: layout.signature[1]].rstrip()) if layout.signature else text_end
        glue = "\n" if layout.signature else "\n\n"
        names = ", ".join(rule.id for rule, _ in signature)
        edits.append(
            change(raw, at, at, glue + identity, names, "put in: " + "; ".join(rule.title for rule, _ in signature))
        )
    if len(edits) == 2 and edits[0].start == edits[1].start:
        first, second = edits
        return [
            change(
                raw,
                first.start,
                first.end,
                first.new + second.new,
                f"{first.rule}, {second.rule}",
                f"{first.reason}; {second.reason}",
            )
        ]
    return edits
