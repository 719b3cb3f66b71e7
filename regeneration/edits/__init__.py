"""Read a model's reply, anchor its edits in the rejected text, splice them in and prove that nothing else moved.

Positions are code points into the rejected text. docs/engine.md has the format of a reply and the ways of anchoring.
"""

from regeneration.edits.anchoring import AnchoredEdits, RefusalReason, RefusedEdit, anchor_edits
from regeneration.edits.reply import (
    MAX_EDITS,
    REPLY_SCHEMAS,
    ProposedEdit,
    Reply,
    ReplyError,
    ReplyForeignError,
    ReplyKind,
    ReplyNotJSONError,
    ReplyWrongShapeError,
    is_complete_reply,
    parse_reply,
)
from regeneration.edits.scope import WHOLE_TEXT_CATEGORIES, WHOLE_TEXT_CODES, concerns_whole_text
from regeneration.edits.splicing import rest_is_untouched, splice

__all__ = [
    "MAX_EDITS",
    "REPLY_SCHEMAS",
    "WHOLE_TEXT_CATEGORIES",
    "WHOLE_TEXT_CODES",
    "AnchoredEdits",
    "ProposedEdit",
    "RefusalReason",
    "RefusedEdit",
    "Reply",
    "ReplyError",
    "ReplyForeignError",
    "ReplyKind",
    "ReplyNotJSONError",
    "ReplyWrongShapeError",
    "anchor_edits",
    "concerns_whole_text",
    "is_complete_reply",
    "parse_reply",
    "rest_is_untouched",
    "splice",
]
