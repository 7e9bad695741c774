"""Conditions on columns: what they select, and that nothing in them is ever run."""

from pathlib import Path

import pandas as pd
import pytest

from synthcmr.cohort.query import rows_where
from synthcmr.errors import SettingsError

TABLE = pd.DataFrame({
    "sex": ["female", "male", None, "female"],
    "age": [71.0, 40.0, 65.0, None],
    "diagnosis": ["HCM", "DCM", "HCM", "NOR"],
    "heart_cut": [True, False, False, True],
})  # fmt: skip


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("sex == 'female'", [0, 3]),
        ("sex != 'female'", [1]),
        ("sex == 'female' and age > 60", [0]),
        ("(sex == 'female') & (age > 60)", [0]),
        ("age > 60 or diagnosis == 'NOR'", [0, 2, 3]),
        ("not (age > 60)", [1, 3]),
        ("40 <= age < 70", [1, 2]),
        ("age > -1", [0, 1, 2]),
        ("diagnosis in ['HCM', 'NOR']", [0, 2, 3]),
        ("diagnosis not in ('HCM',)", [1, 3]),
        ("heart_cut", [0, 3]),
        ("not heart_cut and sex == 'male'", [1]),
    ],
)
def test_rows_for_which_a_condition_holds(query: str, rows: list[int]) -> None:
    kept = rows_where(TABLE, query)
    assert TABLE.index[kept].tolist() == rows


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("age.map(print)", "is none of these"),
        ("__import__('os').system('true')", "is none of these"),
        ("@pd.read_csv('x')", "got"),
        ("sex.str.len() > 3", "is none of these"),
        ("age > (lambda: 1)()", "is none of these"),
        ("age.values.tofile('written') == None", "is none of these"),
        ("age > 10 ** 9 ** 9", "is none of these"),
        ("[age for age in [1]]", "is none of these"),
        ("sex = 'female'", "got"),
        ("sex == female", "words stand in quotes"),
        ("gender == 'f'", "there is no column 'gender'"),
        ("age > 'old'", "cannot be compared"),
        ("1 == 1", "names no column"),
        ("age in 5", "takes a column and a list"),
        ("", "got"),
        ("not " * 5000 + "heart_cut", "characters"),
        ("(" * 900 + "heart_cut" + ")" * 900, "got"),
    ],
)
def test_anything_else_is_refused_and_never_run(
    query: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="--where") as refused:
        rows_where(TABLE, query)
    assert hint in str(refused.value)
    assert list(tmp_path.iterdir()) == []
