"""A condition on the columns of a table, as text: "sex == 'female' and age > 60".

The text comes from a command line or a web page, so it is read as data: comparisons, `and`, `or`, `not`, `in` and plain numbers and
words. Nothing in it is ever called or looked up.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 2000  # characters
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda column, values: column.isin(values),
    ast.NotIn: lambda column, values: ~column.isin(values),
}
ALLOWED = "comparisons of columns with numbers or 'words' (==, !=, <, <=, >, >=, in, not in), joined by and, or, not"


def rows_where(table: pd.DataFrame, query: str) -> pd.Series[bool]:
    """For every row, whether the condition holds. A missing value fulfils no comparison.

    Raises:
        SettingsError: the text is no condition, or names a column that is not there.
    """
    if len(query) > LONGEST:
        raise _refused(query[:40] + "…", f"it has {len(query)} characters, {LONGEST} are allowed")
    try:
        tree = ast.parse(query.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(query, str(error)) from error
    try:
        return _Condition(table, query).holds(tree.body)
    except (TypeError, RecursionError) as error:
        raise _refused(query, f"a column cannot be compared with that: {error}") from error


class _Condition:
    """One condition over one table."""

    def __init__(self, table: pd.DataFrame, query: str) -> None:
        self.table, self.query = table, query

    def holds(self, node: ast.expr) -> pd.Series[bool]:
        """For every row."""
        if isinstance(node, ast.BoolOp):
            parts = [self.holds(value) for value in node.values]
            joined = parts[0]
            for part in parts[1:]:
                joined = joined & part if isinstance(node.op, ast.And) else joined | part
            return joined
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            left, right = self.holds(node.left), self.holds(node.right)
            return left & right if isinstance(node.op, ast.BitAnd) else left | right
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            return ~self.holds(node.operand)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Name):
            return self._column(node.id).fillna(False).astype(bool)
        raise self._unknown(node)

    def _comparison(self, node: ast.Compare) -> pd.Series[bool]:
        """`a < b < c` is `a < b and b < c`, as in Python."""
        import pandas as pd

        sides = [node.left, *node.comparators]
        holds = pd.Series(True, index=self.table.index)
        for left, kind, right in zip(sides, node.ops, sides[1:], strict=False):
            if type(kind) not in COMPARISONS:
                raise self._unknown(node)
            one, other = self._value(left), self._value(right)
            if isinstance(kind, ast.In | ast.NotIn) and not (isinstance(one, pd.Series) and isinstance(other, list)):
                raise _refused(self.query, "'in' takes a column and a list, e.g. diagnosis in ['HCM', 'DCM']")
            present = [side.notna() for side in (one, other) if isinstance(side, pd.Series)]
            if not present:
                raise _refused(self.query, "a comparison names no column")
            fulfilled = COMPARISONS[type(kind)](one, other).fillna(False).astype(bool)
            for known in present:
                fulfilled &= known
            holds &= fulfilled
        return holds

    def _value(self, node: ast.expr) -> Any:
        """A column, a number or word, or a list of them."""
        if isinstance(node, ast.Name):
            return self._column(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            value = node.operand.value
            if isinstance(value, int | float):
                return -value
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            if any(isinstance(item, ast.Name) for item in node.elts):
                raise _refused(self.query, "a list holds numbers or 'words', not columns")
            return [self._value(item) for item in node.elts]
        raise self._unknown(node)

    def _column(self, name: str) -> pd.Series[Any]:
        if name not in self.table.columns:
            columns = ", ".join(map(str, self.table.columns))
            raise _refused(self.query, f"there is no column '{name}' (words stand in quotes); columns are: {columns}")
        return self.table[name]

    def _unknown(self, node: ast.expr) -> SettingsError:
        return _refused(self.query, f"'{ast.unparse(node)}' is none of these")


def _refused(query: str, why: str) -> SettingsError:
    return SettingsError(f"--where {query!r}: expected {ALLOWED}; got: {why}")
