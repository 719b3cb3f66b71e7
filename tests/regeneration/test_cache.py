"""Kept answers: whose they are, when they are found, when they are gone, and that nobody's name is in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.cache import caches
from hypothesis import given
from hypothesis import strategies as st

from regeneration.cache import AnswerCache, CacheScope, cache_key, fingerprint
from regeneration.cache.identity import identity_of
from regeneration.cache.lifetimes import seconds_to_keep
from regeneration.cache.tiers import Valkey
from regeneration.job import CandidateText, Constraints, FeedbackBrief, Job, NamedIssue, Situation, Voice
from regeneration.resolution.comparison import edits_between
from regeneration.validate import validate
from tests.regeneration.cases import CONTEXT, job_for, signed

ROOT: Final = Path(__file__).resolve().parents[2]
FIRM: Final = uuid.UUID(int=7)
FAULT: Final = "Hurry, only today: start now or lose out forever!"
BETTER: Final = "You can start in any month that suits you."
OPENING: Final = "A SIP puts a fixed sum to work each month."
NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def scope(**fields: Any) -> CacheScope:
    return CacheScope(
        **{
            "firm_id": FIRM,
            "registrant_type": "MFD",
            "content_class": "advertisement",
            "channel": "whatsapp",
            "language": "en",
            "prompt_version": "7",
            "pack_sha256": "a" * 64,
            "tier": "fast",
            **fields,
        }
    )


def salesy(opening: str = OPENING, **fields: Any) -> Job:
    return replace(job_for(signed(f"{opening} {FAULT}"), ("too_salesy", FAULT), note="Too pushy"), **fields)


def answer_to(job: Job) -> CandidateText:
    return CandidateText("model", job.rejected_text.replace(FAULT, BETTER))


@pytest.fixture
def shared() -> Iterator[None]:
    caches["answers"].clear()
    yield
    caches["answers"].clear()


def a_cache(**fields: Any) -> AnswerCache:
    return AnswerCache(memory_max_bytes=1_000_000, **{"now": lambda: NOW, **fields})


def kept_in(
    cache: AnswerCache, job: Job, where: CacheScope | None = None, candidate: CandidateText | None = None
) -> bool:
    candidate = candidate or answer_to(job)
    return cache.keep(where or scope(), job, candidate, validate(job, candidate))


def test_a_scope_cannot_be_made_without_the_firm() -> None:
    fields = {name: getattr(scope(), name) for name in CacheScope.__slots__}

    with pytest.raises(TypeError):
        CacheScope(**{name: value for name, value in fields.items() if name != "firm_id"})
    for nobody in (None, "", uuid.UUID(int=0)):
        with pytest.raises(ValueError, match="firm"):
            CacheScope(**{**fields, "firm_id": nobody})


@given(
    st.lists(st.tuples(st.sampled_from(["too_salesy", "too_long", "wrong_figure"]), st.text(max_size=20)), max_size=4),
    st.text(max_size=40),
    st.randoms(),
)
def test_the_order_in_which_issues_are_said_changes_no_fingerprint(
    said: list[tuple[str, str]], note: str, random: Any
) -> None:
    issues = [NamedIssue(code, None, word) for code, word in said]
    shuffled = random.sample(issues, len(issues))

    one = fingerprint(FeedbackBrief("tone", "major", note, issues=tuple(issues)), Constraints())
    other = fingerprint(FeedbackBrief("tone", "minor", f" {note}\n", issues=tuple(shuffled)), Constraints())

    assert one == other


@pytest.mark.parametrize(
    ("brief", "constraints"),
    [
        (FeedbackBrief("tone", "major", "not too pushy"), Constraints()),
        (FeedbackBrief("length", "major", "too pushy"), Constraints()),
        (FeedbackBrief("tone", "major", "too pushy", "add a greeting"), Constraints()),
        (FeedbackBrief("tone", "major", "too pushy", issues=(NamedIssue("too_salesy"),)), Constraints()),
        (FeedbackBrief("tone", "major", "too pushy"), Constraints(max_length=100)),
        (FeedbackBrief("tone", "major", "too pushy"), Constraints(exclude_terms=("free",))),
    ],
)
def test_whatever_changes_what_is_asked_changes_the_fingerprint(brief: FeedbackBrief, constraints: Constraints) -> None:
    assert fingerprint(brief, constraints) != fingerprint(FeedbackBrief("tone", "major", "too pushy"), Constraints())


def test_every_part_of_the_scope_changes_the_key() -> None:
    others = [
        scope(**{name: uuid.UUID(int=8) if name == "firm_id" else f"{getattr(scope(), name)}2"})
        for name in CacheScope.__slots__
    ]

    keys = {cache_key(one, "text", "f") for one in [scope(), *others]}

    assert len(keys) == len(CacheScope.__slots__) + 1


_PRINT_KEY: Final = """
import django, uuid
django.setup()
from regeneration.cache import CacheScope, cache_key, fingerprint, recipe_key
from regeneration.job import Constraints, FeedbackBrief, NamedIssue
scope = CacheScope(firm_id=uuid.UUID(int=7), registrant_type="MFD", content_class="advertisement", channel="x",
                   language="hi", prompt_version="7", pack_sha256="p", tier="fast", arm="b")
