"""The structure holds: imports point one way, help is light, README, Makefile and stages agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model_fixture import child_environment

ROOT = Path(__file__).resolve().parent.parent
SENTIMENT = sorted((ROOT / "sentiment").glob("*.py"))
PIPELINES = sorted((ROOT / "pipelines").glob("*.py"))
SHARED = {"stage", "files", "inputs", "artefacts", "transfer", "evaluated"}
STAGES = [path.stem for path in PIPELINES if path.stem not in SHARED | {"__init__"}]
MAKEFILE = (ROOT / "Makefile").read_text()
README = (ROOT / "README.md").read_text()


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", SENTIMENT, ids=lambda path: path.stem)
def test_sentiment_knows_nothing_of_pipelines(path):
    assert not [name for name in imported(path) if name.split(".")[0] in ("pipelines", "tests")]


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_stages_do_not_import_one_another(path):
    others = {name.split(".")[1] for name in imported(path) if name.startswith("pipelines.")}
    assert others <= SHARED


@pytest.mark.parametrize("name", STAGES)
def test_help_of_a_stage_is_light(name):
    code = (
        f"import runpy, sys, contextlib\nsys.argv = ['{name}', '--help']\n"
        f"with contextlib.suppress(SystemExit): runpy.run_module('pipelines.{name}', run_name='__main__')\n"
        "heavy = {'tensorflow', 'keras', 'spacy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=child_environment(), check=True
    )
    assert "--profile" in done.stdout or name == "compare"


@pytest.mark.parametrize("path", SENTIMENT + PIPELINES, ids=lambda path: path.stem)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_every_stage_of_the_readme_exists_and_is_run_by_make():
    named = re.findall(r"^\| \w+ \| `python -m pipelines\.(\w+)` \|", README, re.MULTILINE)
    assert len(named) >= 8
    for name in named:
        assert name in STAGES
        assert f"pipelines.{name}" in MAKEFILE


def test_targets_of_the_readme_exist_and_have_help():
    targets = {target for line in re.findall(r"^make ([a-z ]+)", README, re.MULTILINE) for target in line.split()}
    assert {"preprocess", "train", "evaluate", "test", "download"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:.*## \w+", MAKEFILE, re.MULTILINE), target


def test_code_named_by_make_exists():
    for name in re.findall(r"(?<![\w$(/])(?:pipelines|sentiment)/\w+\.py", MAKEFILE):
        assert (ROOT / name).is_file(), name
    for group in re.findall(r"addprefix sentiment/,([^)]*)\)", MAKEFILE):
        for name in group.split():
            assert (ROOT / "sentiment" / name).is_file(), name
