"""The shape of the code: which way imports point, what stays light, and that documents and code agree."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sentiment import model_folder
from sentiment.lexicon import LexiconEntry, build_lexicon
from sentiment.normalisation import RULES
from sentiment.preprocessing import Preprocessor
from sentiment.recurrence import Direction, FoldedNetwork

ROOT = Path(__file__).parent.parent
SENTIMENT = sorted((ROOT / "sentiment").glob("*.py"))
PIPELINES = sorted((ROOT / "pipelines").glob("*.py"))
# Modules of pipelines/ that stages may import: none of them is a stage.
SHARED = {"stage", "files", "inputs", "artefacts", "evaluated", "manifest", "transfer"}
SHARED |= {"contenders", "material", "ablation_runs"}
HEAVY = ("tensorflow", "keras", "spacy", "sklearn", "pandas")
LONGEST_FUNCTION = 60
LONGEST_FILE = 250
# Longer than that, each for its reason; a test below takes a name off this list once it is short.
LONG_FILES = {"sentiment/settings.py": 310, "pipelines/transfer.py": 270}


def imported(path: Path) -> set[str]:
    """Dotted names of all that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def at_import(path: Path) -> set[str]:
    """Packages that a module imports as soon as it is imported itself."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    nodes = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in names | {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)}}


@pytest.mark.parametrize("path", SENTIMENT, ids=lambda path: path.stem)
def test_sentiment_never_imports_pipelines(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] in ("pipelines", "tests")]


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_stages_do_not_import_each_other(path: Path) -> None:
    siblings = {name.split(".")[1] for name in imported(path) if name.startswith("pipelines.")}
    assert siblings <= SHARED
    assert not [name for name in imported(path) if name.split(".")[0] == "tests"]


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_stages_import_nothing_heavy_at_the_top(path: Path) -> None:
    assert at_import(path).isdisjoint(HEAVY)


def test_imports_are_seen() -> None:
    """The parsing above finds what is there."""
    assert "pipelines.stage" in imported(ROOT / "pipelines/load.py")
    assert "sentiment.splitting.split" in imported(ROOT / "pipelines/load.py")  # inside a function
    assert "spacy" in at_import(ROOT / "sentiment/lemmas.py")


@pytest.mark.parametrize("path", SENTIMENT + PIPELINES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_files_and_functions_are_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONG_FILES.get(f"{path.parent.name}/{path.name}", LONGEST_FILE)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= LONGEST_FUNCTION, node.name
    assert ast.get_docstring(ast.parse(source)), "no docstring"


@pytest.mark.parametrize("name", LONG_FILES)
def test_exceptions_to_the_length_are_needed(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) > LONGEST_FILE


def test_shared_modules_are_no_stages() -> None:
    assert [name for name in SHARED if runnable(name)] == []
    assert {path.stem for path in PIPELINES} >= SHARED


CHECK = """
import json, runpy, sys
found = {}
def note(name):
    found[name] = [heavy for heavy in %r if heavy in sys.modules]
import sentiment
note("import sentiment")
sentiment.load
note("sentiment.load")
for module in %r:
    sys.argv = [module, "--help"]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        assert not stop.code, module
    note(module)
