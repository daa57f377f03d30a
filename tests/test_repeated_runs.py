"""`crossvalidate`, `curve` and `ablation` run the stages with all that they were given."""

from pathlib import Path

import pytest

from pipelines import ablation, crossvalidate, curve
from pipelines.shared import base_model, repeated_runs, stage
from tests.model_fixture import write_corpus, write_inputs

COMMANDS = {"crossvalidate": crossvalidate, "curve": curve, "ablation": ablation}
GRID = """
seeds = [1]
[[groups]]
title = "Cell"
[groups.variants]
"gated" = { "network.cell" = "gru" }
"""


class FirstStageError(Exception):
    """Ends a command once it asks for its first training."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The options of each stage up to the first training."""
    made: dict[str, list[str]] = {}

    def run_stage(name: str, options: list[str]) -> None:
        made[name] = list(options)
        if name == "train":
            raise FirstStageError

    monkeypatch.setattr(repeated_runs, "run_stage", run_stage)
    monkeypatch.setattr(curve, "_count", lambda this, root: 200)
    return made


def run(name: str, root: Path, *options: str, profile: str = "") -> None:
    """Run a command until it asks for its first training."""
    write_inputs(root)
    (root / "tiny.toml").write_text(profile)
    (root / "grid.toml").write_text(GRID)
    argv = ["--profile", str(root / "tiny.toml"), "--root", str(root), *options]
    argv += ["--grid", str(root / "grid.toml")] if name == "ablation" else []
    with pytest.raises(FirstStageError):
        stage.main(COMMANDS[name].run, "", COMMANDS[name].OPTIONS, argv)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_base_model_is_passed_on_to_every_stage(
    tmp_path: Path, asked: dict, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(base_model, "inherit", lambda settings, given, folder: settings)
    base = tmp_path / "base"
    base.mkdir()
    (base / "model.keras").write_text("weights")
    run(name, tmp_path, "--corpus", str(tmp_path / "corpus.csv"), "--from", str(base))
    assert list(asked) == ["load", "preprocess", "embed", "train"]
    for options in asked.values():
        assert options[options.index("--from") + 1] == str(base)
        assert "--glove" not in options


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", ["folder", "pattern", "corpora"])
def test_a_corpus_may_be_a_folder_a_pattern_or_several_files(tmp_path: Path, asked: dict, name: str, kind: str) -> None:
    (tmp_path / "tweets").mkdir()
    write_corpus(tmp_path / "tweets" / "a.csv", [("4", "good")])
    given = {"folder": [str(tmp_path / "tweets")], "pattern": [str(tmp_path / "tweets" / "*.csv")], "corpora": []}[kind]
    profile = f"[[corpora]]\nfile = '{tmp_path}/tweets/a.csv'\n" if kind == "corpora" else ""
    corpus = ["--corpus", *given] if given else []
    run(name, tmp_path, *corpus, "--glove", str(tmp_path / "glove.txt"), profile=profile)
    assert asked["load"][-2:] == corpus or (kind == "corpora" and "--corpus" not in asked["load"])


@pytest.mark.parametrize("name", COMMANDS)
def test_inputs_that_are_missing_are_refused_at_once(
    tmp_path: Path, asked: dict, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    glove = tmp_path / "glove.txt"
    glove.touch()
    for options, message in (
        (["--corpus", "none.csv", "--glove", str(glove)], "none.csv: cannot be read (No such file"),
        (["--corpus", str(glove)], "--glove: expected vectors, or a model to start from (--from), received neither"),
    ):
        with pytest.raises(SystemExit, match="2"):
            stage.main(COMMANDS[name].run, "", COMMANDS[name].OPTIONS, ["--root", str(tmp_path), *options])
        assert message in caplog.text
    assert asked == {}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("crossvalidate", ["--folds", "1"], "argument --folds: expected a whole number from 2, received 1"),
        ("crossvalidate", ["--seeds", "-1"], "argument --seeds: expected a whole number from 0, received -1"),
        ("curve", ["--sizes", "0"], "argument --sizes: expected a whole number from 1, received 0"),
        ("ablation", ["--vectors", "a", "--from", "b"], "--vectors: have no use with --from"),
    ],
)
def test_options_that_say_nothing_are_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys, name: str, options: list, message: str
) -> None:
    """A curve of 0 tweets would show the figures of all."""
    monkeypatch.setattr(base_model, "inherit", lambda settings, given, folder: settings)
    with pytest.raises(SystemExit, match="2"):
        stage.main(COMMANDS[name].run, "", COMMANDS[name].OPTIONS, options)
    assert message in capsys.readouterr().err + caplog.text
