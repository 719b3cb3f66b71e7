"""Vectors: of one length, the same every time, told apart by their encoder's name."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jarvish_regen.language import embedder as module
from jarvish_regen.language.embedder import Embedder, NgramEmbedder, embedder, load_mean, save_mean
from jarvish_regen.language.romanise import folded, romanised


@pytest.fixture(params=["encoder", "n-grams"])
def either(request: pytest.FixtureRequest) -> Embedder:
    return embedder() if request.param == "encoder" else NgramEmbedder()


def test_a_vector_has_length_one_and_a_text_without_words_none(either: Embedder) -> None:
    vectors = either.embed(["SIP में निवेश करें", "  ", "Remove the second line"])

    assert vectors.shape == (3, either.size)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 1], abs=1e-5)
    assert either.embed([]).shape == (0, either.size)


def test_what_reads_the_same_has_the_same_vector(either: Embedder) -> None:
    one, other = either.embed(["Too  pushy", "too pushy\u200d"])

    assert one @ other == pytest.approx(1, abs=1e-5)


def test_the_encoder_finds_meaning_across_scripts_where_centring_spreads_it() -> None:
    assert embedder().name.startswith(module.ENCODER)  # the wheel loads here; elsewhere n-grams would stand in
    gold, sona, grammar = embedder().embed(["invest in gold", "सोने में निवेश करें", "fix the grammar of line two"])

    assert gold @ sona > 0.3 > gold @ grammar


def test_encoder_and_stand_in_have_names_of_their_own() -> None:
    assert embedder().name != NgramEmbedder().name
    assert max(len(embedder().name), len(NgramEmbedder().name)) <= 40  # TextVector.encoder


def test_a_mean_of_another_encoder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mean.npz"
    save_mean(path, np.zeros(module.SIZE, np.float32), count=1)
    assert load_mean(path).shape == (module.SIZE,)

    np.savez(path, mean=np.zeros(module.SIZE, np.float32), encoder=np.array("other"), count=np.array(1))
    with pytest.raises(ValueError, match="other"):
        load_mean(path)


def test_n_grams_are_the_same_in_another_process() -> None:
    code = (
        "from jarvish_regen.language.embedder import NgramEmbedder as N;"
        "print(N().embed(['बाज़ार badhega'])[0].tobytes().hex())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert printed == NgramEmbedder().embed(["बाज़ार badhega"])[0].tobytes().hex()


@pytest.mark.parametrize(
    ("devanagari", "latin"), [("बाज़ार", "bazaar"), ("बढ़ेगा", "badhega"), ("नहीं", "nahin"), ("गुंतवणूक", "guntavanook")]
)
def test_a_word_looks_alike_in_both_scripts(devanagari: str, latin: str) -> None:
    assert folded(romanised(devanagari)) == folded(latin)
