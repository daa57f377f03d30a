"""The stages as one: evaluation's contract, the same results from another root, and runs that are stopped."""

import csv
import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import sentiment
from pipelines import evaluate, export, files, preprocess, stage, train
from pipelines.train import Checkpoint
from tests.model_fixture import (
    SETTINGS,
    Trained,
    child_environment,
    run_stages,
    shared_model,
    write_corpus,
    write_inputs,
)

FIGURES = {
    "n", "accuracy", "accuracy_ci95", "macro_recall", "macro_f1", "roc_auc", "log_loss", "ece", "confusion_matrix",
}  # fmt: skip
OTHER_SETTINGS = "using the network settings that the model was trained with"
FURTHER = [
    ("4", "we love our garden"),
    ("0", "we dreaded every lecture"),
    ("0", "love? no, they despise it"),
    ("4", "puppy"),
]


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The shared model, scored on its held-out part and on a further corpus."""
    this = shared_model()
    further = tmp_path_factory.mktemp("further") / "further.csv"
    write_corpus(further, FURTHER)
    arguments = this.options("--corpus", str(further))
    stage.main(evaluate.run, "", evaluate.add_arguments, arguments)
    return this


def read_metrics(this: Trained) -> dict:
    return json.loads((this.folder / "metrics.json").read_text())


def test_metrics_hold_every_figure_of_model_and_baselines(evaluated: Trained) -> None:
    metrics = read_metrics(evaluated)
    assert list(metrics) == ["held_out", "further.csv"]
    assert [figures["n"] for figures in metrics.values()] == [48, 4]
    for figures in metrics.values():
        assert set(figures) >= FIGURES | {"baselines", "source", "left_out"}
        assert set(figures["baselines"]) >= {"majority", "vader", "tfidf_logistic_regression"}
        for peer in figures["baselines"].values():
            assert set(peer) >= FIGURES | {"accuracy_difference", "mcnemar_p"}
            assert peer["accuracy_difference"] == pytest.approx(figures["accuracy"] - peer["accuracy"])
        low, high = figures["accuracy_ci95"]
        assert 0 <= low <= figures["accuracy"] <= high <= 1
        assert sum(map(sum, figures["confusion_matrix"])) == figures["n"]


def test_predictions_are_the_models_answers_to_the_held_out_rows(evaluated: Trained) -> None:
    rows = pd.read_csv(evaluated.folder / "predictions.csv", keep_default_na=False)
    assert {"test_set", "text", "y_true", "y_pred", "p_negative", "p_positive", "majority", "vader"} <= set(
        rows.columns
    )
    assert rows["test_set"].value_counts().to_dict() == {"held_out": 48, "further.csv": 4}
    model = sentiment.load(evaluated.folder)
    assert model.predict(rows["text"]).tolist() == rows["y_pred"].tolist()
    np.testing.assert_allclose(model.predict_proba(rows["text"]), rows[["p_negative", "p_positive"]], atol=1e-6)
    held_out, further = (rows[rows["test_set"] == name] for name in ("held_out", "further.csv"))
    tweets = pq.read_table(evaluated.interim / "tweets.parquet", filters=[("part", "=", 2)]).to_pandas()
    assert held_out["text"].tolist() == tweets["text"].tolist()
    assert held_out["y_true"].tolist() == [("negative", "positive")[label] for label in tweets["label"]]
    assert further["text"].tolist() == [text for _, text in FURTHER]
    assert further["y_true"].tolist() == ["positive", "negative", "negative", "positive"]
    share = (held_out["y_true"] == held_out["y_pred"]).mean()
    assert read_metrics(evaluated)["held_out"]["accuracy"] == pytest.approx(share)


def test_no_row_of_one_part_is_in_another(evaluated: Trained) -> None:
    tweets = pq.read_table(evaluated.interim / "tweets.parquet").to_pandas()
    assert tweets.groupby("part")["text"].nunique().tolist() == [384, 48, 48]
    assert tweets["text"].is_unique


def test_the_model_beats_the_majority(evaluated: Trained) -> None:
    figures = read_metrics(evaluated)["held_out"]
    assert figures["accuracy"] > figures["baselines"]["majority"]["accuracy"] + 0.2


def test_a_corpus_of_a_class_the_model_lacks_is_counted_or_refused(
    evaluated: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = (evaluated.folder / "metrics.json").read_bytes()
    neutral = tmp_path / "neutral.csv"
    write_corpus(neutral, [("2", "the bus")])
    with pytest.raises(SystemExit) as caught:
        stage.main(evaluate.run, "", evaluate.add_arguments, evaluated.options("--corpus", str(neutral)))
    assert caught.value.code == 2
    assert "expected rows of the classes negative, positive, received none" in caplog.text
    assert (evaluated.folder / "metrics.json").read_bytes() == before


def test_the_model_folder_and_its_manifest(evaluated: Trained) -> None:
    names = {path.name for path in evaluated.folder.iterdir()}
    assert names >= {
        "saved_model", "model.keras", "model.tflite", "lexicon.tsv", "vocabulary.txt", "settings.json", "history.csv",
        "metrics.json", "predictions.csv", "manifest.json", "model.json",
    }  # fmt: skip
    assert not [name for name in names if name.startswith(".")], "nothing of a run is left behind"
    manifest = json.loads((evaluated.folder / "manifest.json").read_text())
    for name, checksum in manifest["artefacts"].items():
        assert files.sha256(evaluated.folder / name) == checksum, name
    assert manifest["inputs"]["corpus"]["sha256"] == files.sha256(evaluated.corpus)
    assert manifest["inputs"]["glove"]["sha256"] == files.sha256(evaluated.glove)
    assert manifest["rows"]["train"] == {"negative": 192, "positive": 192}
    assert manifest["seed"] == 7
    assert {"tensorflow", "keras", "spacy"} <= set(manifest["versions"])
    assert (evaluated.root / "models" / "latest").resolve() == evaluated.folder.resolve()
    with (evaluated.folder / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3"]


# Again, elsewhere


def test_the_whole_pipeline_gives_the_same_from_another_root(
    evaluated: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Training is stopped after its first epoch and resumed on the way, which must not show either."""
    again = write_inputs(tmp_path / "another" / "root")
    run_stages(again, last="embed")
    stop_after_the_first_epoch(again)
    assert not (again.folder / "model.keras").exists()
    assert (again.folder / ".checkpoint.npz").exists()
    stage.main(train.run, "", argv=again.options())
    with caplog.at_level(logging.INFO, "pipelines"):
        stage.main(export.run, "", argv=again.options())
    assert "agree within" in caplog.text
    assert OTHER_SETTINGS not in caplog.text
    assert not (again.folder / ".checkpoint.npz").exists()
    same_bytes = ["processed/lexicon.tsv", "processed/vocabulary.txt", "processed/embedding_matrix.npy"]
    same_bytes += [
        f"processed/{part}.{kind}.npy" for part in ("train", "validation", "test") for kind in ("ids", "labels")
    ]
    same_bytes += ["folder/history.csv", "folder/table.npy", "folder/weights.npz", "folder/preprocessing.json"]
    for name in same_bytes:
        place, _, file = name.partition("/")
        assert files.sha256(getattr(again, place) / file) == files.sha256(getattr(evaluated, place) / file), name
    assert pq.read_table(again.interim / "tweets.parquet").equals(pq.read_table(evaluated.interim / "tweets.parquet"))
    mine, theirs = (keras.models.load_model(this.folder / "model.keras").weights for this in (again, evaluated))
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    stage.main(evaluate.run, "", evaluate.add_arguments, again.options())
    assert read_metrics(again)["held_out"] == read_metrics(evaluated)["held_out"]


