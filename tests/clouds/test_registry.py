"""Which folders are clouds."""

import sys

import pytest

import cloudigrade.clouds
from cloudigrade.clouds import registry


def test_a_folder_with_a_module_of_that_name_is_a_cloud_and_one_that_only_translates_is_not(tmp_path, monkeypatch):
    for name, module in {"whole_here": "cloud.py", "words_here": "translate.py"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / module).touch()
    monkeypatch.setattr(cloudigrade.clouds, "__path__", [*cloudigrade.clouds.__path__, str(tmp_path)])

    names = registry.names()

    assert names == ["aws", "whole_here"]
    for module in [name for name in sys.modules if name.endswith(("whole_here", "words_here"))]:
        monkeypatch.delitem(sys.modules, module)


def test_azure_has_no_settings_yet():
    assert list(registry.sections()) == ["aws"]
    with pytest.raises(LookupError):
        registry.build("azure", registry.sections()["aws"](), environment="test")