brief = FeedbackBrief("tone", "major", "बहुत ज़्यादा", issues=(NamedIssue("b"), NamedIssue("a", None, "n")))
constraints = Constraints(exclude_terms=("x", "y"), include_elements=("q",))
print(cache_key(scope, "पाठ", fingerprint(brief, constraints)), recipe_key(scope, "पाठ", "a"))
"""


def test_another_process_with_another_hash_seed_makes_the_same_keys() -> None:

    printed = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_KEY],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "jarvish_regen.settings"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(printed) == 1
    assert "exact:00000000000000000000000000000007:" in printed.pop()


@pytest.mark.usefixtures("shared")
def test_the_same_request_finds_the_answer_and_its_edits() -> None:
    cache = a_cache()
    job = salesy()
    assert kept_in(cache, job)

    (hit,) = cache.look_up(scope(), job)

    assert (hit.kind, hit.candidate.rung, hit.candidate.text) == ("exact", "cache", answer_to(job).text)
    assert validate(job, hit.candidate).is_valid
    assert "".join(edit.new for edit in hit.candidate.edits) != ""


@pytest.mark.usefixtures("shared")
def test_another_process_finds_it_in_valkey() -> None:
    job = salesy()
    kept_in(a_cache(), job)

    (hit,) = a_cache().look_up(scope(), job)

    assert hit.kind == "exact"


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize(
    "where", [{"firm_id": uuid.UUID(int=8)}, {"prompt_version": "8"}, {"arm": "b"}, {"tier": "strong"}]
)
def test_another_firm_prompt_arm_or_tier_never_finds_it(where: dict[str, Any]) -> None:
    cache = a_cache()
    job = salesy()
    kept_in(cache, job)

    assert cache.look_up(scope(**where), job) == ()
    assert cache.look_up(scope(**where), salesy("Another opening.")) == ()


@pytest.mark.usefixtures("shared")
def test_an_answer_that_is_not_valid_is_not_kept() -> None:
    cache = a_cache()
    job = salesy()
    unresolved = CandidateText("model", job.rejected_text.replace("fixed", "set"))

    assert not kept_in(cache, job, candidate=unresolved)
    assert not kept_in(cache, job, candidate=replace(answer_to(job), rung="library"))
    assert cache.look_up(scope(), job) == ()


@pytest.mark.usefixtures("shared")
def test_a_colleague_gets_the_answer_in_the_colleagues_own_name() -> None:
    cache = a_cache()
    kept_in(cache, salesy())
    context = replace(CONTEXT, registrant_name="Meera Joshi", registration_no="ARN-654321")
    voice = Voice(registered_name="Meera Joshi", signature="Meera Joshi | ARN-654321", phone="9876501234")
    text = salesy().rejected_text.replace("Asha Kulkarni", "Meera Joshi").replace("ARN-123456", "ARN-654321")
    job = replace(salesy(), rejected_text=text, context=context, voice=voice)

    (hit,) = cache.look_up(scope(), job)

    assert hit.kind == "exact"
    assert "Meera Joshi | ARN-654321" in hit.candidate.text
    assert "Asha" not in hit.candidate.text
    assert validate(job, hit.candidate).is_valid


@pytest.mark.usefixtures("shared")
def test_the_same_faulty_sentence_in_another_draft_is_mended_as_before() -> None:
    cache = a_cache()
    kept_in(cache, salesy())
    other = salesy("Markets move up and down, so give your money time.", feedback=FeedbackBrief("tone", "minor"))
    other = replace(
        other, feedback=replace(salesy("Markets move up and down, so give your money time.").feedback, note="")
    )

    (hit,) = cache.look_up(scope(), other)

    assert hit.kind == "recipe"
    assert BETTER in hit.candidate.text
    assert FAULT not in hit.candidate.text
    assert validate(other, hit.candidate).is_valid


@pytest.mark.usefixtures("shared")
def test_who_asks_for_something_more_gets_no_recipe() -> None:
    cache = a_cache()
    kept_in(cache, salesy())
    job = salesy("Markets move up and down.")
    asked = replace(job, feedback=replace(job.feedback, note="Too pushy, and mention the exit load"))

    assert [hit.kind for hit in cache.look_up(scope(), job)] == ["recipe"]
    assert cache.look_up(scope(), asked) == ()


@pytest.mark.usefixtures("shared")
def test_a_recipe_is_for_the_fault_it_was_made_for() -> None:
    cache = a_cache()
    kept_in(cache, salesy())
    text = signed(f"Markets move. {FAULT}")

    assert cache.look_up(scope(), job_for(text, ("wrong_audience", FAULT))) == ()


@pytest.mark.usefixtures("shared")
def test_the_same_request_in_other_words_finds_the_answer_and_its_opposite_does_not() -> None:
    cache = a_cache()
    job = salesy()
    kept_in(cache, replace(job, feedback=replace(job.feedback, note="Too salesy, please shorten it")))

    def found(note: str) -> list[str]:
        asked = replace(job, feedback=replace(job.feedback, note=note))
        return [hit.kind for hit in cache.look_up(scope(), asked) if hit.kind != "recipe"]

    assert found("It is too pushy, shorten") == ["similar"]
    assert found("Not too pushy, shorten") == []
    assert found("It is too pushy, lengthen") == []


@pytest.mark.usefixtures("shared")
def test_a_similar_answer_is_moved_over_to_a_draft_that_reads_a_little_different() -> None:
    cache = a_cache()
    job = salesy("Please note that a SIP puts a fixed sum to work each month.")
    answer = answer_to(job)
    kept_in(cache, job, candidate=replace(answer, edits=edits_between(job.rejected_text, answer.text)))
    other = salesy("Kindly note that an SIP puts a fixed sum to work each month!")

    hits = {hit.kind: hit for hit in cache.look_up(scope(), other)}

    assert set(hits) == {"similar", "recipe"}
    assert hits["similar"].similarity == 1.0
    assert "Kindly note that an SIP" in hits["similar"].candidate.text
    assert validate(other, hits["similar"].candidate).is_valid


def test_a_purge_forgets_one_prompt_version_in_both_tiers_and_nothing_else(shared: None) -> None:
    cache, elsewhere = a_cache(), a_cache()
    job = salesy()
    for version in ("7", "8"):
        kept_in(cache, job, scope(prompt_version=version))
    assert elsewhere.look_up(scope(), job) != ()

    counted = cache.purge(prompt_version="7", dry_run=True)
    purged = cache.purge(prompt_version="7")

    assert counted == purged
    assert purged.shared == purged.in_memory > 0
    assert cache.look_up(scope(), job) == ()
    assert cache.look_up(scope(prompt_version="8"), job) != ()


def test_a_purge_reaches_the_memory_of_other_processes(shared: None) -> None:
    time = [0.0]
    elsewhere = a_cache(clock=lambda: time[0])
    job = salesy()
    kept_in(elsewhere, job)
    assert elsewhere.look_up(scope(), job) != ()

    a_cache().purge(firm_id=FIRM)
    time[0] += 1.5

    assert elsewhere.look_up(scope(), job) == ()


class _Dead:
    """The other side of the network, gone."""

    def __getattr__(self, name: str) -> Any:
        raise ConnectionRefusedError(name)


def test_without_valkey_memory_still_answers_and_nothing_raises() -> None:
    time = [0.0]
    valkey = Valkey(cache=_Dead(), clock=lambda: time[0])  # type: ignore[arg-type]
    cache = a_cache(valkey=valkey, clock=lambda: time[0])
    job = salesy()

    assert cache.look_up(scope(), job) == ()
    assert kept_in(cache, job)
    assert [hit.kind for hit in cache.look_up(scope(), job)] == ["exact"]
    assert cache.purge().shared == 0
    assert valkey.failures == 1  # it is left alone after that, so that a hung one costs one time-out and not each


def test_what_somebody_else_wrote_under_a_key_is_a_miss(shared: None) -> None:
    job = salesy()
    writer = a_cache()
    kept_in(writer, job)
    cache = caches["answers"]
    for key in list(cache.iter_keys("*")):  # type: ignore[attr-defined]
        cache.set(key, {"format": 1, "text": 5, "edits": "x", "until": 9e12, "new": 3})

    assert a_cache().look_up(scope(), job) == ()


def test_memory_holds_no_more_bytes_than_it_may() -> None:
    cache = AnswerCache(memory_max_bytes=20_000, valkey=Valkey(cache=_Dead()), now=lambda: NOW)  # type: ignore[arg-type]

    sizes = []
    for number in range(40):
        kept_in(cache, salesy(f"{OPENING} Sentence {'again ' * number} here."))
        sizes.append(cache.size_bytes)

    assert 10_000 < max(sizes) <= 20_000


def test_threads_with_the_same_request_wait_for_the_first(shared: None) -> None:
    cache = a_cache()
    job = salesy()
    began, may_end = threading.Event(), threading.Event()
    led: list[bool] = []

    def first() -> None:
        with cache.one_at_a_time(scope(), job, wait_seconds=5) as leads:
            led.append(leads)
            began.set()
            may_end.wait(10)
            kept_in(cache, job)

    def second() -> None:
        began.wait(10)
        may_end.set()
        with cache.one_at_a_time(scope(), job, wait_seconds=10) as leads:
            led.append(leads or not cache.look_up(scope(), job))

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert led[0] is True
    # The second either waited and found the answer, or came when it was there already.
    assert len(cache.look_up(scope(), job)) == 1


def test_market_news_is_kept_an_hour_and_an_approval_ends_with_its_day() -> None:
    market = salesy("Nifty closed higher today.")
    calm = salesy()
    approved = replace(calm, context=replace(CONTEXT, approval_valid_until=date(2026, 11, 23)))

    assert seconds_to_keep(market, now=NOW) == 3600
    assert seconds_to_keep(calm, now=NOW) == 24 * 3600
    assert seconds_to_keep(approved, now=NOW) == 9.5 * 3600  # 14:30 in India
    assert (
        seconds_to_keep(replace(approved, context=replace(CONTEXT, approval_valid_until=date(2026, 11, 22))), now=NOW)
        == 0
    )


_NAMES: Final = st.sampled_from(["Asha Kulkarni", "रमेश पाटील", "Meera Deshpande", "D'Souza Lobo", "Vikram Rathore"])
_PIECES: Final = st.sampled_from(
    [
        "Call {phone} now.",
        "Dear {client}, your SIP is due.",
        "{CLIENT} asked about it.",
        "Regards, {name}",
        "{first} se baat kijiye",
        "{client}ला कळवा",
        "ARN {digits}",
        "Reach me at {mail}.",
        "PAN ABCPK1234F",
        "plain words stay",
    ]
)


@given(_NAMES, _NAMES, st.lists(_PIECES, min_size=1, max_size=6), st.lists(_PIECES, max_size=3))
def test_no_stored_byte_names_the_advisor_or_a_client(
    name: str, client: str, pieces: list[str], more: list[str]
) -> None:
    values = {
        "name": name,
        "first": name.split()[0],
        "client": client,
        "CLIENT": client.upper(),
        "phone": "+91 98201 12345",
        "digits": "123456",
        "mail": "someone@people.example",
    }
    text = signed(f"{OPENING} {' '.join(pieces).format(**values)} {FAULT}").replace("Asha Kulkarni", name)
    job = replace(
        job_for(text, ("too_salesy", FAULT), note=" ".join(more).format(**values)),
        context=replace(CONTEXT, registrant_name=name),
        voice=Voice(registered_name=name, signature=f"{name} | ARN-123456", phone="9820112345"),
        situation=Situation(client_names=(client,)),
    )
    identity = identity_of(job)
    stored = json.dumps([identity.slotted(text), identity.slotted(job.feedback.note)], ensure_ascii=False).casefold()

    for secret in (*name.split(), *client.split(), "98201", "123456", "someone@", "abcpk1234f"):
        assert secret.casefold() not in stored
    slotted = identity.slotted(text)
    assert slotted is None or identity.put_in(slotted) == text
