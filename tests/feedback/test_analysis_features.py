"""Messages as numbers: the same in every process, alike across scripts, tied to places in the raw text."""

import subprocess
import sys

import numpy as np
import pytest

from feedback.analysis import features
from feedback.analysis.features import GRAMS, PLACES, features_of, fingerprint, places_by_token, sparse_of, tokens_of


def shared(left: str, right: str) -> float:
    sparse = sparse_of([left, right])
    first, second = set(sparse.row(0)[0]), set(sparse.row(1)[0])
    return len(first & second) / len(first | second)


def test_tokens_stand_where_they_stand_in_the_raw_text() -> None:
    text = "Yaar ‘guarantee’ kyun?? 50% ग\u200bारंटी {{name}}"

    tokens = tokens_of(text)

    assert [text[token.start : token.end] for token in tokens] == [
        *("Yaar", "‘", "guarantee", "’", "kyun", "??", "50", "%", "ग\u200bारंटी", "{{", "name", "}}"),
    ]
    assert [token.spelling for token in tokens][6:9] == ["00", "%", "garanti"]


def test_one_word_in_both_scripts_shares_most_of_its_ngrams() -> None:
    assert shared("गारंटी", "gaarantee") == 1.0
    assert shared("गारंटी", "garantee") == 1.0
    assert shared("गारंटी", "लंबा") < 0.1


def test_ngrams_never_cross_a_word_but_pairs_do() -> None:
    text = "wrong figure"

    by_token = places_by_token(tokens_of(text))

    assert [int((places < GRAMS).sum()) for places in by_token] == [18, 22]
    assert len(set(by_token[0]) & set(by_token[1]) & set(range(GRAMS, PLACES))) == 1
    assert set(np.concatenate(by_token)) == set(sparse_of([text]).row(0)[0])


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\ud800", "\x00", "😀😀😀", "a" * 50_000])
def test_any_text_has_features(text: str) -> None:
    features = features_of([text, "too long"])

    assert len(features) == 2
    assert features.dense.shape == (2, 384)
    assert features.dense.dtype == np.float32
    assert np.isfinite(features.dense).all()
    assert (np.diff(features.sparse.row(0)[0]) > 0).all()


def test_no_message_gives_no_rows() -> None:
    assert len(features_of([])) == 0


def test_another_process_gives_the_same_features() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from feedback.analysis.features import fingerprint; print(fingerprint())"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ".", "PYTHONHASHSEED": "7", "PATH": ""},
    )

    assert run.stdout.strip() == fingerprint()


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    alone = sparse_of(["font chhota hai"])
    among = sparse_of(["too long", "font chhota hai", ""])

    assert [part.tolist() for part in alone.row(0)] == [part.tolist() for part in among.row(1)]
    assert features.LENGTHS == (2, 3, 4, 5)
