"""The package: what it needs is declared, and its wheel works alone, far from the repository."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sentiment
from pipelines import wheel
from pipelines.shared import stage
from sentiment.__main__ import COMMANDS, main
from sentiment.common.file_checks import sha256_of
from sentiment.common.messages import EXTRAS, install_line
from tests.test_structure import (
    PIPELINES,
    ROOT,
    SENTIMENT,
    at_import,
    imported,
    is_command,
    module_name,
    reached,
    tiny_model,
)  # fmt: skip

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = importlib.metadata.packages_distributions()


def named(requirements: list[str]) -> set[str]:
    """Distributions that requirements name, in lower case."""
    return {re.split(r"[^\w.-]", each)[0].lower() for each in requirements}


def distribution(package: str) -> str:
    """What has to be installed for ``import package``; the same name if that is not installed here."""
    return DISTRIBUTIONS.get(package, [package])[0].lower()


CORE = named(PROJECT["dependencies"])
EXTRA = {name: named(requirements) for name, requirements in PROJECT["optional-dependencies"].items()}


def foreign(path: Path) -> set[str]:
    """Packages that a module imports anywhere and that are neither ours nor Python's."""
    tops = {name.split(".")[0] for name in imported(path)}
    return tops - sys.stdlib_module_names - {"sentiment", "pipelines"}


def test_every_import_is_declared() -> None:
    used = {package for path in SENTIMENT + PIPELINES for package in foreign(path)}
    assert {"numpy", "threadpoolctl", "scipy", "markupsafe", "spacy"} <= used  # what is looked for is found
    outside = {package for package in used if distribution(package) not in CORE}
    assert sorted(outside - {package for packages in EXTRAS.values() for package in packages}) == []


def test_the_list_of_extras_says_what_the_project_declares() -> None:
    pairs = [(package, extra) for extra, packages in EXTRAS.items() for package in packages]
    wrong = [package for package, extra in pairs if distribution(package) not in EXTRA.get(extra, ())]
    assert wrong == []


def test_predicting_and_verifying_need_the_core_and_nothing_else() -> None:
    names = ["sentiment/__main__.py", "sentiment/predict/__main__.py", "sentiment/predict/verify.py"]
    modules = {path for name in names for path in reached(ROOT / name) | {ROOT / name}}
    assert {distribution(package) for path in modules for package in foreign(path)} == CORE


@pytest.mark.parametrize("path", [path for path in PIPELINES if is_command(path)], ids=module_name)
def test_every_stage_starts_with_the_core_alone(path: Path) -> None:
    """So that it can say in one line which extra it lacks."""
    assert {distribution(package) for package in at_import(path) - sys.stdlib_module_names} <= CORE | {
        "sentiment",
        "pipelines",
    }


