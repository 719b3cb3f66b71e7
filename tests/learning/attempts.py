"""Attempts that ended, by the hundred: rows as the engine writes them, of one rejection."""

from datetime import datetime, timedelta
from typing import Any

from regeneration.models import Regeneration
from tests.factories import draft_item, rejected


class Attempts:
    """A rejection to hang attempts on. Each attempt has the next number."""

    def __init__(self) -> None:
        receipt = rejected(draft_item())
        assert receipt.regeneration is not None
        self._like = receipt.regeneration
        self._number = 1

    def row(self, finished_at: datetime, **fields: Any) -> Regeneration:
        """Return an attempt that is not stored yet."""
        self._number += 1
        answer_ms = fields.get("answer_ms", 400)
        told = {
            "state": "answered",
            "urgency": "normal",
            "tactic": "edits",
            "answer_ms": answer_ms,
            "rung": "model",
            "is_valid": True,
            "calls_count": 1,
            "ledger": {"waited_ms": 5, "stages": [{"name": "drafting", "ms": answer_ms and answer_ms - 20.5}]},
        }
        return Regeneration(
            feedback_id=self._like.feedback_id,
            item_id=self._like.item_id,
            version_id=self._like.version_id,
            attempt=self._number,
            finished_at=finished_at,
            stored_at=finished_at - timedelta(milliseconds=answer_ms or 0),
            **{**told, **fields},
        )

    def store(self, *rows: Regeneration) -> list[Regeneration]:
        """Store rows as they are."""
        return Regeneration.objects.bulk_create(rows)

    def ended(self, finished_at: datetime, **fields: Any) -> Regeneration:
        """Store one attempt that ended."""
        return self.store(self.row(finished_at, **fields))[0]
