"""Know the typed slots of a template: what may stand in each, and what is put in for one job.

Nothing here is free text. Who speaks comes from the profile, an amount or a number of years from approved facts, a day
from today, everything else from a closed list of words in each language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache

import regex

from jarvish_regen.language.figures import Figure, figures
from regeneration.fallbacks.subjects import SubjectIndex, index_of
from regeneration.job import Job

SLOT = regex.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
IDENTITY_TYPES = frozenset({"advisor_name", "signature"})
# What a library text may have changed without losing its approval.
FREE_TYPES = frozenset({"greeting", "closing", "date"})
YEARS_MAX = 40
AMOUNT_MAX = 10_00_00_000  # ten crore: more is no amount that a message to savers speaks of
# Profiles hold longer ones (120 and 300); what is longer than what templates are checked with is not filled in.
NAME_MAX_CHARS = 80
SIGNATURE_MAX_CHARS = 160

# Each stands at the head or the foot of a text, on a line of its own or before the first sentence.
GREETINGS: Mapping[str, tuple[str, ...]] = {
    "en": ("Hello,", "Namaste,", "Dear investor,"),
    "hi": ("नमस्ते,", "नमस्कार,"),
    "mr": ("नमस्कार,",),
    "hinglish": ("Namaste,", "Hello ji,"),
}
CLOSINGS: Mapping[str, tuple[str, ...]] = {
    "en": ("Warm regards,", "Regards,", "With good wishes,"),
    "hi": ("सादर,", "धन्यवाद,"),
    "mr": ("सस्नेह,", "धन्यवाद,"),
    "hinglish": ("Dhanyavaad,", "Shukriya,"),
}
GOALS: Mapping[str, Mapping[str, str]] = {
    "retirement": {"en": "retirement", "hi": "सेवानिवृत्ति", "mr": "निवृत्ती", "hinglish": "retirement"},
    "education": {
        "en": "child's education",
        "hi": "बच्चे की शिक्षा",
        "mr": "मुलांचे शिक्षण",
        "hinglish": "bachche ki padhai",
    },
    "home": {"en": "home", "hi": "घर", "mr": "घर", "hinglish": "ghar"},
    "emergency": {
        "en": "emergency fund",
        "hi": "आपातकालीन निधि",
        "mr": "आपत्कालीन निधी",
        "hinglish": "emergency fund",
    },
    "tax": {"en": "tax saving", "hi": "कर बचत", "mr": "कर बचत", "hinglish": "tax saving"},
    "wealth": {"en": "wealth", "hi": "संपत्ति निर्माण", "mr": "संपत्ती निर्मिती", "hinglish": "wealth"},
}
# Fits whatever the draft spoke of.
GENERAL_GOAL = "wealth"
_GOAL_WORDS: Mapping[str, tuple[str, ...]] = {
    "retirement": ("retirement", "retire", "pension", "रिटायरमेंट", "सेवानिवृत्ति", "निवृत्ती", "पेन्शन", "पेंशन"),
    "education": (
        "education",
        "school",
        "college",
        "child",
        "children",
        "पढ़ाई",
        "शिक्षा",
        "शिक्षण",
        "बच्चे",
        "मुले",
        "padhai",
    ),
    "home": ("home", "house", "घर", "मकान", "ghar", "makaan"),
    "emergency": ("emergency", "आपातकाल", "इमरजेंसी", "आपत्कालीन", "rainy day"),
    "tax": ("tax", "80c", "elss", "टैक्स", "आयकर", "कर बचत", "प्राप्तिकर"),
}
MONTHS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    "hi": ("जनवरी", "फरवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर"),
    "mr": (
        "जानेवारी",
        "फेब्रुवारी",
        "मार्च",
        "एप्रिल",
        "मे",
        "जून",
        "जुलै",
        "ऑगस्ट",
        "सप्टेंबर",
        "ऑक्टोबर",
        "नोव्हेंबर",
        "डिसेंबर",
    ),
}
_YEAR_WORDS = regex.compile(r"^[ \-]?(?:years?|yrs?|saal|varsh|साल|वर्ष|वर्षे|वर्षं|वर्षां)(?!\p{L})", regex.IGNORECASE)


TYPES = frozenset({"advisor_name", "signature", "greeting", "closing", "date", "month", "goal", "amount", "years"})


def slot_names(body: str) -> tuple[str, ...]:
    """Return the names of the slots of a text in order, each once."""
    return tuple(dict.fromkeys(SLOT.findall(body)))


def type_of(name: str, slots: Mapping[str, str]) -> str:
    """Return the type of a slot: as the template says, else the type that has the slot's own name."""
    said = slots.get(name, name)
    return said if said in TYPES else name


def filled(body: str, values: Mapping[str, str]) -> str:
    """Return the text with its slots filled; raises KeyError for a slot without a value."""
    return SLOT.sub(lambda match: values[match.group(1)], body)


