"""Near in words and opposite in meaning never counts as the same; the same in other words mostly does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from jarvish_regen.language.embedder import Embedder, NgramEmbedder, embedder
from regeneration.cache.gate import say_the_same
from regeneration.cache.meanings import MEANINGS, OPPOSITE_OF
from regeneration.cache.nearby import threshold_of

PAIRS: Final[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("near_opposites.yaml").read_text(encoding="utf-8")
)
OPPOSITES: Final = [(language, *pair) for language, pairs in PAIRS["opposites"].items() for pair in pairs]
SAME: Final = [(language, *pair) for language, pairs in PAIRS["same"].items() for pair in pairs]


def test_the_set_is_large_enough_in_every_language() -> None:
    assert {language: len(pairs) >= 50 for language, pairs in PAIRS["opposites"].items()} == dict.fromkeys(
        ("en", "hi", "mr", "hinglish"), True
    )
    assert len(OPPOSITES) >= 200
    assert len(SAME) >= 100
    assert len(set(OPPOSITES + SAME)) == len(OPPOSITES) + len(SAME)


def test_no_near_opposite_is_taken_for_the_same() -> None:
    assert [pair for pair in OPPOSITES if say_the_same(*pair[1:])] == []
    assert [pair for pair in OPPOSITES if say_the_same(pair[2], pair[1])] == []


@pytest.mark.parametrize("make", [embedder, NgramEmbedder])
def test_most_true_pairs_are_recognised_in_every_language(make: Callable[[], Embedder]) -> None:
    encoder = make()
    found: dict[str, list[bool]] = {}
    for language, one, other in SAME[1::4]:
        vectors = encoder.embed([one, other])
        is_near = float(vectors[0] @ vectors[1]) >= threshold_of(encoder.name)
        found.setdefault(language, []).append(say_the_same(one, other) and is_near)

    assert {language: sum(hits) / len(hits) >= 0.6 for language, hits in found.items()} == dict.fromkeys(found, True)


def test_the_cosine_alone_could_not_do_it() -> None:
    # The reason why there is a gate: opposites are nearer than most that mean the same.
    vectors = embedder().embed([text for _language, *pair in OPPOSITES[::6] for text in pair])
    cosines = sorted(float(vectors[at] @ vectors[at + 1]) for at in range(0, len(vectors), 2))

    assert cosines[len(cosines) // 2] > 0.7


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Return is -8.5%", "Return is 8.5%"),
        ("Keep it under ten lines", "Keep it under 12 lines"),
        ("The bank paid the client", "The client paid the bank"),
        ("Check the figure, then send", "Send, then check the figure"),
        ("Make it formal", "It is formal"),
        ("Name Ramesh", "Name Suresh"),
    ],
)
def test_a_number_a_sign_an_order_or_an_unknown_word_makes_another_request(one: str, other: str) -> None:
    assert not say_the_same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Minimum ₹1,00,000", "minimum one lakh rupees"),
        ("Don’t mention it.", "do not mention"),
        ("No EUIN, tone too pushy", "Tone too pushy; no EUIN"),
    ],
)
def test_spelling_courtesy_and_order_of_clauses_do_not(one: str, other: str) -> None:
    assert say_the_same(one, other)


def test_no_word_means_its_own_opposite() -> None:
    meanings = set(MEANINGS.values())

    assert set(OPPOSITE_OF) <= meanings
    assert [word for word, others in OPPOSITE_OF.items() if word in others] == []


def test_vectors_of_an_unknown_encoder_find_nothing() -> None:
    assert threshold_of("other-model") > 1
    assert 0 < threshold_of(NgramEmbedder().name) < threshold_of(embedder().name) < 1
