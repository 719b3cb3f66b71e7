"""Approved texts on the same subject: whose they are, in whose name they come back, and how they are looked up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jarvish_regen.content import services as content
from jarvish_regen.content.models import AdvisorProfile, ContentItem
from jarvish_regen.journal.models import Outbox
from jarvish_regen.language.embedder import NgramEmbedder
from regeneration.models import Regeneration, SimilarityAudit, TextVector
from regeneration.similar import (
    audit_hits,
    cache_figures,
    forget_vectors,
    make_vector,
    note_hit,
    similar_approved,
)
from regeneration.similar.approved import SQL, arguments
from regeneration.similar.vectors import job_for_text
from tests.factories import (
    FLAWLESS_TEXT,
    AdvisorProfileFactory,
    FirmFactory,
    UserFactory,
    draft_item,
    rejected,
    viewer_for,
)

pytestmark = pytest.mark.django_db

ENCODER: Final = NgramEmbedder()


def approved(profile: AdvisorProfile, text: str = FLAWLESS_TEXT) -> ContentItem:
    item = draft_item(profile, text=text)
    assert item.current is not None
    make_vector(version_id=item.current.id, is_approved=True, encoder=ENCODER)
    return item


def found_for(item: ContentItem, **fields: Any) -> list[str]:
    assert item.current is not None
    make_vector(version_id=item.current.id, encoder=ENCODER)
    item.current.item = item
    job = job_for_text(item.current)
    job = replace(job, context=replace(job.context, content_class=item.current.content_class))
    values = {"firm_id": item.firm_id, "advisor_id": item.advisor_id, "version_id": item.current.id, **fields}
    return [one.text for one in similar_approved(job, encoder=ENCODER, **values)]


def test_an_approved_text_of_the_advisor_is_found_by_one_statement() -> None:
    profile = AdvisorProfileFactory()
    approved(profile)
    item = draft_item(profile, text=FLAWLESS_TEXT.replace("how it works.", "how it works!"))
    make_vector(version_id=item.current.id, encoder=ENCODER)  # type: ignore[union-attr]

    with CaptureQueriesContext(connection) as queries:
        texts = found_for(item)

    assert texts == [FLAWLESS_TEXT]
    assert len([one for one in queries if "own AS MATERIALIZED" in one["sql"]]) == 1


def test_another_firm_never_finds_it_whatever_the_nearness() -> None:
    approved(AdvisorProfileFactory())
    stranger = draft_item(AdvisorProfileFactory(firm=FirmFactory()), text=FLAWLESS_TEXT)

    assert found_for(stranger) == []


def test_a_colleague_finds_published_texts_only_and_in_the_colleagues_name() -> None:
    profile = AdvisorProfileFactory()
    item = approved(profile)
    colleague = AdvisorProfileFactory(
        firm=profile.firm,
        user=UserFactory(full_name="Meera Joshi"),
        registered_name="Meera Joshi",
        arn="ARN-654321",
        euin="",
    )
    text = FLAWLESS_TEXT.replace("Asha Rao", "Meera Joshi").replace("ARN-123456", "ARN-654321")
    other = draft_item(colleague, text=text.replace("how it works.", "how it works!"))

    assert found_for(other) == []
    TextVector.objects.filter(version=item.current).update(is_published=True)
    assert found_for(other) == [text]


def test_what_is_not_approved_or_of_another_encoder_or_withdrawn_is_not_found() -> None:
    profile = AdvisorProfileFactory()
    item = approved(profile)
    other = draft_item(profile, text=FLAWLESS_TEXT.replace("how it works.", "how it works!"))
    vectors = TextVector.objects.filter(version=item.current)

    vectors.update(is_approved=False)
    assert found_for(other) == []
    vectors.update(is_approved=True, encoder="another")
    assert found_for(other) == []
    vectors.update(encoder=ENCODER.name)
    assert found_for(other) == [FLAWLESS_TEXT]
    assert forget_vectors(item_id=item.id) == 1
    assert found_for(other) == []


def test_a_text_on_another_subject_is_not_found() -> None:
    profile = AdvisorProfileFactory()
    approved(profile)
    other = draft_item(
        profile,
        text=FLAWLESS_TEXT.replace(
            "Start an SIP this month and stay with it. Ask me how it works.",
            "Keep your nominee details up to date in every folio, and tell your family where the papers are.",
        ),
    )

    assert found_for(other) == []


def test_a_stored_vector_holds_no_name_and_a_late_arrival_takes_no_approval_away() -> None:
    profile = AdvisorProfileFactory()
    item = approved(profile)
    row = TextVector.objects.get(version=item.current)

    make_vector(version_id=row.version_id, encoder=ENCODER)

    row.refresh_from_db()
    assert row.is_approved
    assert "Asha" not in row.slotted_text
    assert "123456" not in row.slotted_text
    assert "⟦name⟧" in row.slotted_text


def test_arrival_and_approval_owe_a_vector() -> None:
    profile = AdvisorProfileFactory()
    item = draft_item(profile, text=FLAWLESS_TEXT)
    content.approve(viewer=viewer_for(profile.user), item=item)

    owed = [
        row.kwargs for row in Outbox.objects.filter(task="regeneration.make_vector", queue="prepare").order_by("id")
    ]

    assert owed == [
        {"version_id": str(item.current_id)},
        {"version_id": str(item.current_id), "approved": "yes"},
    ]


def test_the_look_up_uses_an_index_at_size() -> None:
    profile = AdvisorProfileFactory()
    item = approved(profile)
    row = TextVector.objects.get(version=item.current)
    firms = [FirmFactory() for _ in range(20)]
    with connection.cursor() as cursor:
        # Twenty thousand vectors; their versions need not be there to be passed over.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DROP INDEX vector_by_meaning")  # filling it is slow, and the statement does not walk it
        cursor.execute(
            """
            INSERT INTO regeneration_textvector (version_id, firm_id, advisor_id, channel, language, content_class,
                                                 encoder, embedding, slotted_text, is_approved, is_published)
            SELECT gen_random_uuid(), (%s::uuid[])[1 + n %% 20], gen_random_uuid(), channel, language, content_class,
                   encoder, embedding, slotted_text, true, true
              FROM regeneration_textvector, generate_series(1, 20000) AS n WHERE version_id = %s
            """,
            [[firm.id for firm in firms], row.version_id],
        )
        cursor.execute("ANALYZE regeneration_textvector")
        item.current.item = item  # type: ignore[union-attr]
        job = job_for_text(item.current)  # type: ignore[arg-type]
        vector = np.asarray(ENCODER.embed([job.rejected_text])[0])
        values = arguments(job, vector, firms[3].id, profile.id, None, ENCODER.name)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {SQL}", values)
        plan = json.dumps(cursor.fetchone()[0])

    assert "Index Scan" in plan
    assert '"Node Type": "Seq Scan"' not in plan


def _answered(**fields: Any) -> Regeneration:
    item = draft_item()
    rejected(item)
    row = Regeneration.objects.get(item=item)
    Regeneration.objects.filter(id=row.id).update(
        **{"answer_id": item.current_id, "cache_kind": "exact", "finished_at": timezone.now(), **fields}
    )
    row.refresh_from_db()
    return row


def test_a_hit_that_was_rejected_again_is_wrong_and_counted() -> None:
    again = _answered()  # its answer is the very version that was rejected
    fresh = draft_item(text=FLAWLESS_TEXT)
    content.approve(viewer=viewer_for(fresh.advisor.user), item=fresh)
    kept = _answered(answer_id=fresh.current_id, cache_kind="similar")
    note_hit(regeneration=kept, kind="similar", similarity=0.8)
    note_hit(regeneration=kept, kind="similar", similarity=0.8)

    assert audit_hits() == {"right": 1, "wrong": 1}
    assert audit_hits() == {"right": 0, "wrong": 0}

    figures = cache_figures(since=timezone.now() - timedelta(hours=1))
    by_kind = {kind.kind: (kind.hits, kind.right, kind.wrong, kind.wrong_rate) for kind in figures.kinds}
    assert by_kind["exact"] == (1, 0, 1, 1.0)
    assert by_kind["similar"] == (1, 1, 0, 0.0)
    assert by_kind["recipe"] == (0, 0, 0, None)
    assert figures.hit_rate == 1.0
    assert SimilarityAudit.objects.get(regeneration=again).verdict == "wrong"
