"""One prompt: the messages to send, the call to make and the way back from the reply to the text's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jarvish_regen.language.masking import unmask
from jarvish_regen.llm.base import Request, StructuredOutput
from regeneration.edits import REPLY_SCHEMAS, ProposedEdit, Reply, ReplyForeignError, ReplyKind, is_complete_reply
from regeneration.prompts.guard import foreign_in

JSON_SCHEMAS: Mapping[ReplyKind, Mapping[str, object]] = {
    kind: {"name": kind, "strict": True, "schema": schema} for kind, schema in REPLY_SCHEMAS.items()
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """Hold the messages of one call and the map that puts personal data back into its reply; keep it in memory only.

    ``reply`` is what the task asks for; ``version`` is that of its layers; ``sources`` is all that was sent of the
    request, masked, and ``masked_text`` the rejected text of it.
    """

    messages: tuple[Mapping[str, str], ...] = field(repr=False)
    mapping: Mapping[str, str] = field(repr=False)
    max_output_tokens: int = 700
    reply: ReplyKind = "edits"
    version: str = ""
    sources: str = field(default="", repr=False)
    masked_text: str = field(default="", repr=False)

    def request(self, structured: StructuredOutput = "json_schema") -> Request:
        """Return the call to make; the stream ends once the JSON object has closed.

        ``structured`` is the most the caller wants; a target that can do less is asked for less.
        """
        return Request(
            messages=self.messages,
            max_output_tokens=self.max_output_tokens,
            response_format="text" if structured == "none" else "json",
            json_schema=JSON_SCHEMAS[self.reply] if structured == "json_schema" else None,
            stop_when=is_complete_reply,
        )

    def unmasked(self, reply: Reply) -> Reply:
        """Return ``reply`` with personal data back in place of its stand-ins.

        Edits whose new words hold what the data never held (a stand-in invented or mangled, a link, markup, hidden
        signs) are left out and counted in ``left_out``. Raises ``ReplyForeignError`` when nothing is left.
        """
        foreign: list[str] = []
        edits: list[ProposedEdit] = []
        for edit in reply.edits:
            what = self._foreign(edit.replace)
            if what:
                foreign.append(what)
            else:
                find, replace = unmask(edit.find, self.mapping), unmask(edit.replace, self.mapping)
                edits.append(ProposedEdit(find, replace, edit.fixes))
        full_text = reply.full_text
        if full_text is not None:
            what = self._foreign(full_text)
            if what:
                foreign.append(what)
            full_text = None if what else unmask(full_text, self.mapping)
        if foreign and not edits and full_text is None:
            raise ReplyForeignError(f"it brings {foreign[0]}")
        return Reply(edits=tuple(edits), full_text=full_text, left_out=len(foreign))

    def _foreign(self, new: str) -> str:
        return foreign_in(new, sources=self.sources, masked_text=self.masked_text)
