"""Cross-validation: every tweet is a test tweet once, and the figures are means over the runs."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from pipelines import crossvalidate
from pipelines.shared import publishing, repeated_runs, stage
from sentiment.data.splitting import TEST, TRAIN, VALIDATION
from sentiment.errors import SettingsError
from sentiment.evaluation.comparison import folds_table, summarise
from sentiment.settings import SplitSettings
from tests.memory_split import split

HASHES = np.random.default_rng(5).permutation(np.arange(53, dtype=np.uint64))
LABELS = np.array([0] * 31 + [1] * 22)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_every_tweet_is_a_test_tweet_once(folds: int) -> None:
    parts = [split(HASHES, LABELS, SplitSettings(0.1, 1 / folds, fold=fold)).part for fold in range(folds)]
    np.testing.assert_array_equal(sum((part == TEST).astype(int) for part in parts), 1)
    for part in parts:
        counts = [np.bincount(part[LABELS == label], minlength=4) for label in (0, 1)]
        assert all(abs(count[TEST] - count.sum() / folds) < 1 for count in counts)
        assert all(min(count[TRAIN], count[VALIDATION]) > 0 for count in counts)


def test_a_fold_that_there_is_not() -> None:
    with pytest.raises(SettingsError, match=r"^split\.fold: expected a block among 5, received 5$"):
        SplitSettings(test=0.2, fold=5)


RUNS = [
    {"n": 10, "accuracy": 0.7, "macro_recall": 0.6, "ece": 0.1, "baselines": {"vader": {"n": 10, "accuracy": 0.5}}},
    {"n": 12, "accuracy": 0.9, "macro_recall": 0.6, "ece": 0.3, "baselines": {"vader": {"n": 12, "accuracy": 0.6}}},
]


def test_means_and_deviations() -> None:
    figures = summarise(RUNS)
    assert figures["model"]["n"] == 22
    assert figures["model"]["accuracy"] == pytest.approx({"mean": 0.8, "sd": 0.02**0.5})
    assert figures["model"]["macro_recall"] == pytest.approx({"mean": 0.6, "sd": 0.0})
    assert figures["vader"].keys() == {"n", "accuracy"}
    assert summarise(RUNS[:1])["model"]["accuracy"]["sd"] == 0
    table = folds_table({"folds": 2, "seeds": [7], "figures": figures})
    assert "80.0 ± 14.1" in table
    assert table.endswith("mean ± standard deviation over 2 folds; 22 tweets scored\n")


Call = tuple[str, list[str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Stages that were asked for, with their options; none really runs."""
    made: list[Call] = []

    def run_stage(name: str, options: list[str]) -> None:
        if len(made) == 8:
            raise KeyboardInterrupt
        made.append((name, options))
        fold = int(settings_of(options)["split.fold"])
        places = stage.Places(Path(options[options.index("--root") + 1]), "tiny")
        if name == "embed":
            places.processed.mkdir(parents=True)
            (places.processed / "embedding_matrix.npy").touch()
        if name == "evaluate":
            publishing.write_json(places.model / "metrics.json", {"held_out": RUNS[fold]})

    monkeypatch.setattr(repeated_runs, "run_stage", run_stage)
    return made


def settings_of(options: list[str]) -> dict[str, str]:
    return dict(pair.split("=", 1) for flag, pair in itertools.pairwise(options) if flag == "--set")


def crossvalidated(root: Path, *more: str) -> None:
    profile, corpus, glove = (root / name for name in ("tiny.toml", "corpus.csv", "glove.txt"))
    for path in (profile, corpus, glove):
        path.touch()
    argv = ["--profile", str(profile), "--root", str(root), "--corpus", str(corpus), "--glove", str(glove)]
    stage.main(crossvalidate.run, "", crossvalidate.OPTIONS, [*argv, "--folds", "2", *more])


def test_runs_that_are_done_are_kept(tmp_path: Path, calls: list[Call], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        crossvalidated(tmp_path)
    calls.clear()
    crossvalidated(tmp_path, "--seeds", "7", "7")  # a seed counts once
    assert [name for name, _ in calls] == ["load", "preprocess", "embed", "train", "export", "evaluate"]
    given = [settings_of(options) for _, options in calls]
    assert {(each["split.test"], each["split.fold"], each["training.seed"]) for each in given} == {("0.5", "1", "7")}
    result = json.loads((tmp_path / "models/tiny/crossvalidation.json").read_text())
    assert (result["seeds"], result["figures"]["model"]["n"]) == ([7], 22)
    assert result["figures"]["model"]["accuracy"]["mean"] == pytest.approx(0.8)
    assert "80.0 ± 14.1" in capsys.readouterr().out
    assert list((tmp_path / "data/interim/tiny/crossvalidation").iterdir()) == []
