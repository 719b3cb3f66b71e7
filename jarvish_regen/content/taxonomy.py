"""The vocabulary of feedback, read from taxonomy.yaml: stable codes, titles for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

TAXONOMY_PATH: Final = Path(__file__).with_name("taxonomy.yaml")
CHANNELS: Final = ("whatsapp", "linkedin", "instagram", "facebook", "x", "sms", "email", "blog")
CONTENT_CLASSES: Final = ("advertisement", "educational", "service", "greeting")


@dataclass(frozen=True)
class Issue:
    """One fault a draft can have."""

    code: str
    title: str
    category: str


@dataclass(frozen=True)
class Category:
    """A family of faults: what a person picks first."""

    code: str
    title: str
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class Taxonomy:
    """All labels that capture, analysis, learning and the dashboards share."""

    version: int
    categories: Mapping[str, Category]
    issues: Mapping[str, Issue]
    severities: tuple[str, ...]
    suggested_actions: tuple[str, ...]
    sentiments: tuple[str, ...]
    emotions: tuple[str, ...]
    urgencies: tuple[str, ...]
    languages: tuple[str, ...]


@cache
def taxonomy() -> Taxonomy:
    """Return the taxonomy.

    Raises KeyError or yaml.YAMLError when the file is broken: the product does not start with it.
    """
    raw = yaml.safe_load(TAXONOMY_PATH.read_text(encoding="utf-8"))
    categories = {
        code: Category(
            code, entry["title"], tuple(Issue(issue, title, code) for issue, title in entry["issues"].items())
        )
        for code, entry in raw["categories"].items()
    }
    return Taxonomy(
        version=raw["version"],
        categories=MappingProxyType(categories),
        issues=MappingProxyType({issue.code: issue for category in categories.values() for issue in category.issues}),
        severities=tuple(raw["severities"]),
        suggested_actions=tuple(raw["suggested_actions"]),
        sentiments=tuple(raw["sentiments"]),
        emotions=tuple(raw["emotions"]),
        urgencies=tuple(raw["urgencies"]),
        languages=tuple(raw["languages"]),
    )
