"""The house stands as ARCHITECTURE says: floors, one gate, one way to move a draft, nothing unsafe on a page."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import yaml
from django.conf import settings

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("jarvish_regen", "feedback", "regeneration", "escalation", "learning")
LINES_MAX: Final = 500
# Settings are one file by decision.
LONG_BY_DECISION: Final = {"jarvish_regen/settings.py"}
# Where text becomes markup without escaping, each place looked at: all of it is made of format_html's parts.
MARKUP_MAKERS: Final = {"jarvish_regen/content/rendering.py", "jarvish_regen/desk.py"}
# Help texts are written in the code; Django's own for passwords is a list.
UNESCAPED_TEMPLATES: Final = {"templates/components/_field.html"}
# Pages of others that we only host, under a policy of their own: the admin, and Redoc's.
PAGES_OF_OTHERS: Final = {"admin", "redoc.html"}


@cache
def _tracked() -> tuple[Path, ...]:
    """Return what belongs to the repository: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if not names:
        pytest.skip("not a git checkout: which files belong to the repository is not known")
    return tuple(path for path in (ROOT / name for name in names) if path.is_file())


@cache
def _modules() -> dict[str, ast.Module]:
    """Return the parsed modules of the product by path, without migrations."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "/migrations/" not in name:
                found[name] = ast.parse(path.read_text(encoding="utf-8"), name)
    return found


def _where(found: Iterator[tuple[str, ast.AST]]) -> list[str]:
    return sorted({name for name, _node in found})


def _dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of names, attributes and calls."""
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for name, tree in _modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield name, node


def test_imports_point_down() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert re.search(r"Contracts: 4 kept, 0 broken", linted.stdout)


def test_every_installed_app_of_ours_is_held_by_a_contract() -> None:
    ours = [app for app in settings.INSTALLED_APPS if app.split(".")[0] in PACKAGES]
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.importlinter]")[2]

    assert [app for app in ours if f'"{app}"' not in contracts and app not in contracts] == []


def test_the_gate_alone_makes_a_ready_text() -> None:
    makers = _where((name, call) for name, call in _calls() if _dotted(call.func).split(".")[-1] == "ReadyText")

    assert makers == ["jarvish_regen/content/compliance/gate.py"]


def test_the_seal_of_the_gate_is_named_nowhere_else() -> None:
    named = [
        name
        for name, tree in _modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "_SEAL")
        or (isinstance(node, ast.Attribute) and node.attr == "_SEAL")
        or (isinstance(node, ast.alias) and node.name == "_SEAL")
    ]

    assert set(named) == {"jarvish_regen/content/compliance/gate.py"}


_WRITES: Final = {"create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update", "delete"}


def _writers_of(model: str) -> list[str]:
    """Return the modules that write a model through its manager, or make an instance of it."""
    managers = (f"{model}.objects", f"{model}._base_manager", f"{model}._default_manager")

    def writes(call: ast.Call) -> bool:
        dotted = _dotted(call)
        is_write = dotted.startswith(managers) and dotted.split(".")[-1] in _WRITES
        return is_write or dotted.split(".")[-1] == model

    return _where((name, call) for name, call in _calls() if writes(call))


def test_only_the_services_of_the_ground_write_versions_and_items() -> None:
    assert _writers_of("ContentVersion") == ["jarvish_regen/content/services.py"]
    assert set(_writers_of("ContentItem")) == {"jarvish_regen/content/services.py"}


def test_only_the_engines_services_write_attempts_and_candidates() -> None:
    assert _writers_of("Regeneration") == [
        "regeneration/answering.py",
        "regeneration/services.py",
        "regeneration/variants.py",
    ]
    assert _writers_of("Candidate") == ["regeneration/services.py", "regeneration/variants.py"]


def test_only_the_conductor_and_the_ground_set_a_state() -> None:
    setters = [
        name
        for name, tree in _modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for part in ast.walk(target)
        if isinstance(part, ast.Attribute) and part.attr == "state"
    ]

    # The conductor's are cases: it moves items through content.services.move. Trained models have a state of their own.
    assert set(setters) <= {
        "jarvish_regen/content/services.py",
        "jarvish_regen/content/model_versions.py",
        "escalation/services.py",
    }


