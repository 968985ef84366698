"""docs/compatibility.md and the tests agree: which fault of cloudigrade 1.0.0 is gone, and what shows it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROW = re.compile(r"^\| ([CSPO][0-9]{1,2}) \|.*\|$", re.MULTILINE)
IN_NAME = re.compile(r"test_((?:[cspo][0-9]{1,2}_)+)")
IN_DOCSTRING = re.compile(r"([CSPO][0-9]{1,2}(?:, [CSPO][0-9]{1,2})*):")


def carried(function):
    """The numbers that a test carries, in its name or at the beginning of its docstring."""
    name = IN_NAME.match(function.name)
    docstring = IN_DOCSTRING.match(ast.get_docstring(function) or "")
    in_name = name[1].upper().strip("_").split("_") if name else []
    return {*in_name, *(docstring[1].split(", ") if docstring else [])}


def functions(text):
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return [function for function in found if function.name.startswith("test_")]


def existing_tests():
    """The numbers of every test, by path and name."""
    return {
        (path.relative_to(ROOT).as_posix(), function.name): carried(function)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for function in functions(path.read_text(encoding="utf-8"))
    }


TESTS = existing_tests()
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = {row[1]: set(NAMED.findall(row[0])) for row in ROW.finditer(TEXT)}


def test_every_test_named_exists():
    assert set(NAMED.findall(TEXT)) - set(TESTS) == set()


def test_every_test_of_a_row_carries_its_number():
    assert {
        (number, *test) for number, tests in ROWS.items() for test in tests if number not in TESTS.get(test, set())
    } == set()


def test_every_row_names_a_test():
    assert [number for number, tests in ROWS.items() if not tests] == []


def test_every_number_stands_in_one_row():
    assert sorted(ROW.findall(TEXT)) == sorted(set().union(*TESTS.values()))


def test_the_rows_of_this_stage_are_there():
    first = {"C1", "C2", *(f"C{number}" for number in (4, 5, 6, *range(8, 17), 36, 53)), "P2", "P3", "P6", "P12"}
    assert first - set(ROWS) == set()


def test_numbers_are_found_in_names_and_docstrings():
    text = (
        'def test_c1_c8_late(): ...\ndef test_it(): "C6, P7: both."\n'
        'def test_of_s3(): ...\ndef test_plain(): "It counts, C1."\ndef helper_c1_(): ...\n'
    )
    found = {function.name: carried(function) for function in functions(text)}
    assert found == {
        "test_c1_c8_late": {"C1", "C8"},
        "test_it": {"C6", "P7"},
        "test_of_s3": set(),
        "test_plain": set(),
    }