print(json.dumps(found))
"""


def run_python(code: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_help_is_light() -> None:
    """In one process, so that the first name in the answer is the one to blame."""
    mains = [f"pipelines.{path.stem}" for path in PIPELINES if '__name__ == "__main__"' in path.read_text()]
    assert {"pipelines.load", "pipelines.train", "pipelines.export", "pipelines.settings"} <= set(mains)
    output = run_python(CHECK % (HEAVY, ["sentiment.predict", *mains]))
    found = json.loads(output.splitlines()[-1])
    assert list(found) == ["import sentiment", "sentiment.load", "sentiment.predict", *mains]
    assert {name: heavy for name, heavy in found.items() if heavy} == {}
    assert output.count("usage: ") == len(mains) + 1


def tiny_model(folder: Path) -> Path:
    """A model folder made by hand: one unit; *love* pushes it up and *hate* down, unknown words leave it at 0."""
    folder.mkdir()
    lexicon = build_lexicon(
        [LexiconEntry("love", "love", 9), LexiconEntry("hate", "hate", 8), LexiconEntry("the", None, 7)]
    )
    table = np.zeros((1, len(lexicon.vocabulary), 1), np.float32)
    table[0, lexicon.ids["love"]], table[0, lexicon.ids["hate"]] = 2.0, -2.0
    kernel, bias = np.array([[-3.0, 3.0]], np.float32), np.zeros(2, np.float32)
    network = FoldedNetwork(table, (Direction(np.zeros((1, 1), np.float32)),), kernel, bias, "simple_rnn", "last")
    model_folder.network_files(folder, network)
    (folder / model_folder.LEXICON).write_text(lexicon.to_tsv(), encoding="utf-8")
    (folder / model_folder.VOCABULARY).write_text("".join(f"{word}\n" for word in lexicon.vocabulary), encoding="utf-8")
    (folder / model_folder.PREPROCESSING).write_text(Preprocessor(RULES, lexicon, 4).to_json(), encoding="utf-8")
    settings = {"projection": [], "units": 1, "bidirectional": False, "pooling": "last"}
    model = model_folder.describe(folder, ["negative", "positive"], settings)
    (folder / model_folder.MODEL).write_text(json.dumps(model), encoding="utf-8")
    return folder


PREDICT = """
import json, sys
import sentiment
model = sentiment.load(sys.argv[1])
texts = ["the love", "I hate it, hate", "qqq", ""]
answer = [model.predict(texts[:2]).tolist(), model.predict_proba(texts).tolist()]
import sentiment.predict
assert sentiment.predict.main(["--model", sys.argv[1], "love"]) == 0
print(json.dumps([*answer, [heavy for heavy in %r if heavy in sys.modules]]))
"""


def test_predicting_is_light(tmp_path: Path) -> None:
    line, answer = run_python(PREDICT % (HEAVY,), str(tiny_model(tmp_path / "model"))).splitlines()
    labels, probabilities, heavy = json.loads(answer)
    assert heavy == []
    assert labels == ["positive", "negative"]
    love = 1 / (1 + np.exp(6 * np.tanh(2.0)))  # of the other class: logits are 3 tanh(2) and its negative
    expected = [[love, 1 - love], [1 - love, love], [0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert line == f"positive\t{1 - love:.3f}\tlove"


def test_the_check_for_heavy_modules_can_fail() -> None:
    output = run_python(f"import sys, spacy; print([heavy for heavy in {HEAVY!r} if heavy in sys.modules])")
    assert "spacy" in output


MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_make_targets_have_help_texts() -> None:
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M).group(1).split()) - {"FORCE"}  # type: ignore[union-attr]
    documented = set(re.findall(r"^([a-z][a-z-]*):[^\n]*## \S", MAKEFILE, re.M))
    assert documented == phony
    assert {"all", "help", "preprocess", "train", "evaluate", "test", "check", "bench"} <= phony
    assert ".DELETE_ON_ERROR:" in MAKEFILE


def test_make_help_lists_every_target() -> None:
    result = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in result.stdout.splitlines()]
    assert listed == re.findall(r"^([a-z][a-z-]*):[^\n]*## \S", MAKEFILE, re.M)


def runnable(name: str) -> bool:
    path = ROOT / "pipelines" / f"{name}.py"
    return path.is_file() and '__name__ == "__main__"' in path.read_text(encoding="utf-8")


def test_stages_named_in_the_makefile_exist() -> None:
    named = set(re.findall(r"\$\(RUN\) pipelines\.(\w+)", MAKEFILE))
    assert {"load", "preprocess", "embed", "train", "export", "evaluate"} <= named
    assert [name for name in sorted(named) if not runnable(name)] == []


def test_code_named_in_the_makefile_exists() -> None:
    names = re.findall(r"(?:pipelines|sentiment)/\w+\.py", MAKEFILE)
    names += [
        f"sentiment/{name}" for group in re.findall(r"addprefix sentiment/,([^)]*)", MAKEFILE) for name in group.split()
    ]
    assert len(names) > 20
    assert [name for name in names if not (ROOT / name).is_file()] == []


def test_stages_named_in_the_readme_are_those_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    named = set(re.findall(r"python -m pipelines\.(\w+)", "\n".join(rows)))
    assert [name for name in sorted(named) if not runnable(name)] == []
    beside = {"settings", "bench", "bench_gpu", "ablation", "onnx"}
    assert named >= set(re.findall(r"\$\(RUN\) pipelines\.(\w+)", MAKEFILE)) - beside
