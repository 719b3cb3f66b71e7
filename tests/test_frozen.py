"""A query's SQL is written once, and its rows are those of the query as it would be written anew."""

import uuid

import pytest
from django.db.models import QuerySet

from jarvish_regen.access.models import Membership
from jarvish_regen.frozen import Frozen
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db


def test_each_call_gets_the_rows_of_its_own_values_and_the_builder_runs_once() -> None:
    one, other = MembershipFactory(), MembershipFactory()
    built: list[uuid.UUID] = []

    def of(*, user_id: uuid.UUID, role: str) -> "QuerySet[Membership]":
        built.append(user_id)
        return Membership.objects.filter(user_id=user_id, role=role).select_related("firm")

    frozen = Frozen()
    found = [
        [(row.user_id, row.firm.name) for row in frozen.rows("member", of, user_id=user_id, role=role)]
        for user_id, role in [
            (one.user_id, one.role),
            (other.user_id, other.role),
            (one.user_id, "advisor"),
            (uuid.uuid4(), one.role),
        ]
    ]

    assert found == [[(one.user_id, one.firm.name)], [(other.user_id, other.firm.name)], [], []]
    assert len(built) == 1
    assert built[0] not in (one.user_id, other.user_id)


def test_another_shape_has_sql_of_its_own() -> None:
    member = MembershipFactory()
    frozen = Frozen()

    def of(*, user_id: uuid.UUID) -> "QuerySet[Membership]":
        return Membership.objects.filter(user_id=user_id)

    def none_of(*, user_id: uuid.UUID) -> "QuerySet[Membership]":
        return Membership.objects.filter(user_id=user_id, role="nobody")

    assert len(frozen.rows("of", of, user_id=member.user_id)) == 1
    assert len(frozen.rows("none", none_of, user_id=member.user_id)) == 0


def test_a_value_that_the_query_does_not_ask_for_is_a_mistake() -> None:
    def all_of(*, user_id: uuid.UUID) -> "QuerySet[Membership]":
        return Membership.objects.all()

    with pytest.raises(ValueError, match="stand-in"):
        Frozen().rows("all", all_of, user_id=uuid.uuid4())
