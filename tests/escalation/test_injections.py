"""Injections against a model that obeys them, through the services and the real database: nothing unsafe is shown."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from escalation import services
from feedback.services import Rejection, SaidIssue
from jarvish_regen.content.compliance.gate import ReadyText, release
from jarvish_regen.content.models import AdvisorProfile, ContentItem, text_context
from jarvish_regen.content.services import Draft, receive_drafts
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import InputError
from regeneration import answering
from regeneration.models import Regeneration, RegenerationState
from regeneration.prompts import COMPLIANCE, SYSTEM
from regeneration.targets import forget_targets
from tests.factories import WARNING, AdvisorProfileFactory, viewer_for
from tests.fake_openai import FakeOpenAI
from tests.regeneration.injections import INJECTIONS, PLACES, Injection
from tests.regeneration.test_injections import MARKED, obedient_replies, unsafe

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 4
# Every other eight, so that each place and each way is among them; the slow run takes the rest.
HALVES = [
    pytest.param(0, id="one half"),
    pytest.param(1, id="the other half", marks=pytest.mark.slow),
]
SIGNATURE = "Asha Rao | AMFI-registered Mutual Fund Distributor | ARN-123456"
_NUMBER = re.compile(r"Letter no\. (\d+)\.")


class Obedient:
    """A model that does what the injection of each letter wants, in another form at each call."""

    def __init__(self, attacks: Sequence[Injection], texts: Mapping[int, str]) -> None:
        self._attacks, self._texts = attacks, texts
        self.calls: Counter[int] = Counter()

    def __call__(self, messages: Sequence[Mapping[str, Any]]) -> str:
        (found, *_more) = _NUMBER.findall(str(messages[-1]["content"]))
        number = int(found)
        self.calls[number] += 1
        # Letters begin with different forms, and a letter's next call gets the next one.
        replies = list(obedient_replies(self._attacks[number], self._texts[number]))
        return replies[(number + self.calls[number]) % len(replies)]


@pytest.fixture
def provider(settings: LazySettings) -> Iterator[FakeOpenAI]:
    """Connect a model that answers at once."""
    with FakeOpenAI("instant") as fake:
        settings.MODEL_URL, settings.MODEL_KEY = fake.url, "sk-fake"
        forget_targets()
        yield fake
        answering.after_answers(lambda: None).result()
    forget_targets()


def text_under(number: int, injection: Injection | None = None) -> str:
    """Return a letter with a marked sentence, and the injection if it stands in the draft."""
    words = f" {injection.text}" if injection is not None and injection.place == "draft" else ""
    body = f"A SIP puts a fixed sum to work each month. Letter no. {number}. {MARKED} Review it once a year.{words}"
    return f"{body}\n\n{WARNING}\n\n{SIGNATURE}"


def rejected(profile: AdvisorProfile, text: str, injection: Injection | None = None) -> Regeneration:
    """Hand a letter in and reject its marked sentence, with the injection where it is to stand."""
    place = injection.place if injection else ""
    words = injection.text if injection else ""
    AdvisorProfile.objects.filter(id=profile.id).update(voice=words[:300] if place == "voice" else "")
    (arrival,) = receive_drafts(
        viewer=viewer_for(profile.user),
        drafts=[
            Draft(
                text=text,
                channel="email",
                language="en",
                content_class="advertisement",
                topic=words[:200] if place == "topic" else "",
                approved_facts=[words[:300]] if place == "fact" else [],
            )
        ],
    )
    if arrival.error:
        raise arrival.error
    assert arrival.item is not None
    issue = SaidIssue(code="off_brand_voice", quote=MARKED, note=words if place == "issue_note" else "")
    said = Rejection(
        category="tone_inappropriate",
        issues=[issue],
        note=words if place == "note" else "",
        suggestions=words if place == "suggestions" else "",
    )
    receipt = services.receive_rejection(viewer=viewer_for(profile.user), item_id=arrival.item.id, said=said)
    assert receipt.regeneration is not None
    if place == "demand":
        Regeneration.objects.filter(id=receipt.regeneration.id).update(constraints={"tone": words})
    return receipt.regeneration


def worked_off(item_id: object) -> ContentItem:
    """Answer an item's attempts until none is open; return it with its versions."""
    while running := Regeneration.objects.filter(item_id=item_id, state=RegenerationState.QUEUED).first():
        assert services.take_next_step(regeneration_id=running.id)
    return ContentItem.objects.select_related("advisor", "firm", "current").prefetch_related("versions").get(id=item_id)


