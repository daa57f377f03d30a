"""The ablation: what is trained, what is kept of it, and that it goes on where it stopped."""

import json
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipelines import ablation as ablation_stage
from pipelines.ablation import Grid, GridGroup, GridRun, picture, summarise, table
from pipelines.shared import profiles, repeated_runs, stage
from sentiment.errors import ArtefactError
from tests.model_fixture import SETTINGS, write_inputs

GRID = """
seeds = [1, 2]
train_rows = 100
[settings]
"split.test" = 0.1
[[groups]]
title = "Cell"
[groups.variants]
"plain" = {}
"gated" = { "network.cell" = "gru" }
[[groups]]
title = "Words"
[groups.variants]
"lemmas" = {}
"as written" = { "preprocessing.lemmatise" = false }
"""


def result(accuracy: float) -> dict:
    return {"accuracy": accuracy, "loss": 0.5, "rows": 9, "validation_rows": 100, "seconds": 2.0}


def summary_of(groups: dict[str, dict[str, list[float]]]) -> dict[str, list[dict]]:
    """The summary of runs with these accuracies, by group and variant; a run without one has no result yet."""
    runs = [
        (GridRun(title, name, (), None, seed, f"{title}{name}{seed}", ""), accuracy)
        for title, variants in groups.items()
        for name, accuracies in variants.items()
        for seed, accuracy in enumerate(accuracies or [None])
    ]
    return summarise([each for each, _ in runs], {each.identity: result(a) for each, a in runs if a is not None})


def run(tmp_path: Path, grid: str = GRID, *more: str) -> None:
    this = write_inputs(tmp_path)
    path = tmp_path / "grid.toml"
    path.write_text(grid)
    inputs = ["--corpus", str(this.corpus), "--glove", str(this.glove), "--grid", str(path)]
    options = this.options(*inputs, *more, settings=[*SETTINGS, "training.epochs=1"])
    stage.main(ablation_stage.run, "ablation", ablation_stage.OPTIONS, options)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[ablation_stage.GridRun]:
    """Runs that were asked for; none is really made."""
    asked: list[ablation_stage.GridRun] = []

    def execute(this: stage.Stage, root: Path, run: ablation_stage.GridRun) -> dict:
        asked.append(run)
        return result(0.5 + run.seed / 10)

    monkeypatch.setattr(ablation_stage, "execute", execute)
    return asked


def test_each_variant_is_trained_once_with_each_seed(tmp_path: Path, made: list, capsys: pytest.CaptureFixture) -> None:
    run(tmp_path)
    common = ("split.test=0.1", "split.train_rows=100")
    pairs = {run.pairs for run in made}
    assert pairs == {common, ('network.cell="gru"', *common), ("preprocessing.lemmatise=false", *common)}
    assert len(made) == len(set(made)) == 6
    assert [run.shared for run in made] == sorted(run.shared for run in made)  # what is shared is made once
    data = json.loads((tmp_path / "models/tiny/ablation/ablation.json").read_text())
    assert [row["variant"] for row in data["Cell"]] == ["plain", "gated"]
    assert data["Words"][0] == data["Cell"][0] | {"variant": "lemmas"}
    assert data["Cell"][0]["accuracy"] == pytest.approx(0.65)
    assert (tmp_path / "models/tiny/ablation/ablation.md").read_text() == capsys.readouterr().out


def test_finished_runs_are_not_made_again(tmp_path: Path, made: list) -> None:
    run(tmp_path)
    made.clear()
    run(tmp_path)
    assert made == []
    next((tmp_path / "models/tiny/ablation/results").glob("*/*.json")).unlink()  # stopped before its end
    run(tmp_path)
    assert len(made) == 1
    made.clear()
    run(tmp_path, GRID, "--set", "training.batch_size=16")
    assert len(made) == 6  # results of other settings do not count


def test_the_command_line_narrows_the_grid(tmp_path: Path, made: list) -> None:
    run(tmp_path, GRID, "--seeds", "5", "5", "--train-rows", "50")
    assert {each.seed for each in made} == {5}
    assert all("split.train_rows=50" in each.pairs for each in made)
    assert json.loads((tmp_path / "models/tiny/ablation/ablation.json").read_text())["Cell"][0]["seeds"] == 1


