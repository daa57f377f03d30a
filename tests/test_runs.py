"""Nothing forgotten, nothing overwritten: what a run was given, runs of a name, `make clean`, the model that is meant."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sentiment
from pipelines import runs, settings_stamp
from pipelines.shared import make_variables, stage
from pipelines.shared.stage import without_chatter
from sentiment.common.command_line import default_model, default_model_in_words
from sentiment.errors import InputError
from sentiment.predict import __main__ as predict
from tests.model_fixture import run_child
from tests.test_structure import ROOT, tiny_model

STAMP = "data/interim/sample/settings/load.json"


def make(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The Makefile, run in another folder, where everything is installed."""
    (root / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    for name in ("pyproject.toml", "constraints.txt", ".venv/bin/.installed"):
        (root / name).touch()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-f", str(ROOT / "Makefile"), "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def stamp(root: Path, *more: str) -> None:
    """What Make runs first for a run that is to be made from something."""
    options = ["load", "--root", str(root), "--inputs", "c", "g", *more]
    stage.main(settings_stamp.run, "", settings_stamp.OPTIONS, options)


def test_a_later_make_goes_on_with_what_was_given(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "pipelines")
    monkeypatch.chdir(tmp_path)
    for name in ("my'tweets.csv", "a#b$c.txt"):
        (tmp_path / name).touch()
    given = {"CORPUS": "my'tweets.csv", "GLOVE": "a#b$c.txt", "SET": 'corpus.ignored_labels=["x"] training.epochs=2'}
    stamp(tmp_path, *(part for name, value in given.items() for part in ("--given", f"{name}={value}")))
    assert make_variables.recall(tmp_path / "data/interim/sample") == given
    stamp(tmp_path, "--given", "SET=")
    going_on = caplog.records[-1].getMessage()
    assert going_on == """going on with CORPUS="my'tweets.csv" GLOVE='a#b$c.txt', as before"""
    printed = make(tmp_path, "-np", "help").stdout
    assert "\nCORPUS = my'tweets.csv\n" in printed.replace("?=", "=")
    assert "--given" not in make(tmp_path, "-n", STAMP).stdout
    asked = make(tmp_path, "-n", STAMP, "SET=training.epochs=3", "CORPUS=other.csv")
    assert "--given 'CORPUS=other.csv'" in asked.stdout
    assert "--given 'SET=training.epochs=3'" in asked.stdout
    assert "--given 'GLOVE" not in asked.stdout


def install(root: Path, **pythons: bool) -> subprocess.CompletedProcess:
    """Have Make install, where the commands ``pythons`` are there: those that TensorFlow has builds for, and others."""
    tools = root / "bin"
    tools.mkdir(parents=True)
    for tool in ("sh", "touch", "mkdir", "chmod", "ls", "sed", "find"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    for name, fits in pythons.items():
        fake = tools / name.replace("_", ".")
        fake.write_text(
            f"""#!/bin/sh
case $1 in
--version) echo Python 3.14.1;;
-c) exit {int(not fits)};;
*) echo "$0 makes $3"; mkdir -p .venv/bin; echo '#!/bin/sh' > .venv/bin/pip; chmod +x .venv/bin/pip;;
esac
"""
        )
        fake.chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt"):
        (root / name).touch()
    command = [shutil.which("make") or "make", "-f", str(ROOT / "Makefile"), "-C", str(root), ".venv/bin/.installed"]
    return subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tools)}, check=False)


def test_make_takes_a_python_that_tensorflow_has_builds_for_or_says_in_one_line_that_none_fits(tmp_path: Path) -> None:
    done = install(tmp_path / "one", python3=False, python3_12=True)
    assert done.returncode == 0, done.stderr
    assert "TensorFlow has no build for Python 3.14.1 (python3); taking python3.12\n" in done.stdout
    assert "bin/python3.12 makes .venv" in done.stdout
    done = install(tmp_path / "none", python3=False)
    assert done.returncode == 2
    first, _ = done.stderr.splitlines()
    assert first.startswith("error: TensorFlow has builds for Python 3.11 to 3.13, and python3 is Python 3.14.1; ")
    assert not (tmp_path / "none" / ".venv").exists()


def test_vectors_given_anew_take_the_place_of_a_model_given_before(tmp_path: Path) -> None:
    """The model would win, and the vectors would not be read, without a word."""
    interim, base = tmp_path / "data/interim/sample", tmp_path / "base"
    make_variables.remember(interim, tmp_path / "model", ["FROM=base", "GLOVE=old.txt"], replace=False)
    base.mkdir()
    for name in ("new.txt", "old.txt", "base/model.json"):
        (tmp_path / name).touch()
    assert "--from 'base'" in make(tmp_path, "-n", STAMP).stdout
    assert "--from 'base'" in make(tmp_path, "-n", STAMP, "GLOVE=new.txt", "FROM=base").stdout
    anew = make(tmp_path, "-n", STAMP, "GLOVE=new.txt").stdout.split()
    assert "--from" not in anew
    assert "'FROM='" in anew


