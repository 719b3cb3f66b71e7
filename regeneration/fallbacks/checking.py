"""Try a shelf text in every form it can take, and say in words which form breaks which rule. Pure.

A text whose fillings were all tried is safe to use at once: what a slot may hold is closed (``slots``), so nothing can
come up later that was not looked at, but for a new rule pack, which is tried again (``sweep``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from django.utils.translation import gettext as _

from jarvish_regen.content.compliance.check import Finding, TextContext, applies
from jarvish_regen.content.compliance.pack import Pack, current_pack
from regeneration.fallbacks import slots
from regeneration.fallbacks.rendering import finished, hard_limit
from regeneration.fallbacks.values import ShelfText
from regeneration.job import FeedbackBrief, Job, Voice
from regeneration.local_repair import with_known_texts
from regeneration.validate import report_on

Profile = Literal["core", "strict"]
PROFILES: Final[tuple[Profile, ...]] = ("core", "strict")
# All combinations of so many fillings are tried; beyond, each value alone and the longest and the shortest together.
COMBINATIONS_MAX: Final = 24
# The form may say so much and still be read.
FAULTS_MAX: Final = 8
_FEWEST_WORDS: Final = 3
# In whose name the texts are tried. Other names change nothing but the length, and a profile's own words are checked
# with each text again when it is used.
USUAL: Final = Voice("Asha Kulkarni", "Asha Kulkarni, Pune")
_NUMBERS: Final[Mapping[str, str]] = {"MFD": "ARN-123456", "RIA": "INA000012345"}


@dataclass(frozen=True, slots=True)
class Place:
    """Hold one context a text may be sent in, named as people name it."""

    context: TextContext

    @property
    def says(self) -> str:
        """Return platform, registrant and profile in words."""
        return f"{self.context.channel}, {self.context.registrant_type}, {self.context.profile}"


def check_template(entry: ShelfText) -> list[str]:
    """Return why a template may not be used, each reason with slot, value and rule; empty when every form is lawful.

    Tried are the extreme values of each slot (``slots.extremes``), on each channel, for each registrant and profile,
    as the class it has and as the classes it may be taken for. About a second for a text for all channels.
    """
    faults = _slot_faults(entry)
    if faults:
        return faults
    if len(slots.filled(entry.body, _first_values(entry)).split()) < _FEWEST_WORDS:
        return [_("The text says nothing: it has fewer than three words.")]
    faults = list(dict.fromkeys(_wording_faults(entry)))
    if not faults:
        faults = list(dict.fromkeys(_whole_faults(entry)))
    return faults[:FAULTS_MAX]


def check_library_text(entry: ShelfText) -> list[str]:
    """Return why a whole text may not be in the library: as for templates, and only its free slots may be slots."""
    allowed = slots.FREE_TYPES | slots.IDENTITY_TYPES
    faults = [
        _("{{%(slot)s}}: only greeting, closing and date may change in an approved text.") % {"slot": name}
        for name in slots.slot_names(entry.body)
        if name in slots.TYPES and name not in allowed
    ]
    return faults or check_template(entry)


def _slot_faults(entry: ShelfText) -> list[str]:
    faults = []
    names = slots.slot_names(entry.body)
    for name in names:
        if slots.type_of(name, entry.slots) not in slots.TYPES:
            known = ", ".join(sorted(slots.TYPES))
            faults.append(
                _("{{%(slot)s}} has no type we can check; known are %(known)s.") % {"slot": name, "known": known}
            )
    for name, kind in entry.slots.items():
        if kind not in slots.TYPES and not (kind == "identity" and name in slots.IDENTITY_TYPES):
            faults.append(_("%(kind)s is no type of slot; free text could say anything.") % {"kind": kind})
        if name not in names:
            faults.append(_("{{%(slot)s}} is listed and does not occur in the text.") % {"slot": name})
    left = slots.SLOT.sub("", entry.body)
    if "{{" in left or "}}" in left:
        faults.append(_("Curly braces that are no slot: slots are written {{like_this}}."))
    return faults


def fillings(entry: ShelfText) -> Iterator[dict[str, str]]:
    """Yield the values to try a text with, identity left out: that is tried with whole texts."""
    options = {
        name: slots.extremes(slots.type_of(name, entry.slots), entry.language)
        for name in slots.slot_names(entry.body)
        if slots.type_of(name, entry.slots) not in slots.IDENTITY_TYPES
    }
    count = 1
    for values in options.values():
        count *= len(values)
    if count <= COMBINATIONS_MAX:
        for chosen in product(*options.values()):
            yield dict(zip(options, chosen, strict=True))
        return
    first = {name: values[0] for name, values in options.items()}
    for name, values in options.items():
        for value in values:
            yield first | {name: value}
    yield {name: max(values, key=len) for name, values in options.items()}
    yield {name: min(values, key=len) for name, values in options.items()}


def _first_values(entry: ShelfText) -> dict[str, str]:
    return _identity(entry, USUAL, "MFD") | next(fillings(entry))


def _identity(entry: ShelfText, voice: Voice, registrant: str) -> dict[str, str]:
    values = {"advisor_name": voice.registered_name, "signature": voice.signature or voice.registered_name}
    return {
        name: values[kind]
        for name in slots.slot_names(entry.body)
        if (kind := slots.type_of(name, entry.slots)) in values
    }


def places(entry: ShelfText, *, channels: Sequence[str] | None = None) -> tuple[Place, ...]:
    """Return the contexts a text may be sent in; of channels that the rules treat alike only the narrowest."""
    pack = current_pack()
    # What only explains may answer an advertisement (candidates), and an item without a class gets one from its text.
    classes = dict.fromkeys(
        (entry.content_class, None, *(("advertisement",) if entry.content_class == "educational" else ()))
    )
    narrowest: dict[tuple[object, ...], TextContext] = {}
    for registrant, profile, content_class, channel in product(
        sorted(entry.registrants), PROFILES, classes, sorted(channels or entry.channels)
    ):
        context = context_for(channel, entry.language, registrant, content_class, profile=profile)
        key = (registrant, profile, content_class, _treatment(pack, context))
        other = narrowest.get(key)
        if other is None or hard_limit(channel) < hard_limit(other.channel):
            narrowest[key] = context
    return tuple(Place(context) for context in narrowest.values())


def context_for(
    channel: str, language: str, registrant: str, content_class: str | None, *, profile: Profile = "core"
) -> TextContext:
    """Return the context in which a text of the usual speaker would be sent."""
    return TextContext(
        channel=channel,
        language=language,
        registrant_type=registrant,
        registration_no=_NUMBERS[registrant],
        registrant_name=USUAL.registered_name,
        euin="E123456" if registrant == "MFD" else None,
        content_class=content_class,
        profile=profile,
    )


def _treatment(pack: Pack, context: TextContext) -> tuple[tuple[str, int | None], ...]:
    """Return what decides how the rules treat a channel, length aside."""
    content_class = context.content_class or "advertisement"
    return tuple(
        (rule.id, None if rule.measure == "chars" else rule.limit_for(context.channel))
        for rule in pack.rules
        if applies(rule, context, content_class)
    )


def _wording_faults(entry: ShelfText) -> Iterator[str]:
    """Yield what the words themselves break, in any filling; what the product puts in is not missing here."""
    identity = _identity(entry, USUAL, "MFD")
    one_channel = {
        (place.context.registrant_type, place.context.profile, place.context.content_class): place
        for place in places(entry)
    }
    every = list(fillings(entry))
    broken: dict[tuple[str, Place], list[tuple[Finding, dict[str, str], Place]]] = {}
    for values in every:
        body = slots.filled(entry.body, identity | values)
        for place in one_channel.values():
            found = {
                finding.rule: finding
                for finding in report_on(body, place.context).findings
                if finding.severity != "minor" and finding.start is not None and not _is_put_in(finding)
            }
            for rule, finding in found.items():
                broken.setdefault((rule, place), []).append((finding, values, place))
    for cases in broken.values():
        finding, values, place = cases[0]
        # What every filling breaks is the text's fault; what some break is theirs.
        yield _said(finding, {} if len(cases) >= len(every) else values, place)


def _is_put_in(finding: Finding) -> bool:
    """Say whether repair answers a finding by putting something in, which takes no word away."""
    return finding.fix_action == "insert"


def _whole_faults(entry: ShelfText) -> Iterator[str]:
    """Yield where the whole text, signed and with its mandated lines, cannot be sent though it says so.

    What a firm's stricter profile adds, or a longer name, may leave no room on a short platform; such a text is not
    offered there (``finished``), which is no fault of the text.
    """
    every = list(fillings(entry))
    longest = max(every, key=lambda values: len("".join(values.values())))
    is_signed = any(slots.type_of(name, entry.slots) == "signature" for name in slots.slot_names(entry.body))
    for place in places(entry):
        context = place.context
        must_fit = context.profile == "core" and context.content_class == entry.content_class
        for values in [every[0]] if longest == every[0] else [every[0], longest]:
            body = slots.filled(entry.body, _identity(entry, USUAL, context.registrant_type) | values).strip()
            job = sample_job(context, USUAL)
            if finished(body, job, is_signed=is_signed) is None:
                yield from _why_unfinished(body, job, values, place, must_fit=must_fit)


def sample_job(context: TextContext, voice: Voice) -> Job:
    """Return a job that stands for any draft in this context."""
    return Job("–", context, FeedbackBrief("technical_issue", "minor"), voice)


def _why_unfinished(body: str, job: Job, values: Mapping[str, str], place: Place, *, must_fit: bool) -> Iterator[str]:
    text = with_known_texts(job, body)
    grave = [finding for finding in report_on(text, job.context).findings if finding.severity != "minor"]
    broken = [finding for finding in grave if finding.start is not None and not _is_put_in(finding)]
    if broken or (grave and must_fit):
        yield _said((broken or grave)[0], values, place)
    elif must_fit:
        yield _("On %(place)s it does not fit, or the rules would take words out of it.") % {"place": place.says}


def _said(finding: Finding, values: Mapping[str, str], place: Place) -> str:
    slot = ", ".join(f"{{{{{name}}}}} = {value}" for name, value in values.items()) or _("any filling")
    return _("%(rule)s on %(place)s with %(slot)s: %(message)s") % {
        "rule": finding.rule,
        "place": place.says,
        "slot": slot,
        "message": finding.message,
    }
