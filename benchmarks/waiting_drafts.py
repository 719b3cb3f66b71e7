"""Make drafts that wait for their rejection, inside a running system: a child of benchmarks.path, in its environment.

Prints one JSON line a draft: the token of its advisor, its content id, and the rejection as the public API takes it.
"""

import json
import sys
from collections.abc import Mapping
from itertools import cycle, islice
from typing import Any

import django

django.setup()

from jarvish_regen.access.models import Scope, Token, User  # noqa: E402  Django must be set up first
from jarvish_regen.access.policy import viewer_of  # noqa: E402
from jarvish_regen.content.demo.loader import demo_drafts, draft_of  # noqa: E402
from jarvish_regen.content.services import receive_drafts  # noqa: E402
from jarvish_regen.ids import to_short  # noqa: E402

_AT_ONCE = 50


def rejectable() -> list[Mapping[str, Any]]:
    """Return the demo drafts whose rejection asks the machine for another text."""
    return [
        draft for draft in demo_drafts() if draft.get("rejection", {}).get("suggested_action") not in (None, "escalate")
    ]


def make(count: int) -> None:
    """Hand in so many copies of the rejectable demo drafts, no two with the same text, and print each."""
    tokens: dict[str, str] = {}
    by_advisor: dict[str, list[dict[str, Any]]] = {}
    for number, entry in enumerate(islice(cycle(rejectable()), count)):
        # In life no two drafts are alike: what is remembered of one text must not help the next.
        copy = {**entry, "external_id": f"path-{number}", "text": f"Draft {number}.\n\n{entry['text']}"}
        by_advisor.setdefault(entry["advisor"], []).append(copy)
    made: dict[str, str] = {}
    for email, copies in by_advisor.items():
        user = User.objects.get(email=email)
        viewer = viewer_of(user)
        assert viewer is not None
        _row, secret = Token.objects.create(
            user, expiry=None, prefix=None, name="bench path", scopes=sorted(Scope.values)
        )
        tokens[email] = str(secret)
        for at in range(0, len(copies), _AT_ONCE):
            some = copies[at : at + _AT_ONCE]
            for copy, arrival in zip(some, receive_drafts(viewer=viewer, drafts=map(draft_of, some)), strict=True):
                assert arrival.item is not None, arrival.error
                made[copy["external_id"]] = to_short("item", arrival.item.id)
    for number, entry in enumerate(islice(cycle(rejectable()), count)):
        said = {name: value for name, value in entry["rejection"].items() if name in _SAID}
        row = {"token": tokens[entry["advisor"]], "content_id": made[f"path-{number}"], "said": said}
        print(json.dumps(row), flush=True)


_SAID = {"category", "severity", "note", "issues", "suggested_action", "suggestions"}

if __name__ == "__main__":
    make(int(sys.argv[1]))
