"""Mend how a message looks on its channel: markup, capitals, emoji, hashtags, length.

Each function gives changes, none when the limit is kept. Mandated texts are never touched.
"""

from . import measures
from .check import TextContext, applies
from .edits import Change, apply_changes, change, without_overlaps
from .layout import Layout
from .matching import Span
from .pack import Pack, Rule
from .sentences import removals, words_in

# Less than this share of the author's own words left: that is no longer the author's text.
LEAST_SHARE_LEFT = 1 / 3
LEAST_WORDS_LEFT = 3


def limits(context: TextContext, pack: Pack, content_class: str, measure: str) -> list[Rule]:
    return [
        rule
        for rule in pack.rules
        if rule.measure == measure
        and rule.scope == "content"
        and applies(rule, context, content_class)
        and rule.limit_for(context.channel) is not None
    ]


def _broken(layout: Layout, context: TextContext, pack: Pack, content_class: str, measure: str) -> Rule | None:
    for rule in limits(context, pack, content_class, measure):
        if rule.fix.action != "ask_human" and measures.excess(layout.raw, rule, context.channel):
            return rule
    return None


def markup(layout: Layout, context: TextContext, pack: Pack, content_class: str) -> list[Change]:
    rule = _broken(layout, context, pack, content_class, "foreign_markup")
    if rule is None:
        return []
    return [
        change(layout.raw, a, b, new, rule.id, rule.title)
        for a, b, new in measures.markup_edits(layout.raw, context.channel)
    ]


def capitals(layout: Layout, context: TextContext, pack: Pack, content_class: str) -> list[Change]:
    rule = _broken(layout, context, pack, content_class, "caps_words")
    if rule is None:
        return []
    raw = layout.raw
    openings = {sentence[0] for line in layout.lines for sentence in line.sentences}
    spans = [span for span in measures.capital_spans(raw, rule.ignore) if not layout.is_protected(span)]
    spare = max(
        0, (rule.limit_for(context.channel) or 0) - (len(measures.capital_spans(raw, rule.ignore)) - len(spans))
    )
    edits = []
    for a, b in spans[spare:]:
        opens = not any(c.isalnum() for c in raw[max((o for o in openings if o <= a), default=0) : a])
        edits.append(change(raw, a, b, raw[a:b].capitalize() if opens else raw[a:b].lower(), rule.id, rule.title))
    return edits


def emoji(layout: Layout, context: TextContext, pack: Pack, content_class: str) -> list[Change]:
    rule = _broken(layout, context, pack, content_class, "emoji")
    if rule is None:
        return []
    raw = layout.raw
    allowed = rule.limit_for(context.channel) or 0
    heads = {
        line.start + len(raw[line.start : line.end]) - len(raw[line.start : line.end].lstrip()): n
        for n, line in enumerate(layout.lines)
    }
    spans = measures.emoji_spans(raw)
    in_lists = {heads[a] for a, _ in spans if a in heads}
    edits = []
    for a, b in spans[allowed:]:
        if raw[a].isascii():  # a keycap digit numbers a list
            edits.append(change(raw, a, b, raw[a] + ("." if raw[a].isdigit() else ""), rule.id, rule.title))
        elif a in heads and ({heads[a] - 1, heads[a] + 1} & in_lists) and raw[b : b + 1] == " ":
            edits.append(change(raw, a, b, "\u2022", rule.id, rule.title))
        elif raw[b : b + 1] == " " and (a == 0 or raw[a - 1].isspace()):
            edits.append(change(raw, a, b + 1, "", rule.id, rule.title))
        elif a > 0 and raw[a - 1] == " " and (b == len(raw) or raw[b].isspace()):
            edits.append(change(raw, a - 1, b, "", rule.id, rule.title))
        else:
            edits.append(change(raw, a, b, "", rule.id, rule.title))
    return without_overlaps(edits)


def hashtags(layout: Layout, context: TextContext, pack: Pack, content_class: str) -> list[Change]:
    rule = _broken(layout, context, pack, content_class, "hashtags")
    if rule is None:
        return []
    raw = layout.raw
    allowed = rule.limit_for(context.channel) or 0
    edits = []
    for a, b in measures.hashtag_spans(raw)[allowed:]:
        line = next(line for line in layout.lines if line.start <= a < line.end)
        # Inside a sentence the word stays and only its mark goes; in a row of tags at the end of a line the tag goes.
        tail = measures.HASHTAG.sub("", raw[b : line.end])
        if words_in(tail):
            edits.append(change(raw, a, a + 1, "", rule.id, rule.title))
            continue
        start = a
        while start > line.start and raw[start - 1] in " \t":
            start -= 1
        edits.append(change(raw, start, b, "", rule.id, rule.title))
    return without_overlaps(edits)


def trimming(layout: Layout, context: TextContext, pack: Pack, content_class: str) -> list[Change]:
    """Take sentences off the end of the body until the text fits.

    Mandated texts, signature and the first sentence stay.
    """
    rule = _broken(layout, context, pack, content_class, "chars")
    if rule is None:
        return []
    raw = layout.raw
    signed = layout.signature or (len(raw) + 1, len(raw) + 1)
    body = [
        s
        for line in layout.lines
        for s in line.sentences
        if not layout.is_protected(s) and not (signed[0] <= s[0] < signed[1])
    ]
    limit = rule.limit_for(context.channel) or 0
    doomed: list[Span] = []
    left = layout.body_words()
    least = max(LEAST_WORDS_LEFT, left * LEAST_SHARE_LEFT)
    spans: list[Span] = []
    excess = measures.length_of(raw) - limit
    for sentence in reversed(body[1:]):
        left -= words_in(raw[slice(*sentence)])
        if left < least:
            return []
        doomed.append(sentence)
        if sum(b - a for a, b in doomed) < excess - 4 * len(doomed):
            continue
        spans = removals(raw, layout.lines, doomed)
        if measures.length_of(apply_changes(raw, [change(raw, a, b, "", rule.id, "") for a, b in spans])) <= limit:
            return [change(raw, a, b, "", rule.id, f"shortened to {limit:,} characters") for a, b in spans]
    return []
