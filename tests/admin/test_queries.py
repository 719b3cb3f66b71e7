"""Lists and pages of the desk ask the database a bounded number of times, however many rows there are."""

from typing import Final

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.world import client_of, firm_world, house_keys, list_address, person

pytestmark = pytest.mark.django_db

LIST_MAX: Final = 12
PAGE_MAX: Final = 16


def test_no_list_asks_more_often_with_more_rows() -> None:
    own = firm_world("Own")
    house_keys()
    client = client_of(person("superuser", own.firm))
    labels = [model._meta.label_lower for model in admin.site._registry]

    def counted() -> dict[str, int]:
        counts = {}
        for label in labels:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(list_address(label)).status_code == 200
            counts[label] = len(queries)
        return counts

    counted()  # content types are looked up once a process
    few = counted()
    for name in ("B", "C"):
        firm_world(name)
    many = counted()

    assert {label: (few[label], many[label]) for label in few if many[label] > few[label]} == {}
    assert {label: count for label, count in many.items() if count > LIST_MAX} == {}


def test_no_page_asks_more_than_a_few_times() -> None:
    own = firm_world("Own")
    keys = own.keys | house_keys()
    client = client_of(person("superuser", own.firm))
    counts = {}

    for label, key in keys.items():
        address = reverse(f"admin:{label.replace('.', '_')}_change", args=[key])
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        counts[label] = len(queries)

    assert {label: count for label, count in counts.items() if count > PAGE_MAX} == {}
