"""Answers made before they are asked for: when a draft arrives, and while a person chooses and types.

Rows of ``PreparedAnswer`` are nudges: whatever becomes of them, a rejection is answered as if there were none.
"""

from regeneration.prepare.asking import SEQUENCE_MAX, ask
from regeneration.prepare.figures import PreparedFigures, prepared_figures, sweep_prepared
from regeneration.prepare.making import make_at_arrival, make_typed

__all__ = [
    "SEQUENCE_MAX",
    "PreparedFigures",
    "ask",
    "make_at_arrival",
    "make_typed",
    "prepared_figures",
    "sweep_prepared",
]
