"""Heads are fitted, judged on writers they have not read, and answer after storing as they did before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feedback.analysis.artefact import load, save
from feedback.analysis.features import Features, sparse_of
from feedback.analysis.heads import TASKS, Heads, categories_from_codes, classes_of, mixed, with_kernel
from learning.training.calibrate import Calibration, calibrate, combined, picks_of, posterior_of
from learning.training.corpus import Message, gold_of, read_messages, targets_of
from learning.training.evaluate import ece, macro_f1, nested, report_of, unread_scores, wilson
from learning.training.fit import Fitted, Material, fit_heads, material_of, softmax_regression
from learning.training.splits import pairs, rows_of, rows_without, writers_of
from learning.training.train import TrainingError, arrays_of, train


@pytest.fixture(scope="module")
def few() -> list[Message]:
    messages = read_messages()
    return [message for writer in ("feedback_1", "feedback_4", "feedback_5") for message in _some(messages, writer)]


def _some(messages: list[Message], writer: str) -> list[Message]:
    return [message for message in messages if message.writer == writer][:120]


@pytest.fixture(scope="module")
def features(few: list[Message]) -> Features:
    # Vectors that tell nothing: what is asked here is the arithmetic, and the encoder takes seconds.
    vectors = np.random.default_rng(3).normal(size=(len(few), 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Features(vectors, sparse_of([message.text for message in few]), "some-encoder")


@pytest.fixture(scope="module")
def material(few: list[Message], features: Features) -> Material:
    return material_of(few, features)


@pytest.fixture(scope="module")
def fitted(few: list[Message], material: Material) -> tuple[Fitted, Calibration]:
    scores = unread_scores(few, material)
    return fit_heads(material, np.arange(len(few)), steps=10), calibrate(few, scores)


def test_the_corpus_has_seven_writers_and_its_ids_are_unique() -> None:
    messages = read_messages()

    assert len(messages) == 3674
    assert writers_of([message.writer for message in messages]) == [f"feedback_{at}" for at in range(1, 8)]
    assert len({message.id for message in messages}) == 3674


def test_left_out_writers_are_left_out() -> None:
    groups = ["a", "b", "a", "c"]

    assert rows_of(groups, "a").tolist() == [0, 2]
    assert rows_without(groups, ["a", "c"]).tolist() == [1]
    assert list(pairs(groups)) == [("a", "b"), ("a", "c"), ("b", "c")]


def test_targets_are_shares(few: list[Message]) -> None:
    for shares in targets_of(few).values():
        assert np.allclose(shares.sum(axis=1), 1.0)


def test_labels_of_the_left_out_writer_change_nothing(few: list[Message], features: Features) -> None:
    first = few[0].writer
    mislabelled = [
        replace(message, sentiment="positive", emotion="satisfied") if message.writer == first else message
        for message in few
    ]
    read = rows_without([message.writer for message in few], [first])

    heads = [fit_heads(material_of(each, features), read, steps=5) for each in (few, mislabelled)]

    assert all(np.array_equal(heads[0].gram[task], heads[1].gram[task]) for task in TASKS)


def test_stored_heads_answer_as_they_did_before(
    few: list[Message], features: Features, material: Material, fitted: tuple[Fitted, Calibration], tmp_path: Path
) -> None:
    heads, settings = fitted
    languages = [message.language for message in few]
    scores = heads.scores(material, np.arange(len(few)))
    before = combined(scores, languages, settings.shares, settings.sharpness[0], settings.kernel_weights)

    save(tmp_path, arrays_of(heads, settings), {"encoder": "some-encoder"})
    model = load(tmp_path, encoder="some-encoder")

    after = model.heads.log_probabilities(features, languages, by_grams=False)
    assert isinstance(model.heads, Heads)
    for task in ("categories", *TASKS[1:]):
        # Eight bits a weight.
        assert np.abs(np.exp(before[task]) - np.exp(after[task])).max() < 0.02


def test_the_kernel_knows_what_it_read_and_says_nothing_at_weight_zero(
    few: list[Message], material: Material, fitted: tuple[Fitted, Calibration]
) -> None:
    everyone = np.arange(len(few))

    dense, gram, kernel = fitted[0].scores(material, everyone)["codes"]

    both = mixed(dense, gram, np.full(len(few), 0.3, np.float32))
    alone = kernel[:, len(classes_of("codes")) :].argmax(axis=1)
    assert gold_of(few)[everyone, alone].mean() > 0.9
    assert np.array_equal(with_kernel("codes", both, kernel, 0.0), categories_from_codes(both))
    assert not np.allclose(with_kernel("codes", both, kernel, 0.4), categories_from_codes(both))
    assert fitted[0].scores(material, everyone)["urgency"][2].shape == (len(few), 0)


def test_labels_of_the_left_out_writer_do_not_reach_the_kernel(few: list[Message], features: Features) -> None:
    first = few[0].writer
    mislabelled = [replace(each, sentiment="positive") if each.writer == first else each for each in few]
    read = rows_without([message.writer for message in few], [first])

    kernels = [fit_heads(material_of(each, features), read, steps=2).kernel for each in (few, mislabelled)]

    assert np.array_equal(kernels[0].gram, kernels[1].gram)
    assert np.array_equal(kernels[0].bias, kernels[1].bias)


def test_a_report_counts_every_message_once(few: list[Message], material: Material) -> None:
    scores = unread_scores(few, material)

    report = report_of(few, nested(few, material, scores))

    assert report["category"]["all"]["count"] == len(few)
    assert sum(row["count"] for row in report["category"]["languages"].values()) == len(few)
    assert int(np.sum(report["category"]["confusion"])) == len(few)
    # The n-grams alone beat chance (one in ten) by far on writers they had not read.
    assert report["category"]["all"]["ngrams_alone"] > 0.3
    assert report["category"]["all"]["with_dropdown"] > report["category"]["all"]["text"]["value"]


def test_regression_finds_what_divides() -> None:
    rows = np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1]], np.float32)
    targets = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]

    found = softmax_regression(rows, targets, np.ones(4, np.float32), 0.01, 50)

    assert ((rows @ found[:-1] + found[-1]).argmax(axis=1) == [0, 1, 0, 1]).all()


def test_picks_are_right_three_times_in_four_and_never_impossible() -> None:
    likely = np.full((20, 10), 0.1, np.float32)
    primary = np.arange(20) % 10

    picks = picks_of(likely, primary)

    assert np.allclose(picks.sum(axis=1), 1.0)
    assert np.allclose(np.diag(picks), 0.75, atol=0.02)
    assert picks.min() > 0.003
    posterior = posterior_of(np.log(likely[:1]), picks, 1.0)
    assert posterior[0].argmax(axis=1).tolist() == list(range(10))


def test_figures_are_what_their_names_say() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)
    assert ece(np.array([0.95, 0.95], np.float32), np.array([True, False])) == pytest.approx(0.45)
    assert macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 3) == pytest.approx(2 / 3)


def test_too_few_writers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="three writers"):
        train(folder=tmp_path, cache=tmp_path, evaluate=False, say=lambda step: None)
