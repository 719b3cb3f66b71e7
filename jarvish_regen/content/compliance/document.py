"""Read the YAML of a pack so that every complaint can name its line."""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

Scalar = str | int | float | bool | None


class PackError(Exception):
    """A rule pack is unusable. ``line`` is 1-based, ``rule`` is the rule's id where there is one."""

    def __init__(self, reason: str, *, line: int | None = None, rule: str | None = None) -> None:
        self.reason = reason
        self.line = line
        self.rule = rule
        place = ", ".join(part for part in (f"line {line}" if line else "", f"rule {rule}" if rule else "") if part)
        super().__init__(f"rule pack refused at {place}: {reason}" if place else f"rule pack refused: {reason}")


@dataclass(frozen=True)
class Entry:
    """A YAML value with its line. Accessors raise ``PackError`` when the value is of another shape."""

    node: yaml.Node
    rule: str | None = None

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def fail(self, reason: str) -> PackError:
        return PackError(reason, line=self.line, rule=self.rule)

    def pairs(self) -> Iterator[tuple[str, "Entry"]]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.fail("a mapping is expected here")
        for key, value in self.node.value:
            yield str(key.value), Entry(value, self.rule)

    def mapping(self) -> dict[str, "Entry"]:
        out: dict[str, Entry] = {}
        for key, value in self.pairs():
            if key in out:
                raise value.fail(f"key {key!r} is given twice")
            out[key] = value
        return out

    def items(self) -> list["Entry"]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.fail("a list is expected here")
        return [Entry(node, self.rule) for node in self.node.value]

    def scalar(self) -> Scalar:
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.fail("a single value is expected here")
        value: Scalar = (
            yaml.SafeLoader("").construct_object(self.node) if not self.node.tag.endswith(":str") else self.node.value
        )
        return value

    def text(self) -> str:
        value = self.scalar()
        if isinstance(value, bool | float) or value is None:
            raise self.fail(f"a text is expected here, not {value!r}")
        return str(value)

    def integer(self) -> int:
        value = self.scalar()
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fail(f"a whole number is expected here, not {value!r}")
        return value

    def flag(self) -> bool:
        value = self.scalar()
        if not isinstance(value, bool):
            raise self.fail(f"true or false is expected here, not {value!r}")
        return value

    def texts(self) -> list[str]:
        return [item.text() for item in self.items()]

    def text_map(self) -> dict[str, str]:
        return {key: value.text() for key, value in self.mapping().items()}


def read_document(source: bytes) -> Entry:
    """Compose ``source`` without losing line numbers; a YAML error becomes a ``PackError`` with its line."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(source.decode("utf-8"), Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PackError(f"not valid YAML: {error.problem}", line=mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PackError(f"not valid YAML: {error}") from error
    if node is None:
        raise PackError("the file is empty", line=1)
    return Entry(node)
