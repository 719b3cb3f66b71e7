"""Remember that the database matches the sources, so that a warm start need not import Django twice to find out."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from jarvish_regen.embedded.paths import ROOT, StateDir

_SUFFIXES = {".py", ".yaml", ".yml", ".json", ".jsonl", ".csv", ".sql"}
_NOT_THE_PRODUCT = {"tests", "benchmarks"}


@dataclass(frozen=True)
class Login:
    """Describe one person of the demo. who: in words. to_try: what this person can do first."""

    who: str
    email: str
    password: str
    to_try: str


@dataclass(frozen=True)
class Prepared:
    """Say which sources the database was migrated and filled from."""

    fingerprint: str
    has_demo: bool
    logins: tuple[Login, ...]


def fingerprint() -> str:
    """Return a hash over all sources and data files of the product and over requirements.lock."""
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for path in sorted(_sources()):
        digest.update(os.fsencode(path.relative_to(ROOT)) + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def remember(state: StateDir, prepared: Prepared) -> None:
    """Write down that the database is prepared."""
    descriptor = os.open(state.prepared_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(asdict(prepared), out)


def recall(state: StateDir) -> Prepared | None:
    """Return what was remembered, or None."""
    try:
        found = json.loads(state.prepared_file.read_text())
        logins = tuple(Login(**login) for login in found["logins"])
        return Prepared(fingerprint=found["fingerprint"], has_demo=found["has_demo"], logins=logins)
    except (OSError, ValueError, KeyError, TypeError):  # never prepared, or by another version
        return None


def forget(state: StateDir) -> None:
    """Let the next start migrate and fill again: somebody may change the database by hand."""
    state.prepared_file.unlink(missing_ok=True)


def logins_from_json(text: str) -> tuple[Login, ...]:
    """Read the output of `manage.py demo_logins --json`; anything unreadable gives no logins."""
    try:
        found = json.loads(text)
        return tuple(
            Login(who=one["who"], email=one["email"], password=one["password"], to_try=one["try"]) for one in found
        )
    except (ValueError, KeyError, TypeError):
        return ()


def _sources() -> list[Path]:
    packages = [
        entry for entry in ROOT.iterdir() if (entry / "__init__.py").exists() and entry.name not in _NOT_THE_PRODUCT
    ]
    return [path for package in packages for path in package.rglob("*") if path.suffix in _SUFFIXES and path.is_file()]
