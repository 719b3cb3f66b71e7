"""From probabilities to an answer: categories with their words, the pick of a person weighed in, or a question.

Where the encoder does not load, vectors of the message mean nothing to the heads; the n-grams answer alone and the
answer is never called sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.artefact import Model, shipped
from feedback.analysis.features import Features, Sparse, features_of, places_by_token, tokens_of
from feedback.analysis.heads import category_of_code, classes_of, columns_of, log_softmax
from feedback.analysis.issues import find_issues
from feedback.analysis.signals import Analysis, Evidence, FoundCategory
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.embedder import embedder
from jarvish_regen.language.identify import Language, identify

Numbers = npt.NDArray[np.float32]

# Words shown for a category, and how strong one must be against the strongest.
MOST_EVIDENCE: Final = 3
LEAST_PART: Final = 0.35
_SCORES: Final = {"negative": -1.0, "neutral": 0.0, "positive": 1.0}


def analyse(text: str, *, category: str | None = None, draft: str | None = None) -> Analysis:
    """Return what a message means. ``category`` is what the person picked, ``draft`` the text it is about.

    Raises ValueError for an unknown category, ArtefactError when the shipped model does not fit.
    """
    return analyse_many([text], categories=[category], drafts=[draft])[0]


def analyse_many(
    texts: Sequence[str],
    *,
    categories: Sequence[str | None] | None = None,
    drafts: Sequence[str | None] | None = None,
    model: Model | None = None,
) -> list[Analysis]:
    """Return what each message means, vectors computed in one batch; ``model`` defaults to the shipped one."""
    picks = list(categories) if categories is not None else [None] * len(texts)
    about = list(drafts) if drafts is not None else [None] * len(texts)
    for pick in picks:
        if pick is not None and pick not in taxonomy().categories:
            raise ValueError(f"unknown category {pick!r}")
    if not texts:
        return []
    used = model or shipped(embedder().name)
    features = features_of(texts)
    languages: list[Language] = [identify(text) for text in texts]
    by_grams = features.encoder != used.encoder
    found = used.heads.log_probabilities(features, languages, by_grams=by_grams)
    return [
        _one(text, _alone(features, at), {task: rows[at] for task, rows in found.items()}, used, language, pick, draft)
        for at, (text, language, pick, draft) in enumerate(zip(texts, languages, picks, about, strict=True))
    ]


def _one(
    text: str,
    features: Features,
    found: dict[str, Numbers],
    model: Model,
    language: Language,
    pick: str | None,
    draft: str | None,
) -> Analysis:
    codes = list(taxonomy().categories)
    likely, least_gap = _with_pick(found["categories"], pick, model)
    order = np.argsort(-likely, kind="stable")
    thresholds = model.deciding.thresholds
    named = [int(at) for at in order if at == order[0] or likely[at] >= thresholds[at]]
    evidence = _evidence(text, features, found["codes"], named, model)
    gap = float(likely[order[0]] - likely[order[1]])
    # A message without a word says nothing, however the heads lean; without the encoder they lean too often.
    confident = gap >= least_gap and features.encoder == model.encoder and bool(tokens_of(text))
    sentiment = np.exp(found["sentiment"])
    emotion = np.exp(found["emotion"])
    classes = classes_of("sentiment")
    return Analysis(
        primary_category=codes[order[0]],
        categories=tuple(FoundCategory(codes[at], float(likely[at]), evidence[at]) for at in named),
        issues=()
        if model.issues is None
        else find_issues(text, heads=model.issues, features=features, category_probabilities=likely, draft=draft or ""),
        sentiment=classes[int(sentiment.argmax())],
        sentiment_score=float(sum(sentiment[at] * _SCORES[each] for at, each in enumerate(classes))),
        emotion=classes_of("emotion")[int(emotion.argmax())],
        urgency=classes_of("urgency")[int(found["urgency"].argmax())],
        actionability=_actionability(sentiment, emotion),
        language=language,
        confident=confident,
        question=None if confident else (codes[order[0]], codes[order[1]]),
        model_version=model.version,
    )


def _with_pick(categories: Numbers, pick: str | None, model: Model) -> tuple[Numbers, float]:
    """Return probabilities, the pick weighed in, and the lead from which they are sure."""
    deciding = model.deciding
    if pick is None:
        return np.exp(categories), deciding.gap
    said = np.log(deciding.picks[:, list(taxonomy().categories).index(pick)])
    scores: Numbers = np.exp(log_softmax(np.float32(deciding.text_power) * categories + said))
    return scores, deciding.gap_with_pick


def _actionability(sentiment: Numbers, emotion: Numbers) -> float:
    """Return how likely the message says what to do: it offers a fix or is a plain instruction.

    Derived, not trained: nobody labelled it. The labelling rules call a writer who offers the fix constructive and
    a plain instruction neutral.
    """
    constructive = float(emotion[classes_of("emotion").index("constructive")])
    confused = float(emotion[classes_of("emotion").index("confused")])
    neutral = float(sentiment[classes_of("sentiment").index("neutral")])
    return 1.0 - (1.0 - constructive) * (1.0 - neutral * (1.0 - confused))


def _evidence(
    text: str, features: Features, codes: Numbers, named: Sequence[int], model: Model
) -> dict[int, tuple[Evidence, ...]]:
    """Return for each named category the words whose n-grams lift it most above the others."""
    tokens = tokens_of(text)
    if not tokens:
        return dict.fromkeys(named, ())
    rows, values = model.heads.gram_values(*features.sparse.row(0))
    gram = model.heads.gram[rows][:, columns_of("codes")].astype(np.float32)
    lifted = gram * model.heads.gram_scale[columns_of("codes")] * values[:, None]
    lifted -= lifted.mean(axis=1, keepdims=True)
    place_of = {int(place): at for at, place in enumerate(model.heads.places[rows])}
    uses = [[place_of[place] for place in places.tolist() if place in place_of] for places in places_by_token(tokens)]
    likely = np.exp(codes)
    found: dict[int, tuple[Evidence, ...]] = {}
    for category in named:
        own = category_of_code() == category
        worth = lifted[:, own] @ (likely[own] / max(float(likely[own].sum()), 1e-9))
        by_token = np.array([float(worth[use].sum()) if use else 0.0 for use in uses])
        for at, token in enumerate(tokens):
            if not text[token.start].isalnum():
                by_token[at] = 0.0
        found[category] = _strongest(text, tokens, by_token)
    return found


def _strongest(text: str, tokens: Sequence[Any], worth: npt.NDArray[np.float64]) -> tuple[Evidence, ...]:
    best = float(worth.max())
    if best <= 0:
        return ()
    order = [int(at) for at in np.argsort(-worth, kind="stable")[:MOST_EVIDENCE] if worth[at] >= LEAST_PART * best]
    runs: list[list[int]] = []
    for at in sorted(order):
        if runs and runs[-1][-1] == at - 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    runs.sort(key=lambda run: -float(worth[run].max()))
    places = [(tokens[run[0]].start, tokens[run[-1]].end) for run in runs]
    return tuple(Evidence(start, end, text[start:end]) for start, end in places)


def _alone(features: Features, at: int) -> Features:
    indices, values = features.sparse.row(at)
    only = Sparse(np.array([0, len(indices)], np.int64), indices, values)
    return Features(features.dense[at : at + 1], only, features.encoder)