def test_a_package_of_no_extra_has_no_line() -> None:
    assert install_line(ModuleNotFoundError(name="sentiment.misspelt")) is None
    assert "pip install '.[train]'" in (install_line(ModuleNotFoundError(name="sklearn.svm")) or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert not stopped.value.code
    assert capsys.readouterr().out.startswith(f"usage: sentiment {name} ")


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    listed = capsys.readouterr().err
    assert [name for name in COMMANDS if f"\n  {name} " not in listed] == []
    with pytest.raises(SystemExit, match="^2$"):
        main(["forecast"])
    assert "'forecast'" in capsys.readouterr().err


NO_PATH = "expected a path or an address, received an empty one"
NO_ADDRESS = "expected a path, received the address s3://b/x"
NO_WORKERS = "--workers: expected a whole number from 1 to 1024, received"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", ""], f"model: {NO_PATH}"),
        (["pack", "", "--output", "a.zip"], f"model: {NO_PATH}"),
        (["pack", "a", "--output", "-"], "--output: expected a path or an address, received -"),
        (["predict", "--input", ""], f"--input: {NO_PATH}"),
        (["predict", "--input", "-", "--output", ""], f"--output: {NO_PATH}"),
        (["predict", "--model", "", "hi"], f"--model: {NO_PATH}"),
        (["predict", "--threshold", "1.5", "hi"], "--threshold: expected a probability from 0 to 1, received 1.5"),
        (["predict", "--threshold", "nan", "hi"], "--threshold: expected a probability from 0 to 1, received nan"),
        (["predict", "--threshold", "much", "hi"], "--threshold: invalid probability value: 'much'"),
        *(([name, "", "--output", "x"], f"INPUT: {NO_PATH}") for name in ("score", "share", "draw")),
        *(([name, "a.csv", "--output", ""], f"--output: {NO_PATH}") for name in ("score", "share", "draw")),
        *((["score", "a.csv", "--output", "x", "--workers", n], f"{NO_WORKERS} {n}") for n in ("0", "1000000")),
        (["draw", "a.csv", "--output", "-"], "--output: expected a path or an address, received -"),
        *(([name, "a.csv", "--output", "s3://b/x"], f"--output: {NO_ADDRESS}") for name in ("share", "draw")),
        (["predict", "--input", "a.csv", "--output", "s3://b/x"], f"--output: {NO_ADDRESS}"),
        (["draw", "a.csv", "--output", "x", "--rows", "0"], "--rows: expected a whole number from 1, received 0"),
        (["share", "a.csv", "--output", "x", "--also", " "], "--also: expected the name of a class, received an empty"),
    ],
)
def test_arguments_that_say_nothing_are_refused(arguments: list[str], message: str, capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert f"argument {message}" in capsys.readouterr().err


def link_core(packages: Path) -> None:
    """The core's distributions, and no others, linked into a bare environment."""
    for name in CORE:
        installed = importlib.metadata.distribution(name)
        tops = {file.parts[0] for file in installed.files or () if file.parts[0] != ".."}
        for top in tops | {f"{name}.libs"}:
            source = Path(str(installed.locate_file(top)))
            if source.exists() and not (packages / top).exists():
                (packages / top).symlink_to(source)


def pip(*arguments: str | Path) -> None:
    """Run pip without a network."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments), "-q", "--no-deps"]
    subprocess.run([*command, "--no-index"], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh environment that holds the wheel and the core; removed afterwards."""
    folder = tmp_path_factory.mktemp("package")
    made = stage.Places(folder, "tiny").model
    made.parent.mkdir()
    tiny_model(made)
    (made / "README.md").write_text("a card")
    sums = {path.name: sha256_of(path) for path in made.iterdir()}
    inputs = {"corpus": {"path": "gone.csv", "sha256": ""}}
    (made / "manifest.json").write_text(json.dumps({"artefacts": sums | {"model.keras": ""}, "inputs": inputs}))
    (folder / "tiny.toml").touch()
    options = ["--profile", str(folder / "tiny.toml"), "--root", str(folder), "--output", str(folder / "wheels")]
    stage.main(wheel.run, "", wheel.OPTIONS, options)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    pip("--python", folder / "env/bin/python", "install", "--no-compile", *(folder / "wheels").iterdir())
    link_core(next((folder / "env/lib").glob("*/site-packages")))
    yield folder / "env"
    shutil.rmtree(folder)


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    """A model folder."""
    return tiny_model(tmp_path / "model")


def run(environment: Path, command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the environment's commands, in ``cwd``."""
    return subprocess.run(
        [environment / "bin" / command, *arguments], cwd=cwd, env={}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_library_and_no_pipelines(environment: Path) -> None:
    packages = next((environment / "lib").glob("*/site-packages"))
    files = [path for path in (ROOT / "sentiment").rglob("*") if path.is_file()]
    wanted = {path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts}
    assert Path("sentiment/py.typed") in wanted
    assert sorted(str(path) for path in wanted if not (packages / path).is_file()) == []
    assert not (packages / "pipelines").exists()


@pytest.mark.slow
def test_the_packaged_model_answers_and_is_what_its_manifest_says(environment: Path, tmp_path: Path) -> None:
    predicted = run(environment, "sentiment", "predict", "the love", cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert re.fullmatch(r"positive\t0\.99\d\tthe love\n", predicted.stdout)
    code = "import sentiment; print(*sentiment.load().predict(['hate']))"
    assert run(environment, "python", "-c", code, cwd=tmp_path).stdout == "negative\n"
    packages = next((environment / "lib").glob("*/site-packages"))
    verified = run(environment, "sentiment", "verify", str(packages / "sentiment/packaged_model.zip"), cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr


@pytest.mark.slow
def test_other_models_win_over_the_packaged_one(environment, tmp_path, hand_made, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "latest").symlink_to(hand_made)
    version = f"sentiment {sentiment.__version__}\nmodel: "
    packaged = run(environment, "sentiment", "--version", cwd=environment)
    assert re.fullmatch(rf"{version}/.*/sentiment/packaged_model\.zip \(packaged\)\n", packaged.stdout)
    trained = run(environment, "sentiment", "--version", cwd=tmp_path)
    assert trained.stdout == f"{version}{hand_made} (models/latest, trained last)\n"
    (hand_made / "model.json").write_text("{}")
    assert "model.json: damaged" in run(environment, "sentiment", "predict", "the love", cwd=tmp_path).stderr


@pytest.mark.slow
def test_the_console_script_explains_and_verifies_in_another_folder(environment, tmp_path, hand_made):
    explained = run(environment, "sentiment", "explain", "--model", str(hand_made), "hate", cwd=tmp_path)
    assert explained.returncode == 0
    assert re.match(r"negative 99\.\d%  \(log-odds .*\)\n  hate ", explained.stdout)
    inputs = {"corpus": {"path": "gone.csv", "sha256": ""}}
    (hand_made / "manifest.json").write_text(json.dumps({"artefacts": {"gone": ""}, "inputs": inputs}))
    verified = run(environment, "sentiment", "verify", str(hand_made), cwd=tmp_path)
    assert verified.returncode == 2
    assert "gone is missing\n" in verified.stdout


@pytest.mark.slow
def test_without_an_extra_one_line_says_what_to_do(environment: Path, tmp_path: Path) -> None:
    lacking = run(environment, "python", "-m", "sentiment.serve", cwd=tmp_path)
    assert (lacking.returncode, lacking.stderr.count("\n")) == (2, 1), lacking.stderr
    assert " is not installed; the extra 'serve' brings it: pip install '.[serve]'" in lacking.stderr
