"""Queries of every request, written down as SQL once: for a join of five tables Django's compiler takes as long as
PostgreSQL.
"""

import copy
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

_M = TypeVar("_M", bound=Model)
_Builder = Callable[..., "QuerySet[_M]"]


class _FrozenCompiler(SQLCompiler):
    frozen_sql: str
    parameters: tuple[Any, ...]

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> tuple[str, tuple[Any, ...]]:
        return self.frozen_sql, self.parameters


class _FrozenQuery(Query):
    kept: _FrozenCompiler
    parameters: tuple[Any, ...]

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> _FrozenCompiler:
        compiler = copy.copy(self.kept)
        compiler.connection = connection or connections[using or DEFAULT_DB_ALIAS]
        compiler.parameters = self.parameters
        return compiler


class Frozen:
    """Remember the SQL of the queries that one builder makes.

    The builder takes one stand-in for each value and returns a queryset that compares columns with them. Values are
    UUIDs and texts, never None: what a query looks like must not depend on them. Each ``shape`` (whatever else the
    builder's result depends on) has an SQL of its own.
    """

    def __init__(self) -> None:
        self._kept: dict[object, tuple[_FrozenQuery, Sequence[str | None]]] = {}

    def rows(self, shape: object, build: "_Builder[_M]", **values: uuid.UUID | str) -> "QuerySet[_M]":
        """Return the queryset that ``build(**values)`` would, to be iterated and not to be changed further."""
        if shape not in self._kept:
            self._kept[shape] = _freeze(build, values)
        query, places = self._kept[shape]
        fresh = copy.copy(query)
        fresh.parameters = tuple(
            values[name] if name is not None else constant
            for name, constant in zip(places, query.parameters, strict=True)
        )
        return cast("QuerySet[_M]", QuerySet(model=query.model, query=fresh))


def _freeze(build: "_Builder[_M]", values: Mapping[str, uuid.UUID | str]) -> tuple[_FrozenQuery, Sequence[str | None]]:
    stand_ins = {
        name: uuid.uuid4() if isinstance(value, uuid.UUID) else uuid.uuid4().hex for name, value in values.items()
    }
    name_of = {stand_in: name for name, stand_in in stand_ins.items()}
    query = build(**stand_ins).query
    compiler = _FrozenCompiler(query, connections[DEFAULT_DB_ALIAS], DEFAULT_DB_ALIAS)
    sql, parameters = SQLCompiler.as_sql(compiler)
    places = [name_of.get(value) if isinstance(value, uuid.UUID | str) else None for value in parameters]
    if set(places) - {None} != set(values):
        raise ValueError("a stand-in is not among the parameters of the query")
    compiler.frozen_sql, compiler.parameters = sql, tuple(parameters)
    frozen = query.chain(_FrozenQuery)
    assert isinstance(frozen, _FrozenQuery)  # noqa: S101  # what the chain was asked for
    frozen.kept, frozen.parameters = compiler, tuple(parameters)
    return frozen, places
