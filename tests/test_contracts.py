"""Every contract of the architecture can fail: a wrong import in a small copy of the tree breaks the build."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = configparser.ConfigParser()
RULES.read(ROOT / ".importlinter")
CONTRACTS = {
    name.rpartition(":")[2]: rules for name, rules in RULES.items() if name.startswith("importlinter:contract:")
}
NAMES = {rules["name"] for rules in CONTRACTS.values()}

VIOLATIONS = {
    "layers": ("domain.events", "import cloudigrade.models"),
    "acyclic": ("domain.days", "import cloudigrade.domain.events"),
    "pure-domain": ("domain.days", "import celery"),
    "no-framework-below-models": ("clouds.aws.extra", "import django"),
    "services": ("services.usage", "import rest_framework"),
    "pure-parsers": ("clouds.aws.cloudtrail", "import cloudigrade.clouds.aws.session"),
    "clouds-apart": ("clouds.azure.extra", "import cloudigrade.clouds.aws.arn"),
    "sdk": ("tasks.usage", "import boto3"),
    "inspector-sdk": ("inspector.layout", "import boto3"),
    "inspector-stands-alone": ("inspector.extra", "import pydantic"),
}
"""By contract: a module and the line that breaks this contract and no other."""


def _write(tree, module, line=""):
    path = tree.joinpath("cloudigrade", *module.split("."))
    for folder in path.relative_to(tree).parents[:-1]:
        (tree / folder).mkdir(exist_ok=True, parents=True)
        (tree / folder / "__init__.py").touch()
    with path.with_suffix(".py").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


@pytest.fixture(scope="module")
def small_tree(tmp_path_factory):
    """Every layer and every module that a contract names, with nothing in them."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / ".importlinter", tree)
    for layer in re.findall(r"\w+", CONTRACTS["layers"]["layers"]):
        _write(tree, layer if layer == "__main__" else f"{layer}.extra")
    for rules in CONTRACTS.values():
        for module in re.findall(r"cloudigrade\.([\w.]+\.\w+)", "\n".join(rules.values())):
            _write(tree, module)
    _write(tree, "domain.events", "import cloudigrade.domain.days")
    return tree


@pytest.fixture
def tree(small_tree, tmp_path):
    return shutil.copytree(small_tree, tmp_path / "tree")


def _broken(tree):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False, env={"COLUMNS": "200"})
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)(?: \(.+ ignored imports\))?$", done.stdout, re.MULTILINE))
    assert set(verdicts) == NAMES, done.stdout + done.stderr
    broken = {name for name, verdict in verdicts.items() if verdict == "BROKEN"}
    assert done.returncode == (1 if broken else 0)
    return broken


def test_every_contract_is_tried():
    assert set(VIOLATIONS) == set(CONTRACTS)


def test_the_small_tree_keeps_all_contracts(tree):
    assert _broken(tree) == set()


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_violation_breaks_its_contract(tree, contract):
    _write(tree, *VIOLATIONS[contract])
    assert _broken(tree) == {CONTRACTS[contract]["name"]}


def test_a_module_without_a_place_breaks_the_build(tree):
    _write(tree, "stray")
    assert _broken(tree) == {CONTRACTS["layers"]["name"]}


def test_the_package_keeps_all_contracts():
    assert _broken(ROOT) == set()
