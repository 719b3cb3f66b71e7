"""Contexts for compliance tests."""

from datetime import date

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.content.compliance.pack import Example, Pack, Rule

MF_WARNING = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
IA_WARNING = (
    "Investment in securities market are subject to market risks. "
    "Read all the related documents carefully before investing."
)


def distributor(**changes: object) -> TextContext:
    values: dict[str, object] = {
        "channel": "whatsapp",
        "language": "en",
        "registrant_type": "MFD",
        "registration_no": "ARN-104233",
    }
    return TextContext(**{**values, **changes})  # type: ignore[arg-type]


def adviser(**changes: object) -> TextContext:
    return distributor(**{"registrant_type": "RIA", "registration_no": "INA000104233", **changes})


def example_context(rule: Rule, example: Example, pack: Pack) -> TextContext:
    """Lay an example's own context over the pack's, over the rule's first type, channel and class."""

    def first(allowed: frozenset[str] | None, names: tuple[str, ...]) -> str:
        return next(name for name in names if allowed is None or name in allowed)

    kind = example.context.get("registrant_type", first(rule.registrant_types, pack.registrant_types))
    values = {key: by_type[kind] for key, by_type in pack.example_context.items()} | dict(example.context)

    def day(key: str) -> date | None:
        return date.fromisoformat(values[key]) if values.get(key) else None

    return TextContext(
        channel=values.get("channel", first(rule.channels, pack.channels)),
        language=example.language,
        registrant_type=kind,
        registration_no=values.get("registration_no"),
        registrant_name=values.get("registrant_name"),
        euin=values.get("euin"),
        content_class=values.get("content_class", first(rule.content_classes, pack.content_classes)),
        profile="strict",
        today=day("today"),
        approval_ref=values.get("approval_ref"),
        approval_valid_until=day("approval_valid_until"),
        consent_basis=values.get("consent_basis"),
    )
