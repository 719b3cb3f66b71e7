"""The fake provider is itself held to what it promises: honest time, stated rates, the same behaviour for a seed."""

from __future__ import annotations

import json
import random
import signal
import statistics
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.fake_openai import EMPTY_REPLY, FakeOpenAI, rejected_text
from tests.fake_profiles import FULL_REPLY_TOKENS, PROFILES, Misbehaviour, Profile, answer_tokens, profile_from, spoil

ROOT = Path(__file__).resolve().parents[2]
REPLY = json.dumps(
    {
        "edits": [
            {"find": "assured returns", "replace": "returns that follow the market", "fixes": "a"},
            {"find": "no risk", "replace": "subject to market risks", "fixes": "b"},
        ],
        "full_text": None,
    }
)


def post(url: str, payload: object, *, timeout: float = 20.0) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(payload).encode(), {"Content-Type": "application/json"})  # noqa: S310  # our own loopback server
    with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310
        answer: dict[str, object] = json.load(response)
    return answer


def draws(profile: str, count: int = 20_000) -> list[Profile]:
    chance = random.Random(7)
    return [PROFILES[profile].one_of(chance) for _ in range(count)]


def full_reply_seconds(drawn: Profile) -> float:
    return drawn.first_token_seconds + FULL_REPLY_TOKENS * drawn.token_seconds


def test_the_heavy_provider_is_as_slow_and_as_faulty_as_it_says() -> None:
    drawn = draws("heavy")

    times = statistics.quantiles([full_reply_seconds(one) for one in drawn], n=100)
    failed = sum(one.does is not Misbehaviour.NONE for one in drawn) / len(drawn)

    assert times[49] == pytest.approx(0.6, rel=0.05)
    assert times[98] == pytest.approx(4.0, rel=0.15)
    assert failed == pytest.approx(0.03, abs=0.005)
    assert {one.does for one in drawn} == {Misbehaviour.NONE, *PROFILES["heavy"].failures}


def test_a_fifth_of_the_tokens_is_charged_a_fifth_of_the_writing() -> None:
    one = draws("heavy", 1)[0]

    short = one.first_token_seconds + FULL_REPLY_TOKENS / 5 * one.token_seconds

    assert short == pytest.approx(full_reply_seconds(one) * (0.4 + 0.6 / 5))


def test_the_same_seed_behaves_the_same() -> None:
    assert [one.does for one in draws("heavy", 500)] == [one.does for one in draws("heavy", 500)]


@pytest.mark.parametrize("text", ["", " ", "Hello  world\n", "निवेश बाज़ार जोखिमों के अधीन है।", "a" * 99])
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(answer_tokens(text)) == text


def test_faults_come_at_their_rates() -> None:
    chance = random.Random(3)
    rates = {"wrong": 0.1, "partial": 0.1, "forbidden": 0.1, "unanchored": 0.1}

    spoilt = sum(spoil(REPLY, rates, chance) != REPLY for _ in range(5000)) / 5000

    assert spoilt == pytest.approx(0.4, abs=0.03)


def test_each_fault_spoils_in_its_own_way() -> None:
    replies = {name: json.loads(spoil(REPLY, {name: 1.0}, random.Random(1))) for name in _FAULTS}
    good = json.loads(REPLY)["edits"]

    assert [edit["find"] for edit in replies["wrong"]["edits"]] == [edit["find"] for edit in good]
    assert [edit["replace"] for edit in replies["wrong"]["edits"]] == ["assured returns,", "no risk,"]
    assert len(replies["partial"]["edits"]) == 1
    assert replies["forbidden"]["edits"][0]["replace"].startswith(good[0]["replace"] + " ")
    assert replies["unanchored"]["edits"][0]["find"] not in {edit["find"] for edit in good}


@pytest.mark.parametrize("fault", ["wrong", "partial", "forbidden", "unanchored"])
def test_a_whole_text_is_spoilt_too_and_nonsense_is_left_as_it_is(fault: str) -> None:
    whole = json.dumps({"edits": [], "full_text": "a whole new text"})

    answer = json.loads(spoil(whole, {fault: 1.0}, random.Random(1)))

    assert set(answer) == {"edits", "full_text"}
    assert all(set(edit) == {"find", "replace", "fixes"} for edit in answer["edits"])
    assert (answer["full_text"] != "a whole new text") == (fault != "unanchored")
    assert spoil("no json", {fault: 1.0}, random.Random(1)) == "no json"


def test_it_finds_the_rejected_text() -> None:
    asked = [{"role": "user", "content": 'Here:\n{"text": "the draft", "note": "x"}'}]

    assert rejected_text(asked) == "the draft"
    assert rejected_text([{"role": "user", "content": "only words"}]) == "only words"


