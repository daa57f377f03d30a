"""The shape of the code: which way imports point, what stays light, and that documents and code agree."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sentiment.network.cells import Direction
from sentiment.network.folded import FoldedNetwork
from sentiment.predict import model_folder
from sentiment.text.lexicon import LexiconEntry, build_lexicon
from sentiment.text.normalisation import RULES
from sentiment.text.preprocessor import Preprocessor

ROOT = Path(__file__).parent.parent
SENTIMENT = sorted((ROOT / "sentiment").rglob("*.py"))
PIPELINES = sorted((ROOT / "pipelines").rglob("*.py"))
ROOMS = sorted(path.parent for path in (ROOT / "sentiment").glob("*/__init__.py"))
HEAVY = ("tensorflow", "keras", "spacy", "sklearn", "pandas")
LONGEST_FUNCTION = 60


@cache
def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a module, wherever in it."""
    return list(ast.walk(tree(path)))


def module_name(path: Path) -> str:
    """Dotted name of a module, as it is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imported(path: Path) -> set[str]:
    """Dotted names of all that a module imports, wherever in it."""
    names: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def is_command(path: Path) -> bool:
    """Whether a module can be run with ``python -m``."""
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


@cache
def at_import(path: Path) -> set[str]:
    """Packages that a module imports as soon as it is imported itself."""
    found = [node for node in tree(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
    return {name.split(".")[0] for name in names | {str(n.module) for n in found if isinstance(n, ast.ImportFrom)}}


def none_of(paths: Iterable[Path], faults: Callable[[Path], object]) -> None:
    """Fail with the modules that have ``faults``, and which."""
    assert {module_name(path): found for path in paths if (found := faults(path))} == {}


def test_sentiment_never_imports_pipelines() -> None:
    """Neither by a statement nor by a name in a text."""
    none_of(SENTIMENT, lambda path: [n for n in imported(path) if n.split(".")[0] in ("pipelines", "tests")])
    texts = lambda path: [node.value for node in nodes(path) if isinstance(node, ast.Constant)]  # noqa: E731
    none_of(SENTIMENT, lambda path: [each for each in texts(path) if str(each).startswith("pipelines.")])


def test_stages_do_not_import_each_other() -> None:
    def others(path: Path) -> set[str]:
        named = [name.split(".") for name in imported(path)]
        rooms = {name[1] for name in named if name[0] == "pipelines"} - {path.parent.name, "shared"}
        return rooms | {name[0] for name in named if name[0] == "tests"}

    none_of(PIPELINES, others)


def test_stages_import_nothing_heavy_at_the_top() -> None:
    none_of(filter(is_command, PIPELINES), lambda path: at_import(path) & set(HEAVY))


@cache
def importing_keras() -> frozenset[str]:
    """Our modules that import Keras or TensorFlow at their top."""
    return frozenset(
        module_name(each) for each in [*SENTIMENT, *PIPELINES] if at_import(each) & {"keras", "tensorflow"}
    )


def keras_imports(tree: ast.AST) -> list[int]:
    """Lines that import Keras, or a module that does so at its top."""
    behind = importing_keras() | {"keras", "tensorflow", "pipelines.shared.base_model.load_network"}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return [node.lineno for node in found if {getattr(node, "module", ""), *(a.name for a in node.names)} & behind]


def quiet_imports(tree: ast.AST) -> list[int]:
    """Lines that call ``import_keras()``."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if ast.unparse(call.func) == "import_keras"]


def test_stages_import_keras_without_its_chatter() -> None:
    """A stage that needs it calls ``import_keras()``, in each function before anything else imports it."""

    def loud(path: Path) -> list[str]:
        found = [] if quiet_imports(tree(path)) or not keras_imports(tree(path)) else ["never called"]
        for function in [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]:
            quietly = quiet_imports(function)
            if quietly and min(quietly) >= min(keras_imports(function), default=1 << 30):
                found.append(function.name)
        return found

    none_of((ROOT / "pipelines").glob("*.py"), loud)


