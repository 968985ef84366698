"""The rules of the house that no linter knows."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST_FUNCTION = 50
LONGEST_FILE = 400
VAGUE_MODULE = re.compile(r"(^|_)(util|utils|helper|helpers|common|misc|manager|managers)(_|$)")
VAGUE_VERB = re.compile(r"^_*(process|handle|do|manage)(_|$)")
DEMANDED = {"handle"}
"""Names that a framework demands."""


def _sources(*folders):
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts and "__pycache__" not in path.parts
    ]


OURS = _sources("cloudigrade", "tests", "benchmarks")
PACKAGE = _sources("cloudigrade")


def _nodes(text, *kinds):
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def long_functions(text):
    functions = _nodes(text, ast.FunctionDef, ast.AsyncFunctionDef)
    return [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION]


def vague_functions(text):
    names = [node.name for node in _nodes(text, ast.FunctionDef, ast.AsyncFunctionDef)]
    return [name for name in names if VAGUE_VERB.match(name) and name not in DEMANDED]


def imported(text):
    """Every module that is imported, and every name of a module."""
    found = set()
    for node in _nodes(text, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def called(text):
    return {node.func.id for node in _nodes(text, ast.Call) if isinstance(node.func, ast.Name)}


def float_fields(text):
    return {node.attr for node in _nodes(text, ast.Attribute)} & {"FloatField"}


FORBIDDEN = {
    "django.dispatch": "signals",
    "django.db.models.signals": "signals",
    "celery.signals": "signals",
    "django.contrib.contenttypes": "generic foreign keys",
    "pickle": "pickle",
    "shelve": "pickle",
    "marshal": "pickle",
}


def forbidden(text):
    return {
        reason
        for name in imported(text)
        for module, reason in FORBIDDEN.items()
        if name == module or name.startswith(f"{module}.")
    }


def test_there_is_something_to_look_at():
    assert len(PACKAGE) > 20
    assert len(OURS) > len(PACKAGE)


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE
    assert long_functions(text) == []


def test_every_module_has_a_subject():
    assert [
        path for path in OURS if any(VAGUE_MODULE.search(part) for part in path.relative_to(ROOT).with_suffix("").parts)
    ] == []


def test_verbs_say_something():
    assert {path: names for path in PACKAGE if (names := vague_functions(path.read_text(encoding="utf-8")))} == {}


def test_no_signals_generic_keys_or_pickle():
    assert {path: reasons for path in PACKAGE if (reasons := forbidden(path.read_text(encoding="utf-8")))} == {}


def test_no_print():
    assert [path for path in PACKAGE if called(path.read_text(encoding="utf-8")) & {"print", "pprint"}] == []


def test_no_floating_point_columns():
    assert [path for path in PACKAGE if float_fields(path.read_text(encoding="utf-8"))] == []


def test_services_know_no_http():
    http = re.compile(r"^django\.(http|urls|views|shortcuts|middleware)(\.|$)")
    services = _sources("cloudigrade/services")
    assert [path for path in services if any(map(http.match, imported(path.read_text(encoding="utf-8"))))] == []


def test_the_domain_is_standard_library_and_numpy():
    allowed = sys.stdlib_module_names | {"numpy", "cloudigrade"}
    used = {
        name.split(".")[0]
        for path in _sources("cloudigrade/domain")
        for name in imported(path.read_text(encoding="utf-8"))
    }
    assert used <= allowed


def test_every_test_folder_is_a_package():
    folders = {path.parent for path in _sources("tests")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_rules_can_fail():
    assert long_functions("def f():\n" + "    x\n" * 50) == ["f"]
    assert long_functions("def f():\n" + "    x\n" * 49) == []
    assert vague_functions("def _process_it(): ...\nasync def do(): ...\ndef handle(): ...\ndef done(): ...") == [
        "_process_it",
        "do",
    ]
    assert [bool(VAGUE_MODULE.search(name)) for name in ("utils", "event_helper", "misc", "community")] == [
        True,
        True,
        True,
        False,
    ]
    assert forbidden("from django.db.models import signals") == {"signals"}
    assert forbidden("import pickle") == {"pickle"}
    assert forbidden("from django.contrib.contenttypes.fields import GenericForeignKey") == {"generic foreign keys"}
    assert called("print(1)") == {"print"}
    assert float_fields("models.FloatField()") == {"FloatField"}
    assert "django.http" in imported("from django.http import HttpRequest")