def test_it_changes_while_it_runs_and_can_be_refused_and_come_back() -> None:
    with FakeOpenAI(respond=lambda messages: EMPTY_REPLY) as fake:
        completions = f"{fake.url}/chat/completions"
        asked = {"model": "m", "messages": [{"role": "user", "content": "draft"}]}
        assert _content(post(completions, asked)) == EMPTY_REPLY

        assert post(fake.control_url, {"profile": "dead"}) == {"profile": "dead"}
        with pytest.raises(OSError, match="refused"):
            post(completions, asked)

        post(fake.control_url, {"profile": "echo"})
        assert json.loads(_content(post(completions, asked))) == {"edits": [], "full_text": "draft"}
        assert Counter(fake.endings) == {"answered": 1, "echo": 1}


def test_it_runs_as_a_program() -> None:
    arguments = [
        sys.executable,
        "-m",
        "tests.fake_openai",
        "--port",
        "0",
        "--profile",
        "instant",
        "--faults",
        "wrong=1",
    ]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        started = json.loads(program.stdout.readline())
        with urllib.request.urlopen(f"{started['url']}/models", timeout=20) as response:  # noqa: S310
            models = json.load(response)
        program.send_signal(signal.SIGTERM)
        status = program.wait(timeout=20)

    assert models["data"][0]["id"] == "fake-strong"
    assert started["pid"] == program.pid
    assert status == 0


def test_targets_of_one_process_behave_each_in_its_own_way() -> None:
    with FakeOpenAI(["instant", "echo"], respond=lambda messages: EMPTY_REPLY) as fake:
        first, second = (f"{url}/chat/completions" for url in fake.urls)
        asked = {"model": "m", "messages": [{"role": "user", "content": "draft"}]}

        assert _content(post(first, asked)) == EMPTY_REPLY
        assert json.loads(_content(post(second, asked)))["full_text"] == "draft"

        fake.switch("503", target=1)
        with pytest.raises(urllib.error.HTTPError, match="503"):
            post(first, asked)
        assert json.loads(_content(post(second, asked)))["full_text"] == "draft"
        assert [one.target for one in fake.log] == [1, 2, 1, 2]


def test_an_outage_has_a_beginning_and_an_end() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "draft"}]}
    with FakeOpenAI(targets=2, respond=lambda messages: EMPTY_REPLY) as fake:
        fake.out("500", target=2, from_seconds=-1.0, to_seconds=3600.0)
        with pytest.raises(urllib.error.HTTPError, match="500"):
            post(f"{fake.urls[1]}/chat/completions", asked)
        assert _content(post(f"{fake.urls[0]}/chat/completions", asked)) == EMPTY_REPLY

        fake.out("500", target=2, from_seconds=-2.0, to_seconds=-1.0)
        assert _content(post(f"{fake.urls[1]}/chat/completions", asked)) == EMPTY_REPLY


def test_a_refusing_target_among_others_breaks_off_what_it_is_asked() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "draft"}]}
    with FakeOpenAI(["dead", "instant"], respond=lambda messages: EMPTY_REPLY) as fake:
        with pytest.raises(OSError, match=r"closed|reset"):
            post(f"{fake.urls[0]}/chat/completions", asked)
        assert _content(post(f"{fake.urls[1]}/chat/completions", asked)) == EMPTY_REPLY


def test_its_reply_function_and_figures_can_be_named_while_it_runs() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "draft"}]}
    with FakeOpenAI(respond=lambda messages: "before") as fake:
        post(fake.control_url, {"respond": "tests.llm.test_fake_openai:obey", "profile": {"p50_seconds": 0.001}})

        assert _content(post(f"{fake.url}/chat/completions", asked)) == "DRAFT"


@pytest.mark.parametrize(
    "wanted", [{"profile": "no such"}, {"target": 9}, {"nonsense": 1}, {"respond": "os:no_such"}, {"profile": {"x": 1}}]
)
def test_what_the_control_does_not_know_is_refused(wanted: dict[str, object]) -> None:
    with FakeOpenAI() as fake, pytest.raises(urllib.error.HTTPError, match="400"):
        post(fake.control_url, wanted)


def test_a_profile_of_own_figures_starts_from_a_named_one() -> None:
    own = profile_from({"like": "heavy", "p50_seconds": 0.2, "failures": {"hang": 0.5}})

    assert (own.p50_seconds, own.p99_seconds) == (0.2, 4.0)
    assert dict(own.failures) == {Misbehaviour.HANG: 0.5}


def test_who_goes_away_is_seen_to_go() -> None:
    with FakeOpenAI("hang") as fake:
        with pytest.raises(TimeoutError):
            post(f"{fake.url}/chat/completions", {"model": "m", "messages": []}, timeout=0.1)
        while not fake.endings:
            pass

        assert fake.endings == ("closed",)


def obey(messages: Sequence[Mapping[str, object]]) -> str:
    """Reply as the tests above name it."""
    return str(messages[-1]["content"]).upper()


_FAULTS = ("wrong", "partial", "forbidden", "unanchored")


def _content(answer: dict[str, object]) -> str:
    choices = answer["choices"]
    assert isinstance(choices, list)
    return str(choices[0]["message"]["content"])
