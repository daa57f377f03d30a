"""The learning curve: how many tweets a run gets, what is kept of it, and how it is shown."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines import curve
from pipelines.shared import publishing, repeated_runs, stage
from sentiment.data.splitting import TEST, TRAIN, VALIDATION
from sentiment.errors import InputError
from sentiment.evaluation import scoring
from sentiment.evaluation.comparison import curve_table, sizes_for, split_shares, summarise
from sentiment.report.figures import learning_curve
from sentiment.settings import Settings, SplitSettings
from tests.memory_split import split
from tests.model_fixture import shared_model

ROWS = 2000
HASHES = np.random.default_rng(5).permutation(np.arange(ROWS, dtype=np.uint64))
LABELS = np.array([0] * 1200 + [1] * 800)


def figures(recall: float) -> dict:
    return {"n": 100, "accuracy": recall, "macro_recall": recall}


@pytest.mark.parametrize("size", [100, 500, 1600])
def test_a_run_gets_so_many_tweets_and_the_same_test_part(size: int) -> None:
    validation, train_rows = split_shares(size, 1600, ROWS)
    parts = split(HASHES, LABELS, SplitSettings(validation, 0.2, train_rows)).part
    counts = np.bincount(parts, minlength=4)
    assert counts[TEST] == 400
    assert counts[TRAIN] + counts[VALIDATION] == pytest.approx(size, abs=2)
    assert counts[VALIDATION] == pytest.approx(0.1 * size, abs=2)
    whole = split(HASHES, LABELS, SplitSettings(0.1, 0.2)).part
    np.testing.assert_array_equal(parts == TEST, whole == TEST)


def test_sizes() -> None:
    assert sizes_for([500, 100, 100, 1600, 5000], 1600) == [100, 500, 1600]


def test_the_table_and_the_drawing() -> None:
    runs = {
        100: [figures(0.5) | {"baselines": {"from_nothing": figures(0.4), "vader": figures(0.6)}}] * 2,
        1600: [
            figures(each) | {"baselines": {"from_nothing": figures(0.6), "vader": figures(0.6)}} for each in (0.7, 0.8)
        ],
    }
    points = [{"rows": size, "figures": summarise(each)} for size, each in runs.items()]
    table = curve_table(points, {"model": "from base model", "vader": "VADER"}).splitlines()
    assert table[0].split() == ["tweets", "from", "base", "model", "from_nothing", "VADER"]
    assert table[2].split() == ["1,600", "75.0", "±", "7.1", "60.0", "±", "0.0", "60.0", "±", "0.0"]
    drawn = learning_curve({"points": points, "base_model": "models/a"})
    assert drawn is not None
    assert "from the base model 50.0% at 100, 75.0% at 1,600" in drawn
    assert "fastText" not in drawn
    assert learning_curve({}) is None


def test_runs_that_are_done_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[list[str]] = []

    def run_stage(name: str, options: list[str]) -> None:
        places = stage.Places(Path(options[options.index("--root") + 1]), "tiny")
        parts = {name: {"a": 100, "b": 100} for name in ("train", "validation", "test")}
        publishing.write_json(places.interim / "load.json", {"parts": parts})

    def execute(this: stage.Stage, root: Path, pairs: tuple[str, ...]) -> dict:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(sorted(pairs))
        return figures(0.5) | {"baselines": {"vader": figures(0.6)}}

    monkeypatch.setattr(repeated_runs, "run_stage", run_stage)
    monkeypatch.setattr(curve, "_execute", execute)
    for name in ("tiny.toml", "corpus.csv", "glove.txt"):
        (tmp_path / name).write_text("")
    argv = ["--profile", str(tmp_path / "tiny.toml"), "--root", str(tmp_path), "--sizes", "100"]
    argv += ["--corpus", str(tmp_path / "corpus.csv"), "--glove", str(tmp_path / "glove.txt"), "--seeds"]
    with pytest.raises(SystemExit):
        stage.main(curve.run, "", curve.OPTIONS, [*argv, "4", "5", "4"])
    made.clear()
    stage.main(curve.run, "", curve.OPTIONS, [*argv, "5"])  # another split than that of the second seed
    assert len(made) == 2
    made.clear()
    stage.main(curve.run, "", curve.OPTIONS, [*argv, "4", "5", "4"])
    assert made == [
        ["split.fold=1", "split.test=0.2", "split.train_rows=0", "split.validation=0.08", "training.seed=5"]
    ]
    result = json.loads((tmp_path / "models/tiny/curve.json").read_text())
    assert ([point["rows"] for point in result["points"]], result["seeds"]) == ([100, 480], [4, 5])
    assert (tmp_path / "models/tiny/curve.svg").read_text().startswith("<svg")
    assert "50.0 ± 0.0" in capsys.readouterr().out
    assert list((tmp_path / "data/interim/tiny/curve").iterdir()) == []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> stage.Stage:
    """A curve from the shared model, which stands for each trained network too."""
    this = shared_model()
    places = stage.Places(this.root, "tiny")
    monkeypatch.setattr(repeated_runs, "run_stage", lambda name, options: None)
    monkeypatch.setattr(repeated_runs.RepeatedRun, "places", places)
    arguments = Namespace(profile="tiny", set=[], corpus=this.corpus, glove=this.glove)
    return stage.Stage(arguments, Settings(), places, {}, base_model=this.folder)


def test_networks_and_baselines_are_scored_on_test_tweets_that_the_base_model_has_not_seen(
    without_fasttext: None, monkeypatch: pytest.MonkeyPatch, started: stage.Stage
) -> None:
    found = curve._execute(started, Path(), ())
    baselines = found["baselines"]
    assert list(baselines) == ["from_nothing", "vader", "tfidf_logistic_regression", "base_model"]
    for name in ("from_nothing", "base_model"):  # they are one and the same here
        assert baselines[name]["confusion_matrix"] == found["confusion_matrix"]
    assert baselines["vader"]["n"] == found["n"]
    monkeypatch.setattr(scoring, "is_seen", lambda texts, seen: np.arange(len(texts)) == 0)
    fewer = curve._execute(started, Path(), ())
    assert [each["n"] for each in (fewer, *fewer["baselines"].values())] == [found["n"] - 1] * 5
    monkeypatch.setattr(scoring, "is_seen", lambda texts, seen: np.ones(len(texts), bool))
    with pytest.raises(InputError, match=f"--from {started.base_model}: the model was trained on every tweet of it"):
        curve._execute(started, Path(), ())


@pytest.mark.parametrize(("cold", "warm"), [(False, True), (True, False), (True, True)])
def test_a_start_that_is_not_asked_for_is_not_run(
    monkeypatch: pytest.MonkeyPatch, started: stage.Stage, cold: bool, warm: bool
) -> None:
    made: list[str] = []

    def train(each: repeated_runs.RepeatedRun) -> Namespace:
        made.append(each.root.name)
        assert bool(each.this.base_model) == (each.root.name == "warm")
        return Namespace(name=each.root.name, classes_=np.array(["negative", "positive"]))

    monkeypatch.setattr(curve, "_trained", train)
    monkeypatch.setattr(curve, "_baselines", lambda this, interim, classes: {})
    monkeypatch.setattr(curve, "score", lambda test, model, others: ({"model": model.name, "others": [*others]}, None))
    started.arguments.glove = started.arguments.glove if cold else None
    found = curve._execute(replace(started, base_model=started.base_model if warm else None), Path(), ())
    assert made == ["warm"] * warm + ["cold"] * cold
    assert found == {"model": made[0], "others": ["from_nothing"] * (cold and warm)}
