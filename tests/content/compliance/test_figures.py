"""Figures on labelled texts."""

import json

from jarvish_regen.content.compliance.batch import check_lines
from jarvish_regen.content.compliance.figures import Share
from tests.content.compliance.helpers import MF_WARNING


def test_labels_beside_the_texts_become_recall_and_false_alarms() -> None:
    base = {"channel": "whatsapp", "registrant": "MFD", "registration_no": "ARN-104233"}
    rows = [
        base | {"id": 1, "language": "en", "text": f"Guaranteed 20% returns! ARN-104233 {MF_WARNING}",
                "compliant": False, "violations": [{"code": "guaranteed_returns_claim"}]},
        base | {"id": 2, "language": "hi", "text": "दीपावली की शुभकामनाएँ। ARN-104233",
                "compliant": True, "violations": []},
        base | {"id": 3, "language": "en", "text": "No label here. ARN-104233"},
    ]  # fmt: skip

    summary = check_lines([json.dumps(row) for row in rows], lambda line: None)

    assert summary.bad_lines == ()
    assert summary.figures is not None
    assert summary.figures["recall"] == {"hits": 1, "total": 1, "share": 1.0, "interval": [0.207, 1.0]}
    assert summary.figures["false_alarms"]["hits"] == 0  # type: ignore[index]
    assert set(summary.figures["recall_by_code"]) == {"guaranteed_returns_claim"}  # type: ignore[call-overload]


def test_share_of_nothing_has_no_figure() -> None:
    assert (Share(0, 0).share, Share(0, 0).interval) == (None, None)
