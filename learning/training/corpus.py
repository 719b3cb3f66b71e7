"""The corpus as numbers: messages with their labels, vectors kept between runs, targets of every head."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.features import Features, sparse_of
from feedback.analysis.heads import TASKS, classes_of
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.embedder import embedder, shortened
from learning.training.labels import CORPUS, mended

logger = logging.getLogger(__name__)

Numbers = npt.NDArray[np.float32]

# What a message's further categories weigh against its primary one.
SECONDARY: Final = 0.25
_BATCH: Final = 64


@dataclass(frozen=True)
class Said:
    """One fault a message names: its code and the words of the message that show it."""

    code: str
    span: str


@dataclass(frozen=True)
class Message:
    """One labelled message; ``writer`` is the stem of its file."""

    id: str
    text: str
    writer: str
    language: str
    primary_category: str
    categories: tuple[str, ...]
    issues: tuple[Said, ...]
    sentiment: str
    emotion: str
    urgency: str


def read_messages(folder: Path = CORPUS) -> list[Message]:
    """Return the messages of all writers with their mended labels. Raises LabelError for labels that do not fit."""
    messages: list[Message] = []
    for path in sorted(folder.glob("feedback_*.jsonl")):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        messages += [_message(record, path.stem) for record in mended(records)]
    return messages


def _message(record: dict[str, Any], writer: str) -> Message:
    return Message(
        id=record["id"],
        text=record["text"],
        writer=writer,
        language=record["language"],
        primary_category=record["primary_category"],
        categories=tuple(record["categories"]),
        issues=tuple(Said(issue["code"], issue["span"]) for issue in record["issues"]),
        sentiment=record["sentiment"],
        emotion=record["emotion"],
        urgency=record["urgency"],
    )


def hash_of(messages: Sequence[Message]) -> str:
    """Return a hash of all texts and labels: the data a model was trained on."""
    lines = "\n".join(repr(message) for message in messages)
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def features_with_cache(
    texts: Sequence[str], folder: Path, progress: Callable[[int, int], None] | None = None
) -> Features:
    """Return the features of texts, with the encoder's vectors kept in ``folder`` by encoder name and normal form.

    Without the cache an idle core takes some 50 ms a message. ``progress`` is told (done, all).
    """
    encoder = embedder()
    path = folder / f"vectors-{encoder.name}.npz"
    kept: dict[str, Numbers] = {}
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            kept = dict(zip((said.decode() for said in stored["texts"]), stored["vectors"], strict=True))
    keys = [shortened(text) for text in texts]
    # Messages of one length share a batch, or the longest sets the price of all.
    missing = sorted({key for key in keys if key not in kept}, key=len)
    for at in range(0, len(missing), _BATCH):
        batch = missing[at : at + _BATCH]
        kept.update(zip(batch, encoder.embed(batch), strict=True))
        if progress:
            progress(at + len(batch), len(missing))
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(".new.npz")
        np.savez(written, texts=np.array([key.encode() for key in kept]), vectors=np.stack(list(kept.values())))
        written.replace(path)
    return Features(np.stack([kept[key] for key in keys]), sparse_of(texts), encoder.name)


def gold_of(messages: Sequence[Message]) -> npt.NDArray[np.bool_]:
    """Return which categories each message names: (n, 10)."""
    at = {code: index for index, code in enumerate(taxonomy().categories)}
    gold = np.zeros((len(messages), len(at)), np.bool_)
    for row, message in enumerate(messages):
        gold[row, [at[code] for code in message.categories]] = True
    return gold


def primary_of(messages: Sequence[Message]) -> npt.NDArray[np.int64]:
    """Return the index of each message's primary category."""
    at = {code: index for index, code in enumerate(taxonomy().categories)}
    return np.array([at[message.primary_category] for message in messages], np.int64)


def targets_of(messages: Sequence[Message]) -> dict[str, Numbers]:
    """Return for each task the share of every class in every message, rows summing to one.

    Codes stand in for categories: ten categories are bundles of 43 faults that share no words, and a linear head
    over the faults, summed, is right 2.5 points more often on unread writers than one over the bundles.
    """
    found = {"codes": np.stack([_codes(message) for message in messages])}
    for task in TASKS[1:]:
        known = classes_of(task)
        found[task] = np.eye(len(known), dtype=np.float32)[[known.index(getattr(each, task)) for each in messages]]
    return found


def _codes(message: Message) -> Numbers:
    issues = taxonomy().issues
    at = {code: index for index, code in enumerate(classes_of("codes"))}
    further = [category for category in message.categories if category != message.primary_category]
    shares = {message.primary_category: 1 - SECONDARY if further else 1.0}
    shares |= {category: SECONDARY / len(further) for category in further}
    row = np.zeros(len(at), np.float32)
    for category, share in shares.items():
        named = [each.code for each in message.issues if issues[each.code].category == category]
        codes = named or [code for code in at if issues[code].category == category]
        for code in codes:
            row[at[code]] += share / len(codes)
    return row
