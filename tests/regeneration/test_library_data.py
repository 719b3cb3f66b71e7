"""The library and the safe defaults as shipped: enough of them, lawful wherever they say they may go, and sealed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from difflib import SequenceMatcher
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from jarvish_regen.content.compliance.check import TextContext, check
from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.content.taxonomy import CHANNELS
from jarvish_regen.language.figures import new_figures
from jarvish_regen.language.identify import identify
from jarvish_regen.language.names import new_names
from regeneration.fallbacks import slots
from regeneration.fallbacks.rendering import finished, hard_limit
from regeneration.job import FeedbackBrief, Job, Voice

FOLDER: Final = Path(__file__).resolve().parents[2] / "regeneration" / "fallbacks"

Record = dict[str, Any]


def load(name: str) -> Record:
    loaded: Record = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return loaded


LIBRARY: Final[list[Record]] = load("library.yaml")["library"]
DEFAULTS: Final[list[Record]] = load("defaults.yaml")["defaults"]
UNAVAILABLE: Final[list[Record]] = load("defaults.yaml")["unavailable_under_strict"]

LANGUAGES: Final = ("en", "hi", "mr", "hinglish")
CLASSES: Final = ("advertisement", "educational", "service", "greeting")
REGISTRANTS: Final = ("MFD", "RIA")
TODAY: Final = date(2026, 11, 23)
APPROVED_ON: Final = date(2026, 11, 1)
EDITORS: Final = "Jarvish editorial desk"
LIBRARY_KEYS: Final = {
    "code",
    "title",
    "topic_words",
    "channels",
    "registrants",
    "content_class",
    "approved_on",
    "expires_on",
    "approved_by",
    "texts",
}
DEFAULT_KEYS: Final = {"classes", "channels", "registrants", "signed_by", "signed_on", "sha256", "texts"}

TEXTS_MIN: Final = 44
HINGLISH_MIN: Final = 20
MARKET_UPDATES_MIN: Final = 12
LINKEDIN_MIN: Final = 8
GREETINGS_MIN: Final = 6
SERVICE_NOTES_MIN: Final = 6
MOST_ALIKE: Final = 0.9
# Of a text by itself; the platforms' limits hold for the whole, and the tests below for that.
SMS_BODY_CHARS: Final = 160
SMS_STYLE_CHARS: Final = 480
X_CHARS: Final = 280
# Words by which a reader knows that a text speaks of the market as a whole.
MARKET_WORDS: Final = (
    "market",
    "rates",
    "rupee",
    "companies",
    "headline",
    "prices",
    "event",
    "month",
    "year ends",
    "issues",
)


def speaker(registrant: str) -> tuple[str, Voice]:
    """Return registration number and voice of somebody with a long name and a full signature."""
    if registrant == "MFD":
        name, number, title = "Sahyadri Mutual Fund Services", "ARN-990101", "AMFI-registered Mutual Fund Distributor"
    else:
        name, number = "Kaveri Compass Investment Advisers LLP", "INA999000021"
        title = "SEBI Registered Investment Adviser"
    return number, Voice(registered_name=name, signature=f"Kavitha Rao\n{name} | {title} | {number}")


def job_of(
    registrant: str,
    channel: str,
    language: str,
    content_class: str | None,
    profile: str = "core",
    *,
    brief: bool = False,
) -> Job:
    """Return a job that a shelf text may answer; a ``brief`` speaker has a number and neither name nor signature."""
    number, voice = speaker(registrant)
    context = TextContext(
        channel=channel,
        language=language,
        registrant_type=registrant,
        registration_no=number,
        registrant_name=None if brief else voice.registered_name,
        content_class=content_class,
        profile=profile,  # type: ignore[arg-type]
        today=TODAY,
    )
    feedback = FeedbackBrief(category="other", severity="major")
    return Job(
        rejected_text="A draft that was turned down.",
        context=context,
        feedback=feedback,
        voice=Voice() if brief else voice,
    )


def sent(text: str, job: Job) -> str:
    """Return ``text`` as the product sends it, empty when no admissible form of it fits the platform."""
    values = slots.values_for(slots.slot_names(text), {}, job, language=job.context.language, today=TODAY)
    assert values is not None
    made = finished(slots.filled(text, values).strip(), job)
    return made.text if made is not None else ""


def library_texts() -> Iterator[tuple[Record, str, str]]:
    for entry in LIBRARY:
        for language, text in entry["texts"].items():
            yield entry, language, text


def sha256_of(texts: dict[str, str]) -> str:
    canonical = json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def is_unavailable(content_class: str, channel: str, registrant: str, language: str) -> bool:
    """Say whether the data names this combination as one that has no lawful form under the strict profile."""
    return any(
        content_class in one["classes"]
        and channel in one["channels"]
        and registrant in one["registrants"]
        and language in one["languages"]
        for one in UNAVAILABLE
    )


def default_for(content_class: str, channel: str, registrant: str) -> Record:
    return next(
        entry
        for entry in DEFAULTS
        if content_class in entry["classes"] and channel in entry["channels"] and registrant in entry["registrants"]
    )


# ------------------------------------------------------------------------------------------------- the library


def test_every_library_entry_has_the_same_shape() -> None:
    for entry in LIBRARY:
        assert set(entry) == LIBRARY_KEYS, entry["code"]
        assert set(entry["channels"]) <= set(CHANNELS), entry["code"]
        assert len(entry["channels"]) == len(set(entry["channels"])) > 0
        assert entry["registrants"] in (["MFD", "RIA"], ["MFD"], ["RIA"]), entry["code"]
        assert entry["content_class"] in CLASSES, entry["code"]
        assert 0 < len(entry["title"]) <= 120
        assert len(entry["code"]) <= 80
    assert max(Counter(entry["code"] for entry in LIBRARY).values()) == 1
    assert max(Counter(entry["title"] for entry in LIBRARY).values()) == 1


def test_the_library_holds_enough_of_each_kind() -> None:
    classes = Counter(entry["content_class"] for entry in LIBRARY)

    assert len(LIBRARY) >= TEXTS_MIN
    assert all({"en", "hi", "mr"} <= set(entry["texts"]) <= set(LANGUAGES) for entry in LIBRARY)
    assert sum("hinglish" in entry["texts"] for entry in LIBRARY) >= HINGLISH_MIN
    assert (
        sum("linkedin" in entry["channels"] and "whatsapp" not in entry["channels"] for entry in LIBRARY)
        >= LINKEDIN_MIN
    )
    assert classes["greeting"] >= GREETINGS_MIN
    assert classes["service"] >= SERVICE_NOTES_MIN
    assert {channel for entry in LIBRARY for channel in entry["channels"]} == set(CHANNELS)


def test_enough_market_updates_expire_within_half_a_year() -> None:
    updates = [
        entry
        for entry in LIBRARY
        if entry["content_class"] == "educational" and entry["expires_on"] <= APPROVED_ON + timedelta(days=183)
    ]

    assert len(updates) >= MARKET_UPDATES_MIN
    for entry in updates:
        assert any(word in entry["texts"]["en"].lower() for word in MARKET_WORDS), entry["code"]


def test_topic_words_are_given_for_each_language_of_the_text() -> None:
    for entry in LIBRARY:
        assert list(entry["topic_words"]) == list(entry["texts"]), entry["code"]
        for words in entry["topic_words"].values():
            assert 10 <= len(words) <= 20, entry["code"]
            assert len(set(words)) == len(words), entry["code"]
            assert all(word == word.lower().strip() and 0 < len(word) <= 60 for word in words), entry["code"]


def test_approvals_are_dated_and_end_within_a_year() -> None:
    for entry in LIBRARY:
        assert entry["approved_by"] == EDITORS
        assert entry["approved_on"] == APPROVED_ON
        assert TODAY < entry["expires_on"] <= APPROVED_ON + timedelta(days=365), entry["code"]


def test_only_greeting_closing_and_date_are_slots() -> None:
    for entry, _language, text in library_texts():
        assert set(slots.slot_names(text)) <= slots.FREE_TYPES, entry["code"]
        assert slots.SLOT.sub("", text).count("{") == 0, entry["code"]


def test_no_library_text_brings_a_figure_or_a_name_of_its_own() -> None:
    for entry, language, text in library_texts():
        bare = slots.SLOT.sub("", text)

        assert [figure.text for figure in new_figures(bare, ())] == [], (entry["code"], language)
        assert new_names(bare, ()) == (), (entry["code"], language)


def test_each_library_text_is_in_its_language() -> None:
    for entry, language, text in library_texts():
        assert identify(text) == language, (entry["code"], language)


def test_english_texts_of_the_library_differ_from_each_other() -> None:
    texts = {entry["code"]: slots.SLOT.sub("", entry["texts"]["en"]) for entry in LIBRARY}

    for (one, left), (other, right) in combinations(texts.items(), 2):
        matcher = SequenceMatcher(None, left, right, autojunk=False)
        # The quick ratios bound the ratio from above and cost a fraction.
        alike = min(matcher.real_quick_ratio(), matcher.quick_ratio())
        assert alike < MOST_ALIKE or matcher.ratio() < MOST_ALIKE, (one, other)


@pytest.mark.parametrize("entry", LIBRARY, ids=lambda entry: entry["code"])
def test_a_library_text_may_be_sent_wherever_it_says(entry: Record) -> None:
    """Once with its class given and once derived; what only explains may also answer an advertisement."""
    own = entry["content_class"]
    classes = (own, None, "advertisement") if own == "educational" else (own, None)
    for (language, text), registrant, content_class in product(entry["texts"].items(), entry["registrants"], classes):
        first = job_of(registrant, entry["channels"][0], language, content_class)
        text_sent = sent(text, first)

        assert text_sent, (language, registrant, content_class)
        # Channels differ in limits only, which know no class: one class is enough for those beyond the first.
        for channel in entry["channels"] if content_class == own else entry["channels"][:1]:
            report = check(text_sent, replace(first.context, channel=channel))
            assert report.findings == (), (language, registrant, content_class, channel)


@pytest.mark.parametrize("entry", LIBRARY, ids=lambda entry: entry["code"])
def test_a_library_text_may_be_sent_by_a_strict_firm_too(entry: Record) -> None:
    own, channel = entry["content_class"], entry["channels"][0]
    for (language, text), registrant in product(entry["texts"].items(), entry["registrants"]):
        text_sent = sent(text, job_of(registrant, channel, language, own, "strict"))

        assert bool(text_sent) != is_unavailable(own, channel, registrant, language), (language, registrant, channel)


# ------------------------------------------------------------------------------------------------ the defaults


def test_every_combination_is_matched_by_exactly_one_default() -> None:
    found = Counter(
        (content_class, channel, registrant, language)
        for entry in DEFAULTS
        for content_class, channel, registrant, language in product(
            entry["classes"], entry["channels"], entry["registrants"], entry["texts"]
        )
    )

    assert found == Counter(product(CLASSES, CHANNELS, REGISTRANTS, LANGUAGES))


def test_every_default_is_signed_over_its_texts() -> None:
    for entry in DEFAULTS:
        assert set(entry) == DEFAULT_KEYS
        assert entry["signed_by"] == EDITORS
        assert entry["signed_on"] == APPROVED_ON
        assert entry["sha256"] == sha256_of(entry["texts"]), (entry["classes"], entry["channels"])


def test_a_changed_word_breaks_the_seal() -> None:
    for entry in DEFAULTS:
        for language, text in entry["texts"].items():
            assert sha256_of({**entry["texts"], language: text.replace(" ", "\u00a0", 1)}) != entry["sha256"]


def test_defaults_bring_no_slot_figure_or_name_and_keep_their_language() -> None:
    for entry in DEFAULTS:
        for language, text in entry["texts"].items():
            said = (entry["classes"], entry["channels"], language)
            assert "{" not in text, said
            assert [figure.text for figure in new_figures(text, ())] == [], said
            assert new_names(text, ()) == (), said
            assert identify(text) == language, said


@pytest.mark.parametrize("registrant", REGISTRANTS)
@pytest.mark.parametrize("content_class", CLASSES)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_default_is_admissible_in_each_combination(channel: str, content_class: str, registrant: str) -> None:
    texts = default_for(content_class, channel, registrant)["texts"]
    for language, brief in product(LANGUAGES, (False, True)):
        job = job_of(registrant, channel, language, content_class, brief=brief)

        text_sent = sent(texts[language], job)

        assert text_sent, (language, brief)
        assert check(text_sent, job.context).findings == (), (language, brief)
        if channel == "x":
            assert len(text_sent) <= X_CHARS, language
        if channel == "sms":
            assert len(texts[language]) <= SMS_BODY_CHARS, language
            assert len(text_sent) <= SMS_STYLE_CHARS, language


@pytest.mark.parametrize("registrant", REGISTRANTS)
@pytest.mark.parametrize("content_class", CLASSES)
@pytest.mark.parametrize("channel", CHANNELS)
def test_under_strict_a_default_is_admissible_or_said_to_be_unavailable(
    channel: str, content_class: str, registrant: str
) -> None:
    texts = default_for(content_class, channel, registrant)["texts"]
    for language in LANGUAGES:
        job = job_of(registrant, channel, language, content_class, "strict")

        assert bool(sent(texts[language], job)) != is_unavailable(content_class, channel, registrant, language), (
            language
        )


def test_what_is_said_to_be_unavailable_truly_cannot_fit() -> None:
    """The mandated texts alone, without one word of a message, satisfy every rule but the platform's length."""
    combinations_named = [
        named
        for one in UNAVAILABLE
        for named in product(one["classes"], one["channels"], one["registrants"], one["languages"])
    ]
    assert combinations_named
    assert all(one["reason"] for one in UNAVAILABLE)
    for content_class, channel, registrant, language in combinations_named:
        context = job_of(registrant, channel, language, content_class, "strict").context
        alone = mandated_alone(context)

        report = check(alone, context)

        assert len(alone) > hard_limit(channel), (content_class, language)
        assert {finding.rule for finding in report.findings} == {"CHF-01"}, (content_class, language)
        assert not report.is_admissible


def mandated_alone(context: TextContext) -> str:
    """Return what the rules demand of any text in ``context``, and nothing else."""
    pack = current_pack()
    missing = [pack.rule(finding.rule) for finding in check("", context).findings]
    fixed = [pack.text(rule.require_text, context.language) for rule in missing if rule.require_text]
    fields = [str(getattr(context, rule.field)) for rule in missing if rule.field]
    return "\n".join((*fixed, *fields))