def rupees(value: int) -> str:
    """Return an amount of whole rupees in Indian grouping: ₹1,00,000."""
    digits = str(value)
    head, tail = digits[:-3], digits[-3:]
    groups = []
    while head:
        groups.append(head[-2:])
        head = head[:-2]
    return "₹" + ",".join([*reversed(groups), tail])


def written_date(day: date, language: str) -> str:
    """Return a date as a letter has it: 23 November 2026; figures are ASCII in all four languages."""
    return f"{day.day} {month_name(day, language)} {day.year}"


def month_name(day: date, language: str) -> str:
    """Return the name of a date's month."""
    return MONTHS.get(language, MONTHS["en"])[day.month - 1]


def name_of(job: Job) -> str:
    """Return whose name the text speaks in, empty when the profile has none."""
    return (job.voice.registered_name or job.context.registrant_name or "").strip()


def signature_of(job: Job) -> str:
    """Return how the advisor signs: the signature of the profile, else name and number."""
    if job.voice.signature.strip():
        return job.voice.signature.strip()
    return short_signature_of(job)


def short_signature_of(job: Job) -> str:
    """Return name and registration number, for platforms with little room."""
    return " | ".join(part for part in (name_of(job), job.context.registration_no or "") if part)


def values_for(
    names: Sequence[str], slots: Mapping[str, str], job: Job, *, language: str, today: date
) -> dict[str, str] | None:
    """Return what is put into each named slot, or None when one of them cannot be filled from what is known."""
    values: dict[str, str] = {}
    for name in names:
        value = _value(type_of(name, slots), job, language=language, today=today)
        if value is None:
            return None
        values[name] = value
    return values


def _value(kind: str, job: Job, *, language: str, today: date) -> str | None:
    if kind == "advisor_name":
        return _short_enough(name_of(job), NAME_MAX_CHARS)
    if kind == "signature":
        return _short_enough(signature_of(job), SIGNATURE_MAX_CHARS) or _short_enough(
            short_signature_of(job), SIGNATURE_MAX_CHARS
        )
    if kind in {"greeting", "closing"}:
        words = GREETINGS if kind == "greeting" else CLOSINGS
        return words.get(language, words["en"])[0]
    if kind == "date":
        return written_date(today, language)
    if kind == "month":
        return month_name(today, language)
    if kind == "goal":
        return goal_words(goal_of(job), language)
    if kind == "amount":
        return next((rupees(int(one.value)) for one in _facts(job) if _is_amount(one)), None)
    if kind == "years":
        return next((str(years) for years in _years(job)), None)
    return None


def _short_enough(value: str, most: int) -> str | None:
    return value if value and len(value) <= most and "{{" not in value else None


def goal_of(job: Job) -> str:
    """Return the goal a draft speaks of, the general one when it names none."""
    found = _goal_index().matches(job.rejected_text, topic=job.situation.topic)
    return max(found, key=lambda goal: (found[goal].score, goal)) if found else GENERAL_GOAL


def goal_words(goal: str, language: str) -> str:
    """Return a goal of the closed list in words."""
    words = GOALS[goal]
    return words.get(language, words["en"])


@cache
def _goal_index() -> SubjectIndex:
    return index_of(_GOAL_WORDS)


def _facts(job: Job) -> tuple[Figure, ...]:
    return tuple(figure for fact in job.approved_facts for figure in figures(fact))


def _is_amount(figure: Figure) -> bool:
    value = figure.value
    return figure.unit == "rupees" and value == value.to_integral_value() and 1 <= value <= AMOUNT_MAX


def _years(job: Job) -> list[int]:
    found = []
    for fact in job.approved_facts:
        for figure in figures(fact):
            is_years = figure.unit == "count" and _YEAR_WORDS.match(fact[figure.end :]) is not None
            if (
                is_years
                and figure.value == figure.value.to_integral_value()
                and 1 <= figure.value <= Decimal(YEARS_MAX)
            ):
                found.append(int(figure.value))
    return found


def extremes(kind: str, language: str) -> tuple[str, ...]:
    """Return the values a slot of this type is tried with before a template is saved: all of a closed list, and of
    what is measured the smallest, the largest and the most usual forms.
    """
    if kind in {"greeting", "closing"}:
        words = GREETINGS if kind == "greeting" else CLOSINGS
        return words.get(language, words["en"])
    if kind == "goal":
        return tuple(dict.fromkeys(goal_words(goal, language) for goal in GOALS))
    if kind == "month":
        return MONTHS.get(language, MONTHS["en"])
    if kind == "date":
        return tuple(dict.fromkeys(written_date(date(2026, month, 28), language) for month in range(1, 13)))
    if kind == "amount":
        return tuple(rupees(value) for value in (1, 100, 500, 5_000, 25_000, 1_00_000, 50_00_000, AMOUNT_MAX))
    if kind == "years":
        return tuple(str(years) for years in (1, 2, 5, 10, 15, 20, 25, 30, YEARS_MAX))
    return ()