def run_make(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The Makefile in another folder, with the code of this one, and its recipes run."""
    for name in ("pipelines", "sentiment"):
        (root / name).exists() or (root / name).symlink_to(ROOT / name)
    return make(root, f"DO={sys.executable} -m", *arguments)


NOTHING = "expected a file, a folder or a pattern that files match, received"
REFUSED = {
    "CORPUS=none.csv": f"CORPUS='none.csv': {NOTHING} nothing",
    "CORPUS=it's.csv": f"""CORPUS="it's.csv": {NOTHING}""",
    "GLOVE=none.txt": "GLOVE='none.txt': expected a file of vectors, received nothing there; give another path",
    "TESTS=none.csv": "TESTS='none.csv': none.csv: no such file; give existing ones",
    "CORPUS=none/*.csv": f"CORPUS='none/*.csv': {NOTHING} nothing",
    "CORPUS=my tweets.csv": "CORPUS='my tweets.csv': expected a path without spaces, at which Make divides; rename",
    "GLOVE=sentiment": "GLOVE='sentiment': expected a file of vectors, received a folder; give another path",
    "TESTS=nobody:pyproject.toml": "nobody:pyproject.toml: neither a file nor PROFILE:FILE; there is no profile 'no",
}


@pytest.mark.parametrize(("given", "message"), REFUSED.items())
def test_what_is_not_there_is_refused(
    tmp_path: Path, given: str, message: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my tweets.csv").touch()
    Path("sentiment").mkdir()
    with pytest.raises(SystemExit, match="2"):
        stamp(tmp_path, "--given", given)
    assert caplog.records[-1].getMessage().startswith(f"error: {message}")
    assert make_variables.recall(tmp_path / "data/interim/sample") == {}


@pytest.mark.parametrize("given", list(REFUSED)[:4])
def test_make_refuses_it_before_anything_runs(tmp_path: Path, given: str) -> None:
    """The model needs all that the other targets need."""
    for target in ("data/interim/sample/tweets.parquet", "models/sample/README.md")[given != "CORPUS=none.csv" :]:
        done = run_make(tmp_path, target, given)
        assert done.returncode == 2
        ours, _ = done.stderr.splitlines()
        assert ours.startswith(f"settings_stamp: error: {REFUSED[given]}")
        assert "pipelines." not in done.stdout


@pytest.mark.parametrize("given", ["PROFILE=my profile", "PROFILE=it's", "PROFILE=", "PROFILE=..", "RUN=a b"])
def test_names_that_make_would_divide_are_refused(tmp_path: Path, given: str) -> None:
    done = make(tmp_path, "clean", given)
    assert done.returncode == 2
    assert f"error: {given}: expected a" in done.stderr
    assert done.stderr.count("\n") == 1


def test_test_sets_are_remembered_and_evaluation_follows_them(tmp_path: Path) -> None:
    evaluated = tmp_path / "data/interim/sample/settings/evaluate.json"
    asked = (STAMP, "data/interim/sample/settings/evaluate.json")
    (tmp_path / "models/sample").mkdir(parents=True)
    (tmp_path / "models/sample/model.json").touch()
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).touch()
    both = "a.csv semeval:b.csv"
    for given in ([f"TESTS={both}"], []):  # a model is not made from its test sets: no REPLACE=1 is asked for
        done = run_make(tmp_path, *asked, *given)
        assert done.returncode == 0, done.stderr
        assert json.loads(evaluated.read_text())["inputs"] == both.split()
    assert f"going on with TESTS={both!r}, as before" in done.stderr
    printed = make(tmp_path, "-n", "models/sample/metrics.json").stdout
    assert "--corpus 'a.csv' --corpus 'semeval:b.csv'" in printed
    run_make(tmp_path, *asked, "TESTS=")
    assert json.loads(evaluated.read_text())["inputs"] == []


def test_a_profile_by_its_path_is_called_by_its_stem(tmp_path: Path) -> None:
    profile = tmp_path / "elsewhere" / "my.toml"
    profile.parent.mkdir()
    profile.write_text("""[[corpora]]\n  file = 'a.csv'\n[[corpora]]\nfile="b.csv"  # ours\n""")
    for name in ("a.csv", "b.csv", "g.txt"):
        (tmp_path / name).touch()
    done = run_make(tmp_path, "data/interim/my/settings/load.json", f"PROFILE={profile}", "GLOVE=g.txt")
    assert done.returncode == 0, done.stderr
    assert make_variables.recall(tmp_path / "data/interim/my") == {"GLOVE": "g.txt"}
    printed = make(tmp_path, "-n", "evaluate", f"PROFILE={profile}").stdout
    assert "--glove 'g.txt'" in printed
    rules = make(tmp_path, "-npq", "evaluate", f"PROFILE={profile}").stdout
    needed = next(line for line in rules.splitlines() if line.startswith("data/interim/my/tweets.parquet: "))
    assert {"a.csv", "b.csv"} <= set(needed.split())
    assert "sentiment verify 'models/my'" in make(tmp_path, "-n", "verify", f"PROFILE={profile}").stdout
    assert "'models/my'\n" in make(tmp_path, "-n", "clean", f"PROFILE={profile}").stdout


def test_what_is_given_empty_is_the_profile_s_again(tmp_path: Path) -> None:
    for name in ("a.csv", "g.txt"):
        (tmp_path / name).touch()
    assert run_make(tmp_path, STAMP, "CORPUS=a.csv", "GLOVE=g.txt").returncode == 0
    printed = make(tmp_path, "-n", "preprocess", "CORPUS=", "GLOVE=").stdout
    assert "--corpus 'data/raw/sample/corpus.csv'" in printed
    assert "--glove 'data/raw/sample/glove.npy'" in printed
    assert run_make(tmp_path, STAMP, "CORPUS=", "GLOVE=").returncode == 0
    assert make_variables.recall(tmp_path / "data/interim/sample") == {}


def test_a_corpus_that_a_profile_names_and_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[[corpora]]\nfile = 'none.csv'\n")
    done = run_make(tmp_path, "preprocess", f"PROFILE={tmp_path}/my.toml")
    assert done.stderr.startswith("settings_stamp: error: file='none.csv': expected a file, a folder or a pattern ")


def test_a_setting_may_hold_quotes_and_spaces(tmp_path: Path) -> None:
    given = """SET=preprocessing.keep_words=["not", 'no'] training.epochs=2 split.test = 0.2"""
    done = run_make(tmp_path, *(f"data/interim/sample/settings/{name}.json" for name in ("preprocess", "train")), given)
    assert done.returncode == 0, done.stderr
    stamps = tmp_path / "data/interim/sample/settings"
    assert json.loads((stamps / "preprocess.json").read_text())["preprocessing"]["keep_words"] == ["not", "no"]
    assert json.loads((stamps / "train.json").read_text())["training"]["epochs"] == 2


def test_a_file_of_a_folder_may_have_a_space_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "tweets").mkdir()
    (tmp_path / "tweets" / "of may.csv").touch()
    rules = make(tmp_path, "-npq", "preprocess", "CORPUS=tweets").stdout
    needed = next(line for line in rules.splitlines() if line.startswith("data/interim/sample/tweets.parquet: "))
    assert "tweets/of may.csv" in needed.replace("\\ ", " ")


