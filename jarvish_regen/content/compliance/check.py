"""Check a text against the rules: pure, deterministic, linear in the length of the text."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

import regex

from . import measures
from .classify import classify
from .matching import Scan, Span, forget_scans, scan_of
from .memory import Memory
from .normalise import plain_view
from .pack import Pack, Rule, current_pack

Severity = Literal["critical", "major", "minor"]


@dataclass(frozen=True)
class TextContext:
    """Who speaks and where. ``masks`` are stand-ins such as ``{{advisor_name}}`` that are to be read as names."""

    channel: str
    language: str
    registrant_type: str
    registration_no: str | None = None
    registrant_name: str | None = None
    euin: str | None = None
    content_class: str | None = None
    profile: Literal["core", "strict"] = "core"
    today: date | None = None
    approval_ref: str | None = None
    approval_valid_until: date | None = None
    consent_basis: str | None = None
    masks: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Finding:
    """One breach. ``start`` and ``end`` are code points of the raw text; both ``None`` where something is missing."""

    rule: str
    code: str
    title: str
    group: str
    severity: str
    weight: int
    start: int | None
    end: int | None
    span: str | None
    message: str
    source: str
    fix_action: str
    is_compliance: bool = True


@dataclass(frozen=True)
class Report:
    """The verdict on one text in one context."""

    findings: tuple[Finding, ...]
    risk_score: int
    band: str
    content_class: str
    class_reason: str
    pack_sha256: str
    notes: tuple[str, ...] = ()

    @property
    def compliant(self) -> bool:
        """No critical or major finding of a rule of compliance; length, formatting and placeholders do not count."""
        return not any(finding.is_compliance and finding.severity != "minor" for finding in self.findings)

    @property
    def is_admissible(self) -> bool:
        """No critical or major finding at all."""
        return not any(finding.severity != "minor" for finding in self.findings)

    @property
    def critical(self) -> bool:
        return any(finding.severity == "critical" for finding in self.findings)


def check(text: str, context: TextContext, pack: Pack | None = None, *, scope: str = "content") -> Report:
    """Check ``text`` against the rules of ``scope`` (content, profile or send) that apply in ``context``."""
    pack = pack or current_pack()
    return _report(Scan(text, pack, context.masks), context, pack, scope)


def report_of(text: str, context: TextContext, pack: Pack | None = None, *, scope: str = "content") -> Report:
    """Return what ``check`` says, remembered: repair, verdict and gate ask about the same few texts."""
    pack = pack or current_pack()
    # Keyed by the pack itself, so that new rules are applied at once.
    return _reports.of(
        text, (context, scope, pack), lambda: _report(scan_of(text, pack, context.masks), context, pack, scope)
    )


_reports: Memory[Report] = Memory(entries=512, chars=2_000_000)


def forget_reports() -> None:
    """Forget what is remembered of texts; for benchmarks, whose texts come again and again."""
    _reports.forget()
    forget_scans()


def _report(scan: Scan, context: TextContext, pack: Pack, scope: str) -> Report:
    content_class, reason = (context.content_class, "given") if context.content_class else classify(scan)
    if content_class not in pack.content_classes:
        content_class, reason = "advertisement", f"unknown class {content_class!r} counts as advertisement"
    findings: list[Finding] = []
    notes: list[str] = []
    alive = scan.alive
    for rule, bits in _applicable(context, pack, scope, content_class):
        if bits is None or bits & alive:
            findings.extend(_findings(rule, scan, context, content_class, notes))
    weights = {finding.rule: finding.weight for finding in findings}
    score = min(100, sum(weights.values()))
    findings.sort(key=lambda f: (f.start if f.start is not None else len(scan.raw), f.end or 0, f.rule))
    return Report(tuple(findings), score, pack.band(score), content_class, reason, pack.sha256, tuple(notes))


def _applicable(
    context: TextContext, pack: Pack, scope: str, content_class: str
) -> tuple[tuple[Rule, int | None], ...]:
    """Give the rules that apply, each with the bits of the patterns of which a breach needs one, where it needs any."""
    # As few keys as there are answers: what the pack does not know counts as one value.
    key = (
        scope,
        content_class,
        context.profile,
        bool(context.registrant_name),
        context.registrant_type if context.registrant_type in pack.registrant_types else None,
        context.channel if context.channel in pack.channels else None,
        context.language if context.language in pack.languages else None,
    )
    found = pack.applicable.get(key)
    if found is None:
        found = tuple(
            (rule, _breach_bits(rule, pack))
            for rule in pack.rules
            if rule.scope == scope and applies(rule, context, content_class)
        )
        pack.applicable[key] = found
    return found


def _breach_bits(rule: Rule, pack: Pack) -> int | None:
    if rule.when:
        return pack.bits_of(rule.when)
    return pack.bits_of(rule.patterns) if rule.kind == "forbid_pattern" else None


def applies(rule: Rule, context: TextContext, content_class: str) -> bool:
    """Say whether ``rule`` concerns a text of this class in this context.

    An unknown channel or language meets only rules for all.
    """
    if context.profile not in rule.profiles or (context.profile in rule.named_profiles and not context.registrant_name):
        return False
    classes = rule.classes_by_profile.get(context.profile, rule.content_classes)
    return (
        (rule.registrant_types is None or context.registrant_type in rule.registrant_types)
        and (rule.channels is None or context.channel in rule.channels)
        and (rule.languages is None or context.language in rule.languages)
        and (classes is None or content_class in classes)
    )


def _findings(rule: Rule, scan: Scan, context: TextContext, content_class: str, notes: list[str]) -> Iterator[Finding]:
    triggers: list[Span] = scan.hits(rule.when, rule.exceptions) if rule.when else []
    if rule.when and not triggers:
        return
    if rule.kind == "forbid_pattern":
        for span in scan.hits(rule.patterns, rule.exceptions):
            message = _forbidden_message(rule, scan.raw[span[0] : span[1]], context.language)
            yield _finding(rule, content_class, message, scan.raw, span)
    elif rule.kind == "require_text":
        fault = _missing_text(rule, scan, context, notes)
        if fault:
            yield _finding(rule, content_class, fault, scan.raw, triggers[0] if triggers else None)
    elif rule.kind == "require_field":
        reason = _field_fault(rule, scan, context)
        if reason:
            yield _finding(rule, content_class, f"{rule.title}: {reason}", scan.raw, None)
    else:
        found = measures.excess(scan.raw, rule, context.channel)
        if found:
            measured, allowed, place = found
            message = f"{rule.title}: {measured:,} where {allowed:,} are allowed on {context.channel}."
            hard = rule.hard_max_by_channel.get(context.channel)
            finding = _finding(rule, content_class, message, scan.raw, place)
            yield replace(finding, severity="major") if hard is not None and measured > hard else finding


def _finding(rule: Rule, content_class: str, message: str, raw: str, span: Span | None) -> Finding:
    return Finding(
        rule=rule.id,
        code=rule.issue_code,
        title=rule.title,
        group=rule.group,
        severity=rule.severity_by_class.get(content_class, rule.severity),
        weight=rule.weight_by_class.get(content_class, rule.risk_weight),
        start=span[0] if span else None,
        end=span[1] if span else None,
        span=raw[span[0] : span[1]] if span else None,
        message=message,
        source=rule.source,
        fix_action=rule.fix.action,
        is_compliance=rule.is_compliance,
    )


def _forbidden_message(rule: Rule, words: str, language: str) -> str:
    wording = rule.fix.wording.get(language) or rule.fix.wording.get("en")
    advice = {
        "remove_sentence": "Take this sentence out.",
        "replace": f"Say instead: {wording}." if wording else "Take these words out.",
        "fill": "Fill it in or take it out.",
    }.get(rule.fix.action, "A person has to decide.")
    note = f" {rule.fix.note}" if rule.fix.note else ""
    return f"{rule.title}: \u201c{' '.join(words.split())}\u201d. {advice}{note}"


def _missing_text(rule: Rule, scan: Scan, context: TextContext, notes: list[str]) -> str | None:
    """Say in words that a required text is missing, or ``None``; a text in another language may earn a note."""
    language = context.language if context.language in rule.require else "en"
    if scan.has(rule.require.get(language, ())):
        return None
    others = [name for name in rule.require if name != language]
    elsewhere = next((name for name in others if scan.has(rule.require[name])), None)
    if elsewhere and rule.match_language != "required":
        if rule.match_language == "prefer":
            notes.append(f"{rule.title}: given in {elsewhere}, better in {context.language}.")
        return None
    wording = (
        f" Put in: {scan.pack.text(rule.require_text, context.language)}" if rule.require_text else f" {rule.fix.note}"
    )
    return f"{rule.title}: {'is in another language' if elsewhere else 'is missing or altered'}.{wording}"


def _field_fault(rule: Rule, scan: Scan, context: TextContext) -> str | None:
    """Say in words what is wrong with a field of the context, or ``None``."""
    value = str(getattr(context, rule.field or "") or "").strip()
    form = rule.format.get(context.registrant_type)
    if not value:
        shown = rule.shown_format.get(context.registrant_type)
        if rule.must_appear and shown is not None and shown.search(scan.plain.text):
            return None
        return "it is not in the text, and none is on file." if rule.must_appear else "none is on file."
    if form is not None and not form.fullmatch(value):
        return f"{value} does not have the right form."
    if rule.must_appear and not appears(scan, value):
        return f"{value} is not in the text."
    if rule.valid_until_field:
        until = getattr(context, rule.valid_until_field)
        if not isinstance(until, date):
            return "its last valid day is not on file."
        if context.today is not None and until < context.today:
            return f"it ended on {until.isoformat()}."
    return None


def appears(scan: Scan, value: str) -> bool:
    """Look for ``value`` in plain, blanks, hyphens and "No." aside, and not inside a longer number."""
    wanted = plain_view(value).text
    letters, digits = _LEADING_LETTERS.match(wanted), _DIGITS.findall(wanted)
    if letters and digits:
        number = "[ -]?".join(digits)
        found = regex.search(rf"{letters[0]}{_NUMBER_WORDS}{number}(?![\d])", scan.plain.text)
        if found:
            return True
    compact = _compact(wanted)
    return bool(compact) and compact in _compact(scan.plain.text) and not digits


_LEADING_LETTERS = regex.compile(r"[a-z]{2,5}")
_DIGITS = regex.compile(r"\d")
_NUMBER_WORDS = r"(?:[\s:#./-]|no|number|arn|reg|क्रमांक|क्र|नंबर|नं|संख्या)*+"


def _compact(text: str) -> str:
    return text.translate(_BLANKS)


_BLANKS = dict.fromkeys(map(ord, " \n-:.#"))
