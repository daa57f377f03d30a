"""Cross-validation: every tweet is a test tweet once, and the figures are means over the runs."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from pipelines import crossvalidate
from pipelines.shared import publishing, stage
from sentiment.data.splitting import TEST, TRAIN, VALIDATION, split
from sentiment.errors import SettingsError
from sentiment.evaluation.folds import summarise, text_table
from sentiment.settings import SplitSettings

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
    table = text_table({"folds": 2, "seeds": [7], "figures": figures})
    assert "80.0 ± 14.1" in table
    assert table.endswith("mean ± standard deviation over 2 folds; 22 tweets scored\n")


def test_runs_that_are_done_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, dict[str, str]]] = []

    def run_stage(name: str, options: list[str]) -> None:
        given = dict(pair.split("=") for flag, pair in itertools.pairwise(options) if flag == "--set")
        if len(calls) == 8:
            raise KeyboardInterrupt
        calls.append((name, given))
        root = Path(options[options.index("--root") + 1])
        if name == "evaluate":
            (root / "models/tiny").mkdir(parents=True)
            publishing.write_json(root / "models/tiny/metrics.json", {"held_out": RUNS[int(given["split.fold"])]})

    monkeypatch.setattr(crossvalidate, "run_stage", run_stage)
    for name in ("tiny.toml", "corpus.csv", "glove.txt"):
        (tmp_path / name).write_text("")
    argv = ["--profile", str(tmp_path / "tiny.toml"), "--root", str(tmp_path), "--folds", "2"]
    argv += ["--corpus", str(tmp_path / "corpus.csv"), "--glove", str(tmp_path / "glove.txt")]
    with pytest.raises(SystemExit):
        stage.main(crossvalidate.run, "", crossvalidate.add_arguments, argv)
    calls.clear()
    stage.main(crossvalidate.run, "", crossvalidate.add_arguments, argv)
    assert [name for name, _ in calls] == ["load", "preprocess", "embed", "train", "export", "evaluate"]
    assert {(given["split.test"], given["split.fold"], given["training.seed"]) for _, given in calls} == {
        ("0.5", "1", "7")
    }
    result = json.loads((tmp_path / "models/tiny/crossvalidation.json").read_text())
    assert result["figures"]["model"]["accuracy"]["mean"] == pytest.approx(0.8)
    assert "80.0 ± 14.1" in capsys.readouterr().out
    assert list((tmp_path / "data/interim/tiny/crossvalidation").iterdir()) == []
