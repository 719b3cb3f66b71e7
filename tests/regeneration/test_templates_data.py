"""Templates as shipped: enough subjects, every language, and each text may be sent wherever it says it may."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final

import pytest
import regex
import yaml

from jarvish_regen.content.compliance.check import TextContext, check
from jarvish_regen.content.taxonomy import CHANNELS
from jarvish_regen.language.figures import new_figures
from jarvish_regen.language.identify import identify
from jarvish_regen.language.names import new_names
from regeneration.job import FeedbackBrief, Job, Voice
from regeneration.local_repair import with_known_texts

PATH: Final = Path(__file__).resolve().parents[2] / "regeneration" / "fallbacks" / "templates.yaml"
DATA: Final[dict[str, Any]] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
TEMPLATES: Final[list[dict[str, Any]]] = DATA["templates"]

REGISTRANTS: Final = {"MFD": "ARN-123456", "RIA": "INA000012345"}
REQUIRED_LANGUAGES: Final = {"en", "hi", "mr"}
SLOT_TYPES: Final = {"advisor_name", "signature", "greeting", "closing", "date", "month", "goal", "amount", "years"}
SLOT: Final = regex.compile(r"\{\{([a-z_]+)\}\}")
# What a slot is likely to hold, at the long end; the goals are those of the closed list.
VALUES: Final[dict[str, dict[str, str]]] = {
    "en": {"greeting": "Dear investor,", "closing": "Warm regards,", "date": "24 November 2026", "month": "November"},
    "hi": {"greeting": "नमस्ते,", "closing": "सादर,", "date": "24 नवंबर 2026", "month": "नवंबर"},
    "mr": {"greeting": "नमस्कार,", "closing": "आपला स्नेही,", "date": "24 नोव्हेंबर 2026", "month": "नोव्हेंबर"},
    "hinglish": {"greeting": "Namaste,", "closing": "Dhanyavaad,", "date": "24 November 2026", "month": "November"},
}
GOALS: Final[dict[str, tuple[str, ...]]] = {
    "en": ("retirement", "child's education", "home", "emergency fund", "tax saving", "wealth"),
    "hi": ("सेवानिवृत्ति", "बच्चे की शिक्षा", "घर", "आपातकालीन निधि", "कर बचत", "संपत्ति निर्माण"),
    "mr": ("निवृत्ती", "मुलांचे शिक्षण", "घर", "आपत्कालीन निधी", "कर बचत", "संपत्ती निर्मिती"),
    "hinglish": ("retirement", "bachche ki padhai", "ghar", "emergency fund", "tax saving", "wealth"),
}
COMMON: Final = {"advisor_name": "Asha Kulkarni", "signature": "Asha Kulkarni", "amount": "₹5,000", "years": "7"}

# A text of one segment in Latin letters; and what leaves room on X for the warning of a registrant.
SMS_CHARS: Final = 160
X_CHARS: Final = 200
# Below this a post or a mail looks unfinished; the shorter one is for wishes and notes about one's own account.
POST_CHARS: Final = 250
NOTE_CHARS: Final = 100
BLOG_CHARS: Final = 550
MOST_ALIKE: Final = 0.9


def fillings(template: dict[str, Any], language: str) -> Iterator[str]:
    """Yield the body of ``template`` with each goal it can name."""
    goals = GOALS[language] if "goal" in template["slots"] else GOALS[language][:1]
    for goal in goals:
        values = {**COMMON, **VALUES[language], "goal": goal}
        yield SLOT.sub(lambda slot, values=values: values[slot[1]], template["bodies"][language])  # type: ignore[misc]


def context_of(channel: str, language: str, registrant: str, content_class: str | None) -> TextContext:
    return TextContext(
        channel=channel,
        language=language,
        registrant_type=registrant,
        registration_no=REGISTRANTS[registrant],
        registrant_name="Asha Kulkarni",
        content_class=content_class,
    )


def as_sent(text: str, context: TextContext) -> str:
    """Return ``text`` with what the product puts in itself."""
    job = Job(
        rejected_text="A draft that was turned down.",
        context=context,
        feedback=FeedbackBrief(category="other", severity="major"),
        voice=Voice(registered_name="Asha Kulkarni", signature="Asha Kulkarni"),
    )
    return with_known_texts(job, text)


def stands_in(text: str, sent: str) -> bool:
    """Say whether every line of ``text`` is a line of ``sent``, in order."""
    lines = iter(sent.splitlines())
    return all(any(line == other for other in lines) for line in text.splitlines() if line.strip())


def bare(template: dict[str, Any]) -> str:
    """Return the English words alone."""
    return " ".join(regex.findall(r"\p{L}+", SLOT.sub(" ", template["bodies"]["en"]).casefold()))


def test_there_are_enough_subjects_in_enough_languages() -> None:
    codes = [template["code"] for template in TEMPLATES]

    assert len(set(codes)) == len(codes) >= 70
    assert len({template["title"] for template in TEMPLATES}) == len(codes)
    assert sum("hinglish" in template["bodies"] for template in TEMPLATES) >= 30
    for channel in CHANNELS:
        assert sum(channel in template["channels"] for template in TEMPLATES) >= 5, channel


def test_the_english_texts_differ_once_slots_are_out() -> None:
    alike = []
    for one, other in combinations(TEMPLATES, 2):
        matcher = SequenceMatcher(None, bare(one).split(), bare(other).split(), autojunk=False)
        if matcher.real_quick_ratio() >= MOST_ALIKE and matcher.ratio() >= MOST_ALIKE:
            alike.append((one["code"], other["code"]))

    assert alike == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_an_entry_is_whole(template: dict[str, Any]) -> None:
    assert set(template) == {
        "code",
        "title",
        "content_class",
        "channels",
        "registrants",
        "slots",
        "topic_words",
        "bodies",
    }
    assert regex.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", template["code"])
    assert len(template["code"]) <= 60
    assert 0 < len(template["title"]) <= 120
    assert template["content_class"] in {"educational", "service", "greeting", "advertisement"}
    assert set(template["channels"]) <= set(CHANNELS)
    assert template["channels"]
    assert set(template["registrants"]) <= set(REGISTRANTS)
    assert template["registrants"]
    assert REQUIRED_LANGUAGES <= set(template["bodies"]) <= {*REQUIRED_LANGUAGES, "hinglish"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_topic_words_are_given_in_each_language_of_the_text(template: dict[str, Any]) -> None:
    assert set(template["topic_words"]) == set(template["bodies"])
    for language, words in template["topic_words"].items():
        assert 10 <= len(words) <= 20, language
        assert len({word.casefold() for word in words}) == len(words), language
        assert all(isinstance(word, str) and 0 < len(word) <= 60 for word in words), language
        if language in {"hi", "mr"}:
            assert sum(bool(regex.search(r"\p{Devanagari}", word)) for word in words) >= 8, language


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_each_text_uses_the_slots_that_are_declared_and_no_other(template: dict[str, Any]) -> None:
    slots = template["slots"]

    assert slots
    # Each slot has the type of its name.
    assert slots == {name: name for name in slots}
    assert set(slots) <= SLOT_TYPES
    for language, body in template["bodies"].items():
        assert set(SLOT.findall(body)) == set(slots), language
        assert not regex.search(r"[{}\[\]<>]", SLOT.sub("", body)), language


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_each_text_is_written_in_its_language_and_brings_no_figure_or_name(template: dict[str, Any]) -> None:
    for language, body in template["bodies"].items():
        assert identify(SLOT.sub(" ", body)) == language
        assert body == body.strip()
        # An answer may bring none that its advisor did not give (DECISIONS, "no new number or name").
        assert new_figures(SLOT.sub(" ", body), ()) == (), language
        assert new_names(SLOT.sub(" ", body), ()) == (), language
        assert not regex.search(r"\p{Nd}|[%₹]", SLOT.sub(" ", body)), language


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_each_text_has_the_length_its_channels_ask_for(template: dict[str, Any]) -> None:
    channels = set(template["channels"])
    for language in template["bodies"]:
        for text in fillings(template, language):
            if "sms" in channels:
                assert len(text) <= SMS_CHARS, (language, len(text))
            if "x" in channels:
                assert len(text) <= X_CHARS, (language, len(text))
            if channels & {"linkedin", "email"}:
                is_note = template["content_class"] in {"greeting", "service"}
                assert len(text) >= (NOTE_CHARS if is_note else POST_CHARS), (language, len(text))
            if "blog" in channels:
                assert len(text) >= BLOG_CHARS, (language, len(text))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_each_text_is_admissible_wherever_it_may_be_used(template: dict[str, Any]) -> None:
    faults = []
    for language, registrant in product(template["bodies"], template["registrants"]):
        for text in fillings(template, language):
            found = check(text, context_of("whatsapp", language, registrant, None)).content_class
            for content_class in {template["content_class"], found}:
                sent = as_sent(text, context_of(template["channels"][0], language, registrant, content_class))
                # What is put in leaves our words alone.
                if not stands_in(text, sent):
                    faults.append((language, registrant, content_class, sent))
                for channel in template["channels"]:
                    report = check(sent, context_of(channel, language, registrant, content_class))
                    # Not even a minor finding: we wrote the text.
                    faults += [(language, channel, registrant, content_class, one) for one in report.findings]

    assert faults == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["code"])
def test_no_text_sells_more_than_its_class_says(template: dict[str, Any]) -> None:
    for language in template["bodies"]:
        for text in fillings(template, language):
            report = check(text, context_of("whatsapp", language, "MFD", None))
            derived = {report.content_class, template["content_class"]}
            assert "advertisement" not in derived or derived == {"advertisement"}, (language, report.class_reason)
