"""Load the rule pack.

A pack that is wrong in any way does not load: ``PackError`` names line, rule and reason. What the
entries mean is described at the head of rules.yaml.
"""

from functools import lru_cache
from pathlib import Path

from .compiled import load_compiled
from .document import PackError
from .model import Example, Fix, Pack, Placeholder, Rule
from .reader import parse_pack

__all__ = [
    "RULES_PATH",
    "Example",
    "Fix",
    "Pack",
    "PackError",
    "Placeholder",
    "Rule",
    "current_pack",
    "keep_compiled_in",
    "load_pack",
    "parse_pack",
]

RULES_PATH = Path(__file__).with_name("rules.yaml")


def load_pack(path: Path = RULES_PATH) -> Pack:
    """Load and check the pack at ``path``. Raises ``PackError`` for anything that is not right."""
    return parse_pack(_read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackError(f"cannot read {path}: {error.strerror}") from error


_compiled_in: Path | None = None


def keep_compiled_in(directory: Path) -> None:
    """Name a private directory in which ``current_pack`` may keep its compiled patterns for the next process."""
    global _compiled_in  # set once, at start
    _compiled_in = directory


@lru_cache(maxsize=1)
def current_pack() -> Pack:
    """Give the shipped pack, loaded once a process."""
    return load_pack() if _compiled_in is None else load_compiled(_compiled_in, _read(RULES_PATH))
