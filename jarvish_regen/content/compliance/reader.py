"""Read a rule pack, refusing whatever is not right, with the line."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import regex
import yaml

from .document import Entry, PackError, Scalar, read_document
from .model import Example, Fix, Pack, Placeholder, Rule
from .normalise import Folding, build_folding, plain_view
from .patterns import Pattern, PatternCompiler, words_in_order

TAXONOMY_PATH = Path(__file__).parent.parent / "taxonomy.yaml"

KINDS = frozenset({"forbid_pattern", "require_text", "require_field", "limit"})
SEVERITIES = frozenset({"critical", "major", "minor"})
SCOPES = frozenset({"content", "profile", "send"})
ACTIONS = frozenset({"replace", "insert", "remove_sentence", "trim", "fill", "ask_human"})
MEASURES = frozenset({"chars", "emoji", "hashtags", "caps_words", "foreign_markup"})
POSITIONS = frozenset({"end", "after_sentence", "signature"})
CONTEXT_FIELDS = frozenset(
    {"registration_no", "registrant_name", "euin", "approval_ref", "approval_valid_until", "consent_basis"}
)
_TOP_KEYS = frozenset(
    [
        "pack_version",
        "languages",
        "registrant_types",
        "channels",
        "content_classes",
        "scoring",
        "normalisation",
        "macros",
        "texts",
        "rules",
        "profiles",
        "compliance",
        "classification",
        "example_context",
    ]
)
_RULE_KEYS = frozenset(
    [
        "id",
        "title",
        "group",
        "severity",
        "severity_by_class",
        "risk_weight",
        "weight_by_class",
        "registrant_types",
        "channels",
        "languages",
        "content_classes",
        "classes_by_profile",
        "kind",
        "scope",
        "patterns",
        "exceptions",
        "exception_sets",
        "when",
        "require",
        "match_language",
        "field",
        "must_appear",
        "format",
        "shown_format",
        "valid_until_field",
        "measure",
        "max",
        "max_by_channel",
        "hard_max_by_channel",
        "ignore",
        "fix",
        "issue_code",
        "source",
        "note",
        "gate_note",
        "examples",
    ]
)


def parse_pack(content: bytes) -> Pack:
    """Check and compile the bytes of a pack."""
    root = read_document(content)
    top = root.mapping()
    for key in sorted(_TOP_KEYS):
        if key not in top:
            raise root.fail(f"the key {key!r} is missing")
    return _PackReader(top, hashlib.sha256(content).hexdigest()).read()


def _issue_categories() -> dict[str, str]:
    taxonomy = yaml.safe_load(TAXONOMY_PATH.read_text(encoding="utf-8"))
    return {code: name for name, category in taxonomy["categories"].items() for code in category["issues"]}


class _PackReader:
    def __init__(self, top: dict[str, Entry], sha256: str) -> None:
        self.top = top
        self.sha256 = sha256
        self.languages = top["languages"].texts()
        self.channels = top["channels"].texts()
        self.registrant_types = top["registrant_types"].texts()
        self.content_classes = top["content_classes"].texts()
        self.patterns = PatternCompiler(top["macros"])
        self.categories = _issue_categories()
        self.exception_sets = {
            name: self.patterns.compile_all(entry.items())
            for name, entry in top.get("exception_sets", Entry(yaml.MappingNode("", []))).mapping().items()
        }

    def read(self) -> Pack:
        texts: dict[str, Mapping[str, str]] = {}
        official: set[str] = set()
        for key, entry in self.top["texts"].mapping().items():
            parts = entry.mapping()
            if "en" not in parts:
                raise entry.fail(f"text {key!r} has no English wording")
            if "official" in parts and parts["official"].flag():
                official.add(key)
            texts[key] = {language: value.text() for language, value in parts.items() if language != "official"}
            for language in texts[key]:
                self._known(language, self.languages, "language", entry)
        self.texts = texts
        profiles = self._profiles()
        compliance = self.top["compliance"].mapping()
        counted = set(compliance["issue_categories"].texts())
        counted_rules = set(compliance["rules"].texts()) if "rules" in compliance else set()
        rules: dict[str, Rule] = {}
        for entry in self.top["rules"].items():
            rule = self._rule(entry, profiles, counted, counted_rules)
            if rule.id in rules:
                raise PackError(
                    f"the id is used twice, first on line {rules[rule.id].line}", line=rule.line, rule=rule.id
                )
            rules[rule.id] = rule
        self._check_named_rules(rules)
        return Pack(
            version=self.top["pack_version"].text(),
            sha256=self.sha256,
            rules=tuple(rules.values()),
            profiles=tuple(profiles),
            languages=tuple(self.languages),
            channels=tuple(self.channels),
            registrant_types=tuple(self.registrant_types),
            content_classes=tuple(self.content_classes),
            bands=self._bands(),
            texts=texts,
            official_texts=frozenset(official),
            folding=self._folding(),
            classification={
                name: self.patterns.compile_all(entry.items())
                for name, entry in self.top["classification"].mapping().items()
            },
            placeholders=self._placeholders(),
            example_context=self._example_context(),
        )

    def _profiles(self) -> dict[str, tuple[frozenset[str] | None, frozenset[str]]]:
        out: dict[str, tuple[frozenset[str] | None, frozenset[str]]] = {}
        for name, entry in self.top["profiles"].mapping().items():
            parts = entry.mapping()
            groups = None if parts["groups"].node.value == "all" else frozenset(parts["groups"].texts())
            out[name] = (groups, frozenset(parts["rules"].texts()) if "rules" in parts else frozenset())
        return out

    def _with_name(self) -> dict[str, frozenset[str]]:
        found = {name: entry.mapping().get("with_name") for name, entry in self.top["profiles"].mapping().items()}
        return {name: frozenset(entry.texts()) for name, entry in found.items() if entry is not None}

    def _check_named_rules(self, rules: Mapping[str, Rule]) -> None:
        groups = {rule.group for rule in rules.values()}
        for entry in self.top["profiles"].mapping().values():
            parts = entry.mapping()
            for named in parts["rules"].items() if "rules" in parts else []:
                self._known(named.text(), rules, "rule", named)
            for named in [] if parts["groups"].node.value == "all" else parts["groups"].items():
                self._known(named.text(), groups, "group", named)
        compliance = self.top["compliance"].mapping()
        for named in compliance["rules"].items() if "rules" in compliance else []:
            self._known(named.text(), rules, "rule", named)

    def _bands(self) -> dict[str, tuple[int, int]]:
        bands: dict[str, tuple[int, int]] = {}
        for name, entry in self.top["scoring"].mapping()["bands"].mapping().items():
            low, high = (item.integer() for item in entry.items())
            bands[name] = (low, high)
        return bands

    def _folding(self) -> Folding:
        parts = self.top["normalisation"].mapping()
        return build_folding(
            homoglyphs=parts["homoglyphs"].text_map(),
            leet=parts["leet"].text_map(),
            leet_initial=parts["leet_initial"].text_map(),
            leet_final=parts["leet_final"].text_map(),
            joined_separators=parts["joined_separators"].text(),
            stems=parts["stems"].texts(),
        )

    def _placeholders(self) -> tuple[Placeholder, ...]:
        out = []
        for entry in self.top["placeholders"].items() if "placeholders" in self.top else []:
            parts = entry.mapping()
            known_field = parts["field"].text() if "field" in parts else None
            if known_field is not None:
                self._known(known_field, CONTEXT_FIELDS, "field", parts["field"])
            prefix = parts["prefix"].text() if "prefix" in parts else ""
            out.append(Placeholder(self.patterns.compile(parts["match"]).regex, known_field, prefix))
        return tuple(out)

    def _example_context(self) -> dict[str, Mapping[str, str]]:
        out: dict[str, Mapping[str, str]] = {}
        for key, entry in self.top["example_context"].mapping().items():
            out[key] = (
                entry.text_map()
                if isinstance(entry.node, yaml.MappingNode)
                else dict.fromkeys(self.registrant_types, entry.text())
            )
        return out

    def _known(
        self,
        value: str,
        allowed: "frozenset[str] | list[str] | set[str] | Mapping[str, object]",
        what: str,
        entry: Entry,
    ) -> str:
        if value not in allowed:
            raise entry.fail(f"unknown {what} {value!r}")
        return value

    def _selection(self, parts: dict[str, Entry], key: str, allowed: list[str], what: str) -> frozenset[str] | None:
        if key not in parts or parts[key].node.value == "all":
            return None
        return frozenset(self._known(item.text(), allowed, what, item) for item in parts[key].items())

    def _language_lists(self, entry: Entry) -> tuple[Pattern, ...]:
        """Flatten lists keyed by language; the key is for reports only, every list is tried on every text."""
        return tuple(
            pattern for values in entry.mapping().values() for pattern in self.patterns.compile_all(values.items())
        )

    def _rule(
        self,
        entry: Entry,
        profiles: Mapping[str, tuple[frozenset[str] | None, frozenset[str]]],
        counted: set[str],
        counted_rules: set[str],
    ) -> Rule:
        parts = entry.mapping()
        if "id" not in parts:
            raise entry.fail("a rule has no id")
        rule_id = parts["id"].text()
        parts = Entry(entry.node, rule_id).mapping()
        here = Entry(entry.node, rule_id)
        for key, value in parts.items():
            if key not in _RULE_KEYS:
                raise value.fail(f"unknown key {key!r}")
        for key in ("title", "group", "severity", "risk_weight", "kind", "fix", "issue_code", "source", "examples"):
            if key not in parts:
                raise here.fail(f"the key {key!r} is missing")
        kind = self._known(parts["kind"].text(), KINDS, "kind", parts["kind"])
        code = self._known(parts["issue_code"].text(), self.categories, "issue code", parts["issue_code"])
        group = parts["group"].text()
        require, require_text = self._require(parts)
        self._check_kind(kind, parts, here)
        return Rule(
            id=rule_id,
            title=parts["title"].text(),
            group=group,
            severity=self._known(parts["severity"].text(), SEVERITIES, "severity", parts["severity"]),
            kind=kind,
            scope=self._known(parts["scope"].text(), SCOPES, "scope", parts["scope"])
            if "scope" in parts
            else "content",
            issue_code=code,
            risk_weight=parts["risk_weight"].integer(),
            fix=self._fix(parts["fix"], kind),
            source=_citation(parts["source"]),
            line=entry.line,
            profiles=frozenset(
                name
                for name, (groups, named) in profiles.items()
                if groups is None or group in groups or rule_id in named
            ),
            named_profiles=frozenset(name for name, named in self._with_name().items() if rule_id in named),
            is_compliance=self.categories[code] in counted or rule_id in counted_rules,
            registrant_types=self._selection(parts, "registrant_types", self.registrant_types, "registrant type"),
            channels=self._selection(parts, "channels", self.channels, "channel"),
            languages=self._selection(parts, "languages", self.languages, "language"),
            content_classes=self._selection(parts, "content_classes", self.content_classes, "content class"),
            classes_by_profile=self._classes_by_profile(parts, profiles),
            severity_by_class={
                self._known(name, self.content_classes, "content class", value): self._known(
                    value.text(), SEVERITIES, "severity", value
                )
                for name, value in (
                    parts["severity_by_class"].mapping() if "severity_by_class" in parts else {}
                ).items()
            },
            weight_by_class={
                self._known(name, self.content_classes, "content class", value): value.integer()
                for name, value in (parts["weight_by_class"].mapping() if "weight_by_class" in parts else {}).items()
            },
            patterns=self._language_lists(parts["patterns"]) if "patterns" in parts else (),
            exceptions=self._exceptions(parts),
            when=self.patterns.compile_all(parts["when"].mapping()["any_of"].items()) if "when" in parts else (),
            require=require,
            require_text=require_text,
            altered=self.patterns.compile_all(parts["require"].mapping()["altered"].items())
            if "require" in parts and "altered" in parts["require"].mapping()
            else (),
            match_language=self._known(
                parts["match_language"].text(), ["required", "prefer"], "match_language", parts["match_language"]
            )
            if "match_language" in parts
            else None,
            field=self._known(parts["field"].text(), CONTEXT_FIELDS, "field", parts["field"])
            if "field" in parts
            else None,
            must_appear="must_appear" in parts and parts["must_appear"].flag(),
            format=self._format(parts, "format"),
            shown_format=self._format(parts, "shown_format"),
            valid_until_field=self._known(
                parts["valid_until_field"].text(), CONTEXT_FIELDS, "field", parts["valid_until_field"]
            )
            if "valid_until_field" in parts
            else None,
            measure=self._known(parts["measure"].text(), MEASURES, "measure", parts["measure"])
            if "measure" in parts
            else None,
            max=parts["max"].integer() if "max" in parts else None,
            max_by_channel=self._channel_limits(parts, "max_by_channel"),
            hard_max_by_channel=self._channel_limits(parts, "hard_max_by_channel"),
            ignore=frozenset(parts["ignore"].texts()) if "ignore" in parts else frozenset(),
            note=parts["note"].text() if "note" in parts else "",
            gate_note=parts["gate_note"].text() if "gate_note" in parts else "",
            examples=self._examples(parts["examples"]),
        )

    def _check_kind(self, kind: str, parts: dict[str, Entry], here: Entry) -> None:
        needed = {
            "forbid_pattern": "patterns",
            "require_text": "require",
            "require_field": "field",
            "limit": "measure",
        }[kind]
        if needed not in parts:
            raise here.fail(f"a rule of kind {kind} needs {needed!r}")
        if kind == "limit" and "max" not in parts and "max_by_channel" not in parts:
            raise here.fail("a limit needs 'max' or 'max_by_channel'")

    def _exceptions(self, parts: dict[str, Entry]) -> tuple[Pattern, ...]:
        found = list(self._language_lists(parts["exceptions"])) if "exceptions" in parts else []
        for named in parts["exception_sets"].items() if "exception_sets" in parts else []:
            found.extend(self.exception_sets[self._known(named.text(), self.exception_sets, "exception set", named)])
        return tuple(found)

    def _require(self, parts: dict[str, Entry]) -> tuple[dict[str, tuple[Pattern, ...]], str | None]:
        if "require" not in parts:
            return {}, None
        require = parts["require"].mapping()
        key = self._known(require["text"].text(), self.texts, "text", require["text"]) if "text" in require else None
        lists: dict[str, tuple[Pattern, ...]] = {}
        for language, values in require["any_of"].mapping().items():
            compiled = self.patterns.compile_all(values.items())
            for name in ("hi", "mr") if language == "deva" else (language,):
                self._known(name, self.languages, "language", values)
                lists[name] = lists.get(name, ()) + compiled
        # Whatever is inserted is also accepted, in any punctuation.
        for language, wording in self.texts[key].items() if key else ():
            lists[language] = (*lists.get(language, ()), words_in_order(_plain(wording)))
        return lists, key

    def _classes_by_profile(self, parts: dict[str, Entry], profiles: Mapping[str, object]) -> dict[str, frozenset[str]]:
        if "classes_by_profile" not in parts:
            return {}
        out = {}
        for name, values in parts["classes_by_profile"].mapping().items():
            self._known(name, profiles, "profile", values)
            out[name] = frozenset(
                self._known(item.text(), self.content_classes, "content class", item) for item in values.items()
            )
        return out

    def _format(self, parts: dict[str, Entry], key: str) -> dict[str, regex.Pattern[str]]:
        if key not in parts:
            return {}
        entry = parts[key]
        by_type = (
            entry.mapping() if isinstance(entry.node, yaml.MappingNode) else dict.fromkeys(self.registrant_types, entry)
        )
        out = {}
        for registrant_type, value in by_type.items():
            self._known(registrant_type, self.registrant_types, "registrant type", value)
            out[registrant_type] = self.patterns.compile(value).regex
        return out

    def _channel_limits(self, parts: dict[str, Entry], key: str) -> dict[str, int]:
        if key not in parts:
            return {}
        return {
            self._known(name, self.channels, "channel", value): value.integer()
            for name, value in parts[key].mapping().items()
        }

    def _fix(self, entry: Entry, kind: str) -> Fix:
        parts = entry.mapping()
        if "action" not in parts:
            raise entry.fail("a fix has no action")
        action = self._known(parts["action"].text(), ACTIONS, "fix action", parts["action"])
        wording = parts["with"].text_map() if "with" in parts else {}
        if action == "replace" and kind == "forbid_pattern":
            for language in self.languages:
                if language not in wording:
                    raise entry.fail(f"the replacement has no wording for {language}")
        if action == "insert" and "text" not in parts:
            raise entry.fail("an insertion names no text")
        return Fix(
            action=action,
            wording=wording,
            text=self._known(parts["text"].text(), self.texts, "text", parts["text"]) if "text" in parts else None,
            position=self._known(parts["position"].text(), POSITIONS, "position", parts["position"])
            if "position" in parts
            else "end",
            note=parts["note"].text() if "note" in parts else "",
        )

    def _examples(self, entry: Entry) -> tuple[Example, ...]:
        parts = entry.mapping()
        out = []
        for name, passes in (("pass", True), ("fail", False)):
            if name not in parts or not parts[name].items():
                raise entry.fail(f"no example that should {name}")
            for item in parts[name].items():
                shape = item.mapping()
                language = self._known(shape["lang"].text(), self.languages, "language", item)
                out.append(
                    Example(
                        shape["t"].text(),
                        language,
                        passes,
                        shape["ctx"].text_map() if "ctx" in shape else {},
                        item.line,
                    )
                )
        return tuple(out)


def _plain(text: str) -> str:
    return plain_view(text).text


def _citation(entry: Entry) -> str:
    parts = entry.mapping()
    values: dict[str, Scalar] = {key: value.scalar() for key, value in parts.items()}
    if "regulation" not in values:
        raise entry.fail("a source names no regulation")
    main = ", ".join(str(values[key]) for key in ("regulation", "date", "clause") if values.get(key))
    return f"{main}; also {values['also']}" if values.get("also") else main
