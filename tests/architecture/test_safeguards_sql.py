"""SQL is text that we wrote: what comes from a person or a file arrives as a bound parameter."""

from __future__ import annotations

import ast
import re

import pytest

from support.imports import modules, within

_CALLS = {"query": 1, "execute": 0, "executemany": 0}  # name -> position of the SQL
_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|MATCH)\b")


def sql_problems(module: str, source: str) -> list[str]:
    """List the statements that are put together where they are run, or from f-strings."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            at = _CALLS.get(name)
            if at is None or len(node.args) <= at:
                continue
            sql = node.args[at]
            plain = isinstance(sql, ast.Name | ast.Attribute)
            if not plain and not (isinstance(sql, ast.Constant) and isinstance(sql.value, str)):
                found.append(f"{module}:{node.lineno} runs a statement that is put together")
        elif isinstance(node, ast.JoinedStr):
            texts = [v.value for v in node.values if isinstance(v, ast.Constant)]
            if any(_SQL.search(str(text)) for text in texts):
                found.append(f"{module}:{node.lineno} puts a value into a statement")
    return found


def test_no_statement_is_put_together_with_values() -> None:
    ours = [(m, s) for m, s in modules() if within(m, ("wherein.db_worker",))]
    assert ours
    problems = [p for module, source in ours for p in sql_problems(module, source)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "source",
    [
        "conn.execute('SELECT ' + name)",
        "query(conn, _FIND.replace('?1', name))",
        "query(conn, 'SELECT %s' % name)",
        "conn.execute(f'SELECT {name}')",
        "sql = f'DELETE FROM files WHERE path = {path}'",
    ],
)
def test_a_statement_with_a_value_in_it_is_found(source: str) -> None:
    assert sql_problems("wherein.db_worker.x", source)


def test_bound_parameters_are_fine() -> None:
    assert sql_problems("wherein.db_worker.x", "query(conn, _FIND, (name,))") == []
    assert sql_problems("wherein.db_worker.x", "conn.execute('SELECT 1 WHERE ? = 1', (n,))") == []
