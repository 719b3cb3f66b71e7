"""Error codes that carry more than a word."""

from typing import Any


class Code(str):
    """An error code that carries what was given and what is allowed through DRF, which keeps nothing but codes."""

    given: Any
    allowed: Any

    def __new__(cls, code: str, *, given: Any = None, allowed: Any = None) -> "Code":
        self = super().__new__(cls, code)
        self.given = given
        self.allowed = allowed
        return self
