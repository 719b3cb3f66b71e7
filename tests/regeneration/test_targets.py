"""Which models may be asked: the environment's first, then the admin's rows that can be used."""

import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.core.exceptions import ValidationError
from pytest_django import DjangoAssertNumQueries, Settings

from jarvish_regen.llm.loop import EngineLoop
from jarvish_regen.llm.models import ModelTarget
from jarvish_regen.llm.targets import InvalidTargetError, from_json, from_settings
from regeneration.targets import active_targets, forget_targets, pool_for

pytestmark = pytest.mark.django_db

VARIABLE: Final = "JARVISH_VENDOR_KEY"


@pytest.fixture(autouse=True)
def _nothing_known(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.MODEL_URL, settings.MODEL_KEY, settings.MODEL_NAME, settings.MODELS = "", "", "gpt-4o-mini", ""
    monkeypatch.setenv(VARIABLE, "sk-vendor")
    forget_targets()
    yield
    forget_targets()


def _row(**fields: Any) -> ModelTarget:
    given = {"name": "vendor", "base_url": "https://api.vendor.com/v1", "model": "m-1", "key_variable": VARIABLE}
    return ModelTarget(**{**given, **fields})


def _names() -> list[str]:
    forget_targets()
    return [target.name for target in active_targets()]


def test_without_any_model_there_is_nothing_to_ask() -> None:
    assert active_targets() == ()


def test_the_environments_target_may_be_on_this_machine(settings: Settings) -> None:
    settings.MODEL_URL, settings.MODEL_KEY, settings.MODEL_NAME = "http://127.0.0.1:8080/v1/", "k", "local-1"

    (target,) = active_targets()

    assert (target.name, target.base_url, target.model, target.api_key, target.allow_loopback) == (
        "default",
        "http://127.0.0.1:8080/v1",
        "local-1",
        "k",
        True,
    )


def test_the_environments_target_comes_before_the_rows_which_come_by_name(settings: Settings) -> None:
    settings.MODEL_URL = "https://api.first.com/v1"
    for name in ("zeta", "alpha"):
        _row(name=name).save()

    assert _names() == ["default", "alpha", "zeta"]


def test_a_row_takes_its_key_from_the_variable_it_names_and_stores_none() -> None:
    row = _row(tier="strong", max_concurrency=3, price_in_usd_per_mtok="0.150")
    row.save()

    (target,) = active_targets()

    assert (target.api_key, target.tier, target.max_concurrency, target.price_in_usd_per_mtok) == (
        "sk-vendor",
        "strong",
        3,
        0.15,
    )
    assert target.allow_loopback is False
    assert "sk-vendor" not in str(ModelTarget.objects.filter(id=row.id).values().get())


def test_a_row_that_is_switched_off_is_left_out() -> None:
    _row(is_active=False).save()

    assert _names() == []


def test_a_row_whose_key_is_missing_is_left_out_with_a_warning_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("JARVISH_OTHER_KEY", raising=False)
    _row().save()
    _row(name="other", key_variable="JARVISH_OTHER_KEY").save()

    with caplog.at_level(logging.WARNING, "jarvish_regen.llm.active"):
        names = _names()

    assert names == ["vendor"]
    assert [record.getMessage() for record in caplog.records] == ["model key missing"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8080/v1", "https://localhost/v1", "http://[::1]/v1", "https://10.0.0.8/v1"]
)
def test_an_address_inside_our_network_is_refused_by_the_form_and_left_out_if_stored_all_the_same(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = _row(base_url=address)

    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    row.save()

    assert set(caught.value.message_dict) == {"base_url"}
    with caplog.at_level(logging.WARNING, "jarvish_regen.llm.active"):
        assert _names() == []
    assert [record.getMessage() for record in caplog.records] == ["model target unusable"]


@pytest.mark.parametrize("variable", ["PATH", "JARVISH_SECRET", "DATABASE_URL", "jarvish_vendor_key"])
def test_a_row_may_name_no_other_variable_than_a_key_of_ours(variable: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _row(key_variable=variable).full_clean()

    assert set(caught.value.message_dict) == {"key_variable"}


def test_targets_are_read_once_and_again_when_they_are_forgotten(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    assert active_targets() == ()
    _row().save()

    with django_assert_num_queries(0):
        kept = active_targets()
    forget_targets()
    with django_assert_num_queries(1):
        read_again = active_targets()

    assert (kept, [target.name for target in read_again]) == ((), ["vendor"])


def test_the_environment_may_list_several_addresses_with_one_key_or_one_each(settings: Settings) -> None:
    settings.MODEL_URL = "http://127.0.0.1:8001/v1, https://api.second.com/v1"
    settings.MODEL_KEY, settings.MODEL_NAME = "k-1,k-2", "m"

    assert [(target.name, target.api_key, target.model, target.vendor) for target in active_targets()] == [
        ("default", "k-1", "m", "127.0.0.1:8001"),
        ("default-2", "k-2", "m", "api.second.com"),
    ]


def test_as_many_keys_as_addresses_or_one() -> None:
    with pytest.raises(InvalidTargetError):
        from_settings(url="https://a.com/v1,https://b.com/v1,https://c.com/v1", key="k-1,k-2", model="m")


def test_targets_of_a_json_list_carry_all_their_properties() -> None:
    given = """[{"name": "fast", "url": "http://localhost:9/v1", "model": "m", "key_variable": "JARVISH_VENDOR_KEY",
        "vendor": "v", "region": "ap-south-1", "tier": "fast", "structured_output": "json_schema",
        "stall_seconds": 0.4, "max_concurrency": 3}]"""

    (target,) = from_json(given, environment={VARIABLE: "sk-1"})

    assert (target.name, target.api_key, target.vendor, target.region, target.tier) == (
        "fast",
        "sk-1",
        "v",
        "ap-south-1",
        "fast",
    )
    assert (target.structured_output, target.stall_seconds, target.max_concurrency) == ("json_schema", 0.4, 3)


@pytest.mark.parametrize(
    "given",
    [
        "{",
        "{}",
        "[7]",
        '[{"name": "a", "url": "https://a.com/v1"}]',
        '[{"name": "a", "url": "https://a.com/v1", "model": "m", "colour": "red"}]',
        '[{"name": "a", "url": "https://a.com/v1", "model": "m", "max_concurrency": "3"}]',
        '[{"name": "a", "url": "https://a.com/v1", "model": "m", "max_concurrency": true}]',
        '[{"name": "a", "url": "https://a.com/v1", "model": "m", "structured_output": "xml"}]',
        '[{"name": "a", "url": "file:///etc/passwd", "model": "m", "key": "sk-hidden"}]',
    ],
)
def test_a_json_list_that_cannot_be_used_is_refused_without_repeating_a_key(given: str) -> None:
    with pytest.raises(InvalidTargetError) as caught:
        from_json(given, environment={})

    assert "JARVISH_MODELS" in str(caught.value)
    assert "sk-hidden" not in str(caught.value)


def test_targets_of_one_name_are_one_and_the_environments_comes_first(settings: Settings) -> None:
    settings.MODEL_URL = "https://api.first.com/v1"
    _row(name="default").save()

    assert _names() == ["default"]
    assert active_targets()[0].base_url == "https://api.first.com/v1"


def test_a_row_brings_its_vendor_and_what_it_can_be_held_to() -> None:
    _row(vendor="acme", region="eu", stall_seconds=0.9, structured_output="none").save()

    (target,) = active_targets()

    assert (target.vendor, target.region, target.stall_seconds, target.structured_output) == ("acme", "eu", 0.9, "none")


def test_the_pool_follows_the_rows_and_keeps_what_it_knows() -> None:
    engine = EngineLoop()
    row = _row()
    row.save()
    first = pool_for(engine)
    first.slots[0].gauge.calls = 7
    row.max_concurrency = 2
    row.save()
    _row(name="another").save()
    forget_targets()

    second = pool_for(engine)

    assert second is first
    assert [(figures.name, figures.calls, figures.max_concurrency) for figures in second.figures()] == [
        ("another", 0, 8),
        ("vendor", 7, 2),
    ]
    engine.close()