def stop_after_the_first_epoch(this: Trained) -> None:
    """As Ctrl-C does."""
    write = Checkpoint.write

    def stopping(checkpoint: Checkpoint, state: object) -> None:
        write(checkpoint, state)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "write", stopping)
        with pytest.raises(SystemExit) as caught:
            stage.main(train.run, "", argv=this.options())
    assert caught.value.code == 130


def test_export_keeps_to_the_network_settings_of_the_training(
    evaluated: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    this = Trained(tmp_path, evaluated.corpus, evaluated.glove, evaluated.profile)
    shutil.copytree(evaluated.root / "data", this.root / "data")
    shutil.copytree(evaluated.folder, this.folder, ignore=shutil.ignore_patterns("saved_model", "logs"))
    (this.folder / "model.json").unlink()
    with caplog.at_level(logging.INFO, "pipelines"):
        stage.main(
            export.run, "", argv=this.options(settings=(*SETTINGS, "network.masking=false", "network.pooling=max"))
        )
    assert OTHER_SETTINGS in caplog.text
    texts = ["I love this coffee", "they hate soup"]
    expected = sentiment.load(evaluated.folder).predict_proba(texts)
    np.testing.assert_allclose(sentiment.load(this.folder).predict_proba(texts), expected, atol=1e-6)


# Killed


@pytest.mark.parametrize("delay", [0.3, 0.7, 1.1])
def test_a_killed_stage_leaves_no_partial_artefact_and_runs_again(
    evaluated: Trained, tmp_path: Path, delay: float
) -> None:
    this = Trained(tmp_path, evaluated.corpus, evaluated.glove, evaluated.profile)
    shutil.copytree(evaluated.interim, this.interim)
    command = [sys.executable, "-m", "pipelines.preprocess", *this.options()]
    process = subprocess.Popen(command, env=child_environment(), stderr=subprocess.DEVNULL)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    names = [path.name for path in this.processed.glob("[!.]*")] if this.processed.exists() else []
    for name in names:  # files take their final names whole, and the last only after all the others
        assert files.sha256(this.processed / name) == files.sha256(evaluated.processed / name), name
    assert "encoded.json" not in names or "train.ids.npy" in names
    stage.main(preprocess.run, "", argv=this.options())
    for name in ("encoded.json", "lexicon.tsv", "train.ids.npy"):
        assert files.sha256(this.processed / name) == files.sha256(evaluated.processed / name)
    assert not list(this.processed.glob(".*"))