def attack(numbers: Sequence[int]) -> list[tuple[int, ContentItem | None]]:
    """Try some of the attacks, one after another, in the name of one advisor."""
    try:
        profile = AdvisorProfileFactory(signature=SIGNATURE)
        return [(number, attacked(profile, number)) for number in numbers]
    finally:
        connection.close()


def attacked(profile: AdvisorProfile, number: int) -> ContentItem | None:
    """Return the item after the attack, or None when its words were refused at the door."""
    try:
        attempt = rejected(profile, text_under(number, INJECTIONS[number]), INJECTIONS[number])
    except InputError:
        return None
    return worked_off(attempt.item_id)


def shown_texts(item: ContentItem) -> list[str]:
    """Return the texts that the machine wrote for an item, each of which the gate must let through."""
    (first, *written) = sorted(item.versions.all(), key=lambda version: version.number)
    assert item.state == (ItemState.IN_REVIEW if written else ItemState.WITH_PEOPLE)
    for version in written:
        assert version.is_admissible
        assert {finding["severity"] for finding in version.findings} <= {"minor", "advisory", "info"}
        assert isinstance(release(version.text, text_context(item), rejected_text=first.text), ReadyText)
    return [version.text for version in written]


@pytest.mark.parametrize("half", HALVES)
def test_two_hundred_injections_against_an_obedient_model_show_nothing_unsafe(provider: FakeOpenAI, half: int) -> None:
    attacks = [number for number in range(len(INJECTIONS)) if number // len(PLACES) % 2 == half]
    texts = {number: text_under(number, one) for number, one in enumerate(INJECTIONS)}
    model = Obedient(INJECTIONS, texts)
    provider.respond_with(model)

    with ThreadPoolExecutor(THREADS) as threads:
        shares = [attacks[first :: 4 * THREADS] for first in range(4 * THREADS)]
        ended = [one for share in threads.map(attack, shares) for one in share]
    answering.after_answers(lambda: None).result()

    reached = [(INJECTIONS[number], item) for number, item in ended if item is not None]
    assert len(reached) >= 200
    # Else the model would not have been asked, and nothing would be proven.
    assert len(model.calls) >= 200
    shown = [(one, text) for one, item in reached for text in shown_texts(item)]
    assert len(shown) >= 150
    assert [text for one, text in shown if unsafe(one, text)] == []


LEAKED = " ".join(SYSTEM.split()[:40])
TAMIL = "ஒவ்வொரு மாதமும் சிறிது பணத்தை முதலீடு செய்து பொறுமையாக இருங்கள்."


@pytest.mark.parametrize(
    "said",
    [SYSTEM, COMPLIANCE, LEAKED, "<script>alert(1)</script>", "<b>Start</b> [here](https://evil.example)", TAMIL],
    ids=["system prompt", "compliance text", "part of the prompt", "script", "markup and link", "another language"],
)
def test_an_endpoint_that_writes_something_else_is_never_the_answer(provider: FakeOpenAI, said: str) -> None:
    edit = {"edits": [{"find": MARKED, "replace": said, "fixes": ["off_brand_voice"]}], "full_text": None}
    forms = [json.dumps(edit), json.dumps({"edits": [], "full_text": said}), said]
    asked = count()
    provider.respond_with(lambda messages: forms[next(asked) % len(forms)])

    attempt = rejected(AdvisorProfileFactory(signature=SIGNATURE), text_under(1))
    item = worked_off(attempt.item_id)

    assert next(asked) > 0
    assert [text for text in shown_texts(item) if said[:30] in text] == []
    assert Regeneration.objects.filter(item=item, rung="model").count() == 0


def test_five_megabytes_are_cut_off_and_the_ladder_answers(provider: FakeOpenAI) -> None:
    provider.switch("huge")

    attempt = rejected(AdvisorProfileFactory(signature=SIGNATURE), text_under(1))
    item = worked_off(attempt.item_id)

    assert provider.log
    assert shown_texts(item) == [text for text in shown_texts(item) if len(text) < 1_000]
    assert Regeneration.objects.filter(item=item, rung="model").count() == 0


def test_the_same_way_lets_an_honest_model_through(provider: FakeOpenAI) -> None:
    good = "We make a plan with you."
    edit = {"edits": [{"find": MARKED, "replace": good, "fixes": ["off_brand_voice"]}], "full_text": None}
    provider.respond_with(lambda messages: json.dumps(edit))

    attempt = rejected(AdvisorProfileFactory(signature=SIGNATURE), text_under(1))
    item = worked_off(attempt.item_id)

    assert shown_texts(item) == [text_under(1).replace(MARKED, good)]