def test_imports_are_seen() -> None:
    """The parsing above finds what is there."""
    assert "pipelines.shared.stage" in imported(ROOT / "pipelines/load.py")
    assert "sentiment.data.splitting.Deal" in imported(ROOT / "pipelines/load.py")  # inside a function
    assert "spacy" in at_import(ROOT / "sentiment/text/lemmas.py")
    assert keras_imports(tree(ROOT / "pipelines/embed.py"))
    assert not keras_imports(tree(ROOT / "pipelines/load.py"))


def test_functions_are_short_and_modules_described() -> None:
    def long(path: Path) -> list[str]:
        functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        return [each.name for each in functions if (each.end_lineno or 0) - each.lineno >= LONGEST_FUNCTION]

    none_of(SENTIMENT + PIPELINES, long)
    none_of(SENTIMENT + PIPELINES, lambda path: not ast.get_docstring(tree(path)))


TESTS = sorted((ROOT / "tests").rglob("*.py"))
OURS = {"sentiment", "pipelines", "tests"}


def private_names_of_libraries(found_in: list[ast.AST]) -> list[str]:
    """Names with a leading underscore that a module takes from packages that are neither ours nor Python's."""
    foreign: dict[str, str] = {}
    found = []
    for node in found_in:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found += [alias.name] if "._" in alias.name and is_foreign(alias.name) else []
                foreign[alias.asname or alias.name.split(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                foreign[alias.asname or alias.name] = node.module
                private = is_private(alias.name) or any(map(is_private, node.module.split(".")))
                found += [f"{node.module}.{alias.name}"] if private and is_foreign(node.module) else []
    for node in found_in:
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            top = ast.unparse(node.value).split(".")[0].split("(")[0]
            found += [ast.unparse(node)] if is_foreign(foreign.get(top, "sentiment")) else []
    return found


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_foreign(module: str) -> bool:
    top = module.split(".")[0]
    return top not in OURS and top not in sys.stdlib_module_names


def test_no_private_names_of_libraries_are_used() -> None:
    none_of(SENTIMENT + PIPELINES + TESTS, lambda path: private_names_of_libraries(nodes(path)))


def test_private_names_are_seen() -> None:
    source = (
        "import lib, numpy as np, os\nfrom lib.a import b, _c\nimport lib._d\nlib._e, np._f(), b._g.h, os._exit, x._i"
    )
    assert private_names_of_libraries(list(ast.walk(ast.parse(source)))) == [
        "lib.a._c",
        "lib._d",
        "lib._e",
        "np._f",
        "b._g",
    ]


def test_every_class_has_a_name_of_its_own() -> None:
    paths = SENTIMENT + PIPELINES + TESTS
    classes = [
        (node.name, module_name(path)) for path in paths for node in nodes(path) if isinstance(node, ast.ClassDef)
    ]
    twice = {name for name, count in Counter(name for name, _ in classes).items() if count > 1}
    assert [each for each in classes if each[0] in twice] == []


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
    mains = [module_name(path) for path in PIPELINES if is_command(path)]
    mains = [name.removesuffix(".__main__") for name in mains]
    assert {"pipelines.load", "pipelines.train", "pipelines.export", "pipelines.settings_stamp"} <= set(mains)
    allowed = {"numpy", "pyarrow"}  # in stages
    output = run_python(CHECK % ((*HEAVY, *allowed), ["sentiment.predict", "sentiment", *mains]))
    found = json.loads(output.splitlines()[-1])
    assert list(found) == ["import sentiment", "sentiment.load", "sentiment.predict", "sentiment", *mains]
    assert {name: heavy for name, heavy in found.items() if set(heavy) - (allowed if name in mains else set())} == {}
    assert output.count("usage: ") == len(mains) + 2


def test_verifying_and_what_make_asks_first_do_without_numpy() -> None:
    """NumPy would take most of their time, and Make asks once for each stage."""
    run_python("import sys; sys.modules['numpy'] = None; import pipelines.settings_stamp, sentiment.predict.verify")


def tiny_model(folder: Path, classes: tuple[str, ...] = ("negative", "positive")) -> Path:
    """A model folder made by hand: one unit; *love* pushes it up and *hate* down, unknown words leave it at 0."""
    folder.mkdir()
    lexicon = build_lexicon(
        [LexiconEntry("love", "love", 9), LexiconEntry("hate", "hate", 8), LexiconEntry("the", None, 7)]
    )
    table = np.zeros((1, len(lexicon.vocabulary), 1), np.float32)
    table[0, lexicon.ids["love"]], table[0, lexicon.ids["hate"]] = 2.0, -2.0
    kernel, bias = (
        np.linspace(-3, 3, len(classes), dtype=np.float32)[None],
        np.eye(1, len(classes), 1, np.float32)[0] * (len(classes) > 2),
    )
    network = FoldedNetwork(table, (Direction(np.zeros((1, 1), np.float32)),), kernel, bias, "simple_rnn", "last")
    model_folder.network_files(folder, network)
    Preprocessor(RULES, lexicon, 4).save(folder)
    settings = {"projection": [], "units": 1, "bidirectional": False, "pooling": "last"}
    model = model_folder.describe(folder, classes, settings)
    (folder / model_folder.MODEL).write_text(json.dumps(model), encoding="utf-8")
    return folder


PREDICT = """
import json, sys
import sentiment
model = sentiment.load(sys.argv[1])
texts = ["the love", "I hate it, hate", "qqq", ""]
answer = [model.predict(texts[:2]).tolist(), model.predict_proba(texts).tolist()]
arrow = ["pyarrow" in sys.modules]  # few texts need none
model.predict(texts * 50), model.labels(texts, threshold=0.5), model.explain("love"), repr(model)
arrow += ["pyarrow" in sys.modules]
from sentiment.predict.__main__ import main
assert main(["--model", sys.argv[1], "love"]) == 0
print(json.dumps([*answer, arrow, [heavy for heavy in %r if heavy in sys.modules]]))
"""


def test_predicting_is_light(tmp_path: Path) -> None:
    line, answer = run_python(PREDICT % ((*HEAVY, "scipy"),), str(tiny_model(tmp_path / "model"))).splitlines()
    labels, probabilities, arrow, heavy = json.loads(answer)
    assert heavy == []
    assert arrow == [False, True]
    assert labels == ["positive", "negative"]
    love = 1 / (1 + np.exp(6 * np.tanh(2.0)))  # of the other class: logits are 3 tanh(2) and its negative
    expected = [[love, 1 - love], [1 - love, love], [0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert line == f"positive\t{1 - love:.3f}\tlove"


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
    path = ROOT / "pipelines" / f"{name.replace('.', '/')}.py"
    path = path if path.is_file() else path.with_suffix("") / "__main__.py"
    return path.is_file() and is_command(path)


def test_stages_named_in_the_makefile_exist() -> None:
    named = set(re.findall(r"\$\(DO\) pipelines\.([\w.]+)", MAKEFILE))
    assert {"load", "preprocess", "embed", "train", "export", "evaluate"} <= named
    assert [name for name in sorted(named) if not runnable(name)] == []


STAGE_FILES = {
    "load": "data/interim/none/tweets.parquet",
    "preprocess": "data/processed/none/encoded.json",
    "embed": "data/processed/none/embedding_matrix.npy",
    "train": "models/none/model.keras",
    "export": "models/none/model.json",
    "evaluate": "models/none/metrics.json",
    "report": "models/none/README.md",
}


@cache
def ours(path: Path) -> set[Path]:
    """Our modules that a module imports itself, wherever in it."""
    names = (name.split(".") for name in imported(path))
    found = {ROOT.joinpath(*name[:end]).with_suffix(".py") for name in names for end in range(2, len(name) + 1)}
    return {each for each in found if each.is_file()}


def reached(path: Path, but: Path | None = None) -> set[Path]:
    """All our modules that a module imports, directly or not, ``but`` one and what only that one imports."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        fresh = ours(waiting.pop()) - seen - {but}
        seen |= fresh
        waiting += fresh
    return seen


@pytest.fixture(scope="module")
def prerequisites() -> dict[str, set[str]]:
    """Make's own view of what each file is made from."""
    printed = subprocess.run(["make", "-npq", "PROFILE=none"], cwd=ROOT, capture_output=True, text=True, check=False)
    rules = re.findall(r"^((?:data|models)/\S+): (.*)$", printed.stdout, re.M)
    return {target: set(needed.split()) for target, needed in rules}


def test_make_runs_a_stage_again_after_a_change_in_any_module_it_reaches(prerequisites: dict[str, set[str]]) -> None:
    for name, made in STAGE_FILES.items():
        stage = ROOT / f"pipelines/{name}.py"
        needed = {str(path.relative_to(ROOT)) for path in reached(stage) | {stage}}
        assert len(needed) > 5
        assert (name, sorted(needed - prerequisites[made])) == (name, [])


def test_make_names_code_that_is_there(prerequisites: dict[str, set[str]]) -> None:
    named = {
        path for paths in prerequisites.values() for path in paths if path.startswith(("sentiment/", "pipelines/"))
    }
    assert len(named) > 100
    assert sorted(path for path in named if not (ROOT / path).is_file()) == []
    assert sorted(path for path in named if "__pycache__" in path) == []  # else the second `make` trains anew


# What each room may import of the others: the order that a tweet takes.
BELOW = {
    "common": set(),
    "text": {"common"},
    "data": {"common", "text"},
    "prepare": {"common", "text", "data"},
    "embedding": {"common", "text", "data"},
    "network": {"common", "text"},
    "augment": {"common", "text", "data"},
    "training": {"common", "text", "data", "network"},
    "predict": {"common", "text", "data", "network"},
    "export": {"common", "text", "network", "predict"},
    "score": {"common", "data", "predict"},
    "shares": {"common", "data", "predict", "score"},
    "evaluation": {"common", "text", "data", "predict"},
    "report": {"common", "training", "predict", "evaluation"},
    "serve": {"common", "text", "network", "data", "predict", "shares"},
}


def test_rooms_import_one_way() -> None:
    used_by_all = {"settings.py", "corpus_settings.py", "settings_checks.py", "errors.py"}

    def above(room: Path) -> set[str]:
        names = {path.relative_to(ROOT).parts[1] for module in room.glob("*.py") for path in ours(module)}
        return names - {room.name} - used_by_all - BELOW[room.name]

    none_of(ROOMS, above)


def test_modules_import_in_no_circle() -> None:
    none_of(SENTIMENT + PIPELINES, lambda path: path in reached(path))


def test_a_room_says_what_it_is_for_and_imports_nothing() -> None:
    rooms = [room / "__init__.py" for room in [*ROOMS, ROOT / "pipelines/shared", ROOT / "pipelines/bench"]]
    none_of(rooms, lambda path: not (ast.get_docstring(tree(path)) and len(tree(path).body) == 1))


def named_in_tables(document: str) -> set[str]:
    """Modules of ``pipelines`` that the tables of a document name."""
    rows = [line for line in (ROOT / document).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return set(re.findall(r"python -m pipelines\.(\w+(?:\.\w+)?)", "\n".join(rows)))


def test_stages_named_in_the_readme_are_those_that_exist() -> None:
    stages, others = named_in_tables("README.md"), named_in_tables("docs/commands.md")
    assert [name for name in sorted(stages | others) if not runnable(name)] == []
    assert stages == {"download", *STAGE_FILES}
    assert stages | others >= set(re.findall(r"\$\(DO\) pipelines\.([\w.]+)", MAKEFILE)) - {"settings_stamp"}