def test_a_model_is_not_replaced_by_one_of_other_makings(tmp_path: Path) -> None:
    interim, model = tmp_path / "interim", tmp_path / "model"
    make_variables.remember(interim, model, ["SET=training.epochs=2"], replace=False)
    three = ["SET=training.epochs=3"]
    assert make_variables.remember(interim, model, three, replace=False) == {"SET": "training.epochs=3"}
    model.mkdir()
    (model / "model.json").touch()
    assert make_variables.remember(interim, model, three, replace=False) == {"SET": "training.epochs=3"}
    for given in (["SET=training.epochs=4"], ["SET="], ["CORPUS=b.csv"]):
        with pytest.raises(InputError, match=r"was made with .* would replace it; give the run a name .*RUN=name"):
            make_variables.remember(interim, model, given, replace=False)
    assert make_variables.recall(interim) == {"SET": "training.epochs=3"}
    assert make_variables.remember(interim, model, ["SET=", "GLOVE=g.txt"], replace=True) == {"GLOVE": "g.txt"}
    assert make_variables.recall(interim) == {"GLOVE": "g.txt"}


def test_a_changed_setting_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pipelines")
    stamp(tmp_path)
    stamp(tmp_path, "--set", "corpus.max_bad_rows=3")
    assert caplog.records[-1].getMessage() == "load: corpus.max_bad_rows was 0, is 3"


def test_a_run_has_folders_of_its_own(tmp_path: Path) -> None:
    places = stage.Places(tmp_path, "mine", "gru")
    assert (places.model, places.raw) == (tmp_path / "models/mine-gru", tmp_path / "data/raw/mine")
    assert places.interim.name == places.processed.name == "mine-gru"
    asked = make(tmp_path, "-n", "models/mine-gru/model.keras", "PROFILE=mine", "RUN=gru", "GLOVE=g", "CORPUS=c", "-k")
    assert "--profile mine --run gru" in asked.stdout
    with pytest.raises(SystemExit, match="2"):
        stamp(tmp_path, "--run", "../x")


