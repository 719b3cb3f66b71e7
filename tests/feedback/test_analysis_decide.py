"""Messages get categories with words from the message, a pick is weighed, a question is asked when unsure."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from feedback.analysis import analyse, analyse_many
from feedback.analysis.artefact import shipped
from feedback.analysis.decide import _alone
from feedback.analysis.features import Features, features_of
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.embedder import NgramEmbedder, embedder

CLEAR = [
    ("the mutual fund risk disclaimer is missing at the end", "compliance_violation", "en"),
    ("बहुत लंबा है, कोई नहीं पढ़ेगा", "length_issue", "hi"),
    ("खूप लांब झालंय, कोणी वाचणार नाही", "length_issue", "mr"),
    ("yaar itna lamba message kaun padhega, chhota karo", "length_issue", "hinglish"),
]


@pytest.mark.parametrize(("text", "category", "language"), CLEAR)
def test_a_clear_message_gets_its_category_in_each_language(text: str, category: str, language: str) -> None:
    found = analyse(text)

    assert (found.primary_category, found.language) == (category, language)


@pytest.mark.parametrize("text", [*(text for text, _, _ in CLEAR), "", "  ", "😀", "\ud800", "\x00", "ok " * 3_000])
def test_an_analysis_is_whole_whatever_the_text(text: str) -> None:
    found = analyse(text, draft="Invest now. Returns are guaranteed.")

    known = taxonomy()
    assert found.primary_category == found.categories[0].code
    assert all(left.probability >= right.probability for left, right in pairwise(found.categories))
    assert sum(each.probability for each in found.categories) <= 1.0001
    assert all(text[said.start : said.end] == said.span != "" for each in found.categories for said in each.evidence)
    assert all(text[issue.start : issue.end] == issue.span for issue in found.issues)
    assert found.sentiment in known.sentiments
    assert found.emotion in known.emotions
    assert found.urgency in known.urgencies
    assert -1 <= found.sentiment_score <= 1
    assert 0 <= found.actionability <= 1
    assert (found.question is None) == found.confident


def test_a_message_without_a_word_is_never_sure() -> None:
    assert [analyse(text).confident for text in ("", "  ", "\u200b")] == [False, False, False]


def test_evidence_names_the_words_that_speak_for_the_category() -> None:
    found = analyse("the disclaimer is missing, add it")

    assert "disclaimer" in " ".join(said.span for said in found.categories[0].evidence)


def test_a_pick_tips_a_vague_message_but_does_not_overrule_a_clear_one() -> None:
    vague = "this does not work for me"
    clear = CLEAR[0][0]

    assert {pick: analyse(vague, category=pick).primary_category for pick in ("length_issue", "brand_violation")} == {
        "length_issue": "length_issue",
        "brand_violation": "brand_violation",
    }
    assert analyse(clear, category="length_issue").primary_category == "compliance_violation"


def test_an_unsure_answer_asks_between_its_first_two() -> None:
    found = analyse("not happy with this one")

    assert not found.confident
    assert found.question is not None
    assert found.question[0] == found.primary_category
    assert found.question[1] != found.primary_category


def test_an_unknown_pick_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown category 'grammar'"):
        analyse("x", category="grammar")


def test_a_batch_gives_what_each_message_gives_alone() -> None:
    texts = [text for text, _, _ in CLEAR]

    together = analyse_many(texts)

    alone = [analyse(text) for text in texts]
    assert [each.primary_category for each in together] == [each.primary_category for each in alone]
    assert np.allclose([e.sentiment_score for e in together], [e.sentiment_score for e in alone], atol=1e-3)
    assert analyse_many([]) == []


def test_ngrams_answer_alone_where_the_encoder_does_not_load() -> None:
    model = shipped(embedder().name)
    full = features_of([text for text, _, _ in CLEAR])
    texts = [text for text, _, _ in CLEAR]
    stood_in = Features(NgramEmbedder().embed(texts), full.sparse, NgramEmbedder.name)

    found = model.heads.log_probabilities(stood_in, ["en", "hi", "mr", "hinglish"], by_grams=True)
    without = model.heads.log_probabilities(_alone(full, 0), ["en"], by_grams=True)

    codes = list(taxonomy().categories)
    assert [codes[at] for at in found["categories"].argmax(axis=1)] == [category for _, category, _ in CLEAR]
    assert np.allclose(found["categories"][0], without["categories"][0])


def test_answering_loads_neither_scikit_learn_nor_scipy() -> None:
    code = (
        "import sys; from feedback.analysis import analyse; analyse('too long'); "
        "print([name for name in ('sklearn', 'scipy', 'learning') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PATH": ""})

    assert run.stdout.strip() == "[]"