def test_word_boundaries_of_expressions_are_used_nowhere_near_texts() -> None:
    rules = yaml.safe_load((ROOT / "jarvish_regen/content/compliance/rules.yaml").read_text(encoding="utf-8"))
    held = [ROOT / "jarvish_regen/language", ROOT / "jarvish_regen/content/compliance", ROOT / "feedback"]

    in_rules = [text for text in _texts(rules["rules"]) if re.search(r"\\[bB]", text)]
    in_code = [
        f"{path.relative_to(ROOT)}: {node.value!r}"
        for folder in held
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"\\[bB]", node.value)
        and "does not work" not in node.value  # the sentence that refuses it
    ]

    assert (in_rules, in_code) == ([], [])


def _texts(value: object) -> Iterator[str]:
    """Return every text in a structure of the rules, but for the examples people read."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def test_text_becomes_markup_in_audited_places_only() -> None:
    makers = _where(
        (name, call) for name, call in _calls() if _dotted(call.func).split(".")[-1] in ("mark_safe", "SafeString")
    )
    filters = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in (ROOT / "templates").rglob("*.html")
    }
    unescaped = [
        name
        for name, source in filters.items()
        if re.search(r"\|\s*safe\b|safeseq|autoescape off", source) and name not in UNESCAPED_TEMPLATES
    ]

    assert set(makers) <= MARKUP_MAKERS
    assert unescaped == []


def _templates() -> list[Path]:
    return [
        path for path in (ROOT / "templates").rglob("*.html") if not PAGES_OF_OTHERS & set(path.relative_to(ROOT).parts)
    ]


def test_no_page_carries_style_or_script_of_its_own() -> None:
    inline = {
        "style attribute": r"<[^>]*\sstyle\s*=",
        "style element": r"<style[\s>]",
        "script body": r"<script(?![^>]*\ssrc=)[^>]*>\s*[^\s<]",
        "handler attribute": r"<[a-z][^>]*\son[a-z]+\s*=",
        "javascript address": r"javascript:",
    }

    found = [
        f"{path.relative_to(ROOT)}: {what}"
        for path in _templates()
        for what, pattern in inline.items()
        if re.search(pattern, path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]

    assert len(_templates()) > 20
    assert found == []


def test_no_page_loads_anything_from_elsewhere() -> None:
    loads = r"<(?:script|link|img|iframe|source|use)[^>]*\s(?:src|href|srcset)\s*=\s*[\"']?(?:https?:)?//"

    found = [str(path.relative_to(ROOT)) for path in _templates() if re.search(loads, path.read_text(encoding="utf-8"))]

    assert found == []


def test_nothing_stands_in_for_broker_layer_or_cache() -> None:
    stand_ins = (
        "ALWAYS" + "_EAGER",
        "InMemory" + "ChannelLayer",
        "Loc" + "MemCache",
        "Dummy" + "Cache",
        "memory" + "://",
    )

    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in _tracked()
        if path.suffix in (".py", ".toml", ".cfg", ".ini")
        for word in stand_ins
        if word in path.read_text(encoding="utf-8")
    ]

    assert found == []


def test_no_tracked_file_names_a_machines_folder_or_a_package_registry() -> None:
    # Built from pieces, so that this file does not hold what it looks for.
    folders = r"(?<![\w.$}/-])/(?:" + "|".join(("work" + "/", "root" + "/", "home" + "/[a-z]", "Us" + "ers/")) + ")"
    hosts = "|".join(
        ("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)", "unpkg" + r"\.com", "js" + "delivr")
    )
    pattern = re.compile(f"{folders}|{hosts}")

    found = []
    for path in _tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in pattern.finditer(text)]

    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is_and_stays_readable(package: str) -> None:
    modules = {name: tree for name, tree in _modules().items() if name.startswith(f"{package}/")}
    silent = [name for name, tree in modules.items() if tree.body and not ast.get_docstring(tree)]
    long = [
        name
        for name in modules
        if name not in LONG_BY_DECISION and len((ROOT / name).read_text(encoding="utf-8").splitlines()) > LINES_MAX
    ]

    assert (silent, long) == ([], [])