def test_further_vectors_are_a_group_of_their_own(tmp_path: Path, made: list) -> None:
    (tmp_path / "other.txt").write_text("love 1 2\nhate 3 4\n")
    run(tmp_path, GRID, "--vectors", str(tmp_path / "other.txt"))
    assert [each.glove.name for each in made].count("other.txt") == 2
    data = json.loads((tmp_path / "models/tiny/ablation/ablation.json").read_text())
    assert [row["variant"] for row in data["GloVe vectors"]] == ["glove.txt", "other.txt"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("seeds = 3", "seeds: expected a list in brackets, received 3"),
        ("grups = []", "grups: unknown setting; did you mean 'groups'?"),
        (GRID.replace('"gru"', '"gnu"'), "network.cell: expected one of simple_rnn, gru, lstm, received 'gnu'"),
        ("seeds = [", "not a TOML file"),
        ("", "groups: expected a value, received none"),
        ("groups = [{}]", "groups.title: expected a value, received none"),
        ("groups = []", "grid.toml: expected variants and seeds to train, found none"),
        (GRID.replace("[1, 2]", "[]"), "grid.toml: expected variants and seeds to train, found none"),
    ],
)
def test_a_wrong_grid_is_refused_before_anything_is_trained(
    tmp_path: Path, made: list, caplog: pytest.LogCaptureFixture, grid: str, message: str
) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        run(tmp_path, grid)
    assert message in caplog.text
    assert made == []


def test_vectors_that_are_missing_are_refused_before_anything_is_trained(
    tmp_path: Path, made: list, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, GRID, "--vectors", "nowhere.txt")
    assert "nowhere.txt: cannot be read (No such file or directory); give another with CORPUS" in caplog.text
    assert made == []


@pytest.mark.slow
def test_real_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr("pipelines.train._AVERAGED_RUNS", 1)

    def run_stage(name: str, options: list[str]) -> None:
        called.append(name)
        module = import_module(f"pipelines.{name}")
        stage.main(module.run, "", getattr(module, "OPTIONS", {}), options)

    monkeypatch.setattr(repeated_runs, "run_stage", run_stage)
    grid = GRID.replace('"network.cell" = "gru"', '"network.units" = 4').replace('"as written"', "#")
    run(tmp_path, grid, "--seeds", "1")
    assert called == ["load", "preprocess", "embed", "train", "train"]
    data = json.loads((tmp_path / "models/tiny/ablation/ablation.json").read_text())
    assert [row["rows"] for row in data["Cell"]] == [100, 100]
    assert all(0.3 < row["accuracy"] <= 1 for row in data["Cell"])
    assert list((tmp_path / "data/interim/tiny/ablation").iterdir()) == []


def test_a_failing_stage_is_named() -> None:
    with pytest.raises(ArtefactError, match=r"the stage load failed: load: error: no-such.toml: no such profile"):
        repeated_runs.run_stage("load", ["--profile", "no-such.toml"])


def test_mean_and_deviation() -> None:
    summary = summary_of({"A": {"x": [0.7, 0.8], "y": [0.6], "z": []}})
    x, y = summary["A"]
    assert (x["accuracy"], x["deviation"], x["seeds"]) == (pytest.approx(0.75), pytest.approx(0.05 * 2**0.5), 2)
    assert list(y.values()) == ["y", 0.6, 0.0, 1, 9, 2.0]
    assert "| x | 75.0 | 7.1 | 2 | 9 |" in " ".join(table(summary).split())


def test_the_picture_shows_every_variant() -> None:
    summary = summary_of({"A": {"x<": [0.7, 0.8]}, "B": {"y": [0.6]}, "C": {"z": []}})
    texts = [element.text for element in ElementTree.fromstring(picture(summary)).iter() if element.text]
    assert {"x<", "y", "A", "B", "75.0", "60.0"} <= set(texts)
    assert "C" not in texts


def test_the_grid_that_ships_asks_what_is_claimed() -> None:
    import tomllib

    from sentiment.settings_checks import from_dict

    grid = from_dict(Grid, tomllib.loads(ablation_stage.GRID.read_text(encoding="utf-8")))
    assert len(grid.seeds) == 3
    for group in grid.groups:
        assert isinstance(group, GridGroup)
        for variant in group.variants.values():
            profiles.make_settings(profiles.read_profile("sentiment140"), grid.pairs(variant))
