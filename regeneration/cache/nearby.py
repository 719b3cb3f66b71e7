"""Find an answer to a request that says the same in other words: by its meanings first, then by its vector.

The key of a request is the hash of its meanings (`gate`), so whatever differs in polarity, number, order or an unknown
word never meets. Who meets must also be near as vectors. Nothing of what was said is kept but hashes and the vector.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np

from jarvish_regen.language.embedder import Embedder, Vectors
from regeneration.cache.gate import meanings_of
from regeneration.cache.keys import CacheScope, constraints_as_plain, digest, meant_key
from regeneration.cache.meanings import SEQUENCE
from regeneration.job import Constraints, FeedbackBrief

# The cosine two notes of one meaning must reach, by encoder. The gate alone reaches precision 1 on the pairs of
# tests/regeneration/near_opposites.yaml, so this is only a second lock. Of the odd pairs that pass the gate 95 in 100
# reach 0.53 (n-grams 0.32) and the smallest is 0.19 (0.09); a lock at 0.53 cost a tenth of the recall, one here none.
# The cache compares n-grams: they lose 2 of the 94 pairs that pass the gate, and take 0.3 ms where the encoder takes
# 25 to 50 of somebody's answer clock.
THRESHOLDS: Final = {"e5-small-4bit": 0.40, "ngrams": 0.15}


def threshold_of(encoder: str) -> float:
    """Return the least cosine for vectors of an encoder; an unknown one finds nothing."""
    return next((least for name, least in THRESHOLDS.items() if encoder.startswith(name)), 2.0)


def meant_keys(scope: CacheScope, text: str, brief: FeedbackBrief, constraints: Constraints) -> tuple[str, ...]:
    """Return the keys under which requests of this meaning meet: by their words in order, and by their clauses.

    ``text`` and ``brief`` are slotted. The second key exists where no word makes the order of clauses count.
    """
    said = meanings_of("\n".join((brief.note, brief.suggestions)))
    plain = {
        "category": brief.category,
        "issues": sorted(
            [issue.code, _row(issue.anchor.quote), issue.anchor.prefix, _row(issue.note)]
            if issue.anchor
            else [issue.code, "", "", _row(issue.note)]
            for issue in brief.issues
        ),
        "constraints": constraints_as_plain(constraints),
        "text": _row(text),
    }
    keys = [meant_key(scope, digest({**plain, "row": list(said.row)}))]
    if not any(meaning in SEQUENCE for meaning in said.row):
        keys.append(meant_key(scope, digest({**plain, "clauses": sorted(map(list, said.clauses))})))
    return tuple(keys)


def said_in(brief: FeedbackBrief) -> str:
    """Return what is compared as a vector: all that the person wrote."""
    return "\n".join(part for part in (brief.note, brief.suggestions, *(issue.note for issue in brief.issues)) if part)


def said_key(scope: CacheScope, brief: FeedbackBrief) -> str:
    """Return a hash of what was said beside the codes, by its meaning: a recipe is for who asks for nothing more."""
    return digest({"scope": scope.tags, "said": list(meanings_of(said_in(brief)).row)})


def packed(vector: Vectors) -> str:
    """Return a vector as text: half precision, base64."""
    return base64.b64encode(vector.astype(np.float16).tobytes()).decode("ascii")


def cosine_to(stored: dict[str, Any], said: str, embedder: Embedder) -> float | None:
    """Return the cosine between what is said and a stored vector of the same encoder; None when they cannot compare."""
    if not said:
        return 1.0 if stored.get("vector") == "" else None
    if stored.get("encoder") != embedder.name or not isinstance(stored.get("vector"), str):
        return None
    try:
        vector = np.frombuffer(base64.b64decode(stored["vector"], validate=True), dtype=np.float16)
    except ValueError:
        return None
    if vector.shape != (embedder.size,):
        return None
    # Half precision: the same words may come out a little longer than one.
    return min(1.0, float(vector.astype(np.float32) @ embedder.embed([said])[0]))


def _row(text: str) -> str:
    return digest(list(meanings_of(text).row))
