"""The shipped model is small, says what it is, and is refused where it does not belong."""

import json
import shutil
from pathlib import Path

import pytest

from feedback.analysis.artefact import CARD, FOLDER, WEIGHTS, ArtefactError, load, shipped
from jarvish_regen.language.embedder import NgramEmbedder, embedder
from learning.training.corpus import hash_of, read_messages


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in (WEIGHTS, CARD):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps(card | changes), encoding="utf-8")


def test_the_shipped_model_is_at_most_five_megabytes_and_has_issue_heads() -> None:
    assert sum((FOLDER / name).stat().st_size for name in (WEIGHTS, CARD)) <= 5_000_000
    assert shipped(embedder().name).issues is not None


def test_the_shipped_model_was_trained_on_the_corpus_as_it_is() -> None:
    assert shipped(embedder().name).card["data_hash"] == hash_of(read_messages())


def test_another_encoder_is_refused_but_not_the_stand_in(copied: Path) -> None:
    with pytest.raises(ArtefactError, match="not of e5-large; run train_analysis"):
        load(copied, encoder="e5-large")

    assert load(copied, encoder=NgramEmbedder.name).encoder == embedder().name


@pytest.mark.parametrize(
    ("field", "named"), [("schema_hash", "labels"), ("features_hash", "n-grams"), ("format", "format")]
)
def test_a_model_of_other_labels_or_ngrams_is_refused(copied: Path, field: str, named: str) -> None:
    edit(copied, **{field: "other"})

    with pytest.raises(ArtefactError, match=f"of other {named}: other"):
        load(copied, encoder=embedder().name)


def test_weights_that_are_not_those_of_the_card_are_refused(copied: Path) -> None:
    path = copied / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    with pytest.raises(ArtefactError, match="of other weights"):
        load(copied, encoder=embedder().name)


def test_a_missing_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="cannot be read"):
        load(tmp_path, encoder=embedder().name)