def artefacts(root: Path, *names: str) -> None:
    for name in names:
        for folder in ("data/interim", "data/processed", "models"):
            (root / folder / name).mkdir(parents=True)
            (root / folder / "README.md").write_text("tracked")
        (root / "models" / name / "model.json").write_text("{}")
    (root / "models" / "latest").symlink_to(names[-1])


def test_clean_touches_one_profile_and_latest_never_dangles(tmp_path: Path) -> None:
    artefacts(tmp_path, "sample", "mine", "mine-gru")
    done = make(tmp_path, "clean", "PROFILE=mine", "RUN=gru")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models/latest").resolve().name in ("mine", "sample")
    assert not (tmp_path / "data/processed/mine-gru").exists()
    make(tmp_path, "clean", "PROFILE=*")  # is no pattern, or the tracked files would go too
    assert (tmp_path / "data/processed/mine").exists()
    assert make(tmp_path, "clean", "PROFILE=all").returncode == 0
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("README.md")}
    assert left == {"data/interim/README.md", "data/processed/README.md", "models/README.md"}
    assert not (tmp_path / "models/latest").is_symlink()


def test_runs_are_listed(tmp_path: Path) -> None:
    assert "no runs yet" in runs.listing(tmp_path)
    artefacts(tmp_path, "sample", "mine")
    held_out = {"held_out": {"n": 4320, "accuracy": 0.8791, "macro_recall": 0.8461}}
    (tmp_path / "models/mine/metrics.json").write_text(json.dumps(held_out))
    made = {"created": "2026-11-21T12:15:49+00:00", "rows": {"train": {"negative": 1000, "positive": 234}}}
    (tmp_path / "models/mine/manifest.json").write_text(json.dumps(made))
    make_variables.remember(tmp_path / "data/interim/mine", tmp_path / "none", ["CORPUS=t.csv"], replace=False)
    _, first, second = (line.split("  ") for line in runs.listing(tmp_path).splitlines())
    first, second = ([cell.strip() for cell in row if cell.strip()] for row in (first, second))
    assert set(second) == {"sample", "-", "0", "not yet", "its profile's defaults"}
    assert first == ["mine (latest)", "2026-11-21 12:15", "1,234", "4,320", "87.9", "84.6", "CORPUS=t.csv"]


def test_the_environment_names_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv("SENTIMENT_MODEL", raising=False)
    assert default_model() == "models/latest"
    monkeypatch.chdir(tmp_path)
    assert default_model_in_words() == f"none ({tmp_path}/models/latest does not exist)"
    folder = tiny_model(tmp_path / "pinned")
    monkeypatch.setenv("SENTIMENT_MODEL", str(folder))
    assert default_model_in_words() == f"{folder} ($SENTIMENT_MODEL)"
    assert sentiment.load().predict(["love"]).tolist() == ["positive"]
    assert predict.main(["love"]) == 0
    assert capsys.readouterr().out.startswith("positive\t")


def test_help_names_the_command_and_mistakes_are_one_line() -> None:
    """All in one process, which imports them once."""
    code = (
        "import runpy, sys\n"
        "for module in sys.argv[1:]:\n"
        "    for option in ('--help', '--nonsense'):\n"
        "        sys.argv = [module, option]\n"
        "        try:\n"
        "            runpy.run_module(module, run_name='__main__', alter_sys=True)\n"
        "        except SystemExit as stop:\n"
        "            print('status', stop.code)\n"
    )
    modules = ("pipelines.load", "pipelines.ablation", "pipelines.compare", "sentiment.predict")
    done = run_child("-c", code, *modules)
    for module in modules:
        assert f"usage: python -m {module} [-h]" in done.stdout
    assert re.findall(r"^status .*$", done.stdout, re.M) == ["status 0", "status 2"] * len(modules)
    assert re.findall(r"(?m)^.*; see --help$", done.stderr) == done.stderr.splitlines()
    assert done.stderr.count("\n") == len(modules)


def test_chatter_of_libraries_is_held_back_and_nothing_else(capfd: pytest.CaptureFixture) -> None:
    lines = (
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"I0000 00:00:1795268342.729281   17053 cudart_stub.cc:31] Could not find cuda drivers on your machine\n"
        b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
        b"E0000 00:00:1795268342.729281   17053 gpu.cc:31] out of memory\nWARNING: something else\n"
    )
    with contextlib.suppress(KeyError), without_chatter():
        os.write(2, lines)
        raise KeyError
    os.write(2, b"after\n")
    held = b"".join(lines.splitlines(keepends=True)[3:]).decode()
    assert capfd.readouterr().err == held + "after\n"
