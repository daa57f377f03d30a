"""Several corpora in one training run (`[[corpora]]`): read each in its own format, split together, weighed."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines import load
from pipelines.shared import artefacts, profiles, stage
from pipelines.shared.training_files import row_weights
from sentiment.data.encoded import EncodedPart
from sentiment.data.splitting import PARTS
from sentiment.errors import SettingsError
from sentiment.settings import Settings, TrainingSettings
from sentiment.training.batches import Batches, class_weights
from sentiment.training.fitting import make_batches
from tests.model_fixture import labelled_tweets, write_corpus

PROFILE = """
[corpus]
labels = {{ positive = "4", neutral = "2", negative = "0" }}

[split]
validation = 0.2
test = 0.2

[[corpora]]
file = "{first}"
weight = 0.25

[[corpora]]
file = "{second}"

[corpora.corpus]
encoding = "utf-8"
header = true
columns = 0
text_column = "tweet"
label_column = "mood"
labels = {{ positive = "good", negative = "bad" }}
ignored_labels = ["unsure"]
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Half of the tiny corpus in one format, half in another, and a tweet that both hold."""
    rows = labelled_tweets()
    write_corpus(tmp_path / "first.csv", rows[:300])
    moods = {"0": "bad", "4": "good"}
    lines = [f"{moods[label]}\t{text}" for label, text in rows[299:]]
    (tmp_path / "second.csv").write_text("\n".join(["mood\ttweet", *lines, "unsure\twhatever this is"]) + "\n")
    path = tmp_path / "both.toml"
    path.write_text(PROFILE.format(first=tmp_path / "first.csv", second=tmp_path / "second.csv"))
    return path


def loaded(profile: Path, *options: str) -> dict:
    argv = ["--profile", str(profile), "--root", str(profile.parent), *options]
    stage.main(load.run, "", load.OPTIONS, argv)
    return json.loads((profile.parent / "data/interim/both/load.json").read_text())


def test_they_are_read_each_in_its_own_format(profile: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="pipelines")
    report = loaded(profile)
    assert (report["rows"], report["ignored"], report["duplicates"]) == (482, 1, 1)
    assert report["classes"] == ["negative", "positive"]  # sorted, as scikit-learn expects of the model
    assert [*report["parts"]["train"]] == ["positive", "negative"]  # shown as the profile has them
    first, second = report["corpora"]
    assert [first["weight"], second["weight"], first["rows"], second["rows"]] == [0.25, 1.0, 300, 182]
    assert sum(first["parts"].values()) == 300
    assert sum(second["parts"].values()) == 180  # but for the one that the first has, and the one of no class
    assert f"{profile.parent / 'second.csv'}: 182 rows, weight 1, kept " in caplog.text
    table = pq.read_table(profile.parent / "data/interim/both/tweets.parquet").to_pydict()
    likes = [
        any(word in text for word in ("love", "enjoy", "adore", "praise", "recommend", "cherish"))
        for text in table["text"]
    ]
    assert table["label"] == [int(like) for like in likes]  # "positive" is the first class of both
    for part, name in enumerate(PARTS):
        both = [(corpus, side) for corpus, side in zip(table["corpus"], table["part"], strict=True) if side == part]
        assert [sum(corpus == i for corpus, _ in both) for i in (0, 1)] == [first["parts"][name], second["parts"][name]]


def test_a_corpus_without_a_format_has_that_of_the_profile() -> None:
    own = {"encoding": "cp1252"}
    made = profiles.make_settings({"corpus": own, "corpora": [{"file": "a"}, {"file": "b", "corpus": {}}]}, [])
    assert [each.corpus.encoding for each in made.corpora] == ["cp1252", "latin-1"]


def test_the_rows_of_each_are_weighed_to_one_on_average(profile: Path) -> None:
    report = loaded(profile)
    weights = row_weights(profile.parent / "data/interim/both")
    assert weights["train"].mean() == pytest.approx(1)
    light, heavy = np.unique(weights["train"])
    assert heavy == pytest.approx(4 * light)
    assert (weights["train"] == light).sum() == report["corpora"][0]["parts"]["train"]
    assert set(np.unique(weights["validation"])) == {light, heavy}


def test_the_manifest_names_every_file(profile: Path) -> None:
    inputs = artefacts.corpus_inputs(loaded(profile))
    assert {name: Path(each["path"]).name for name, each in inputs.items()} == {
        "corpus": "first.csv",
        "corpus 2": "second.csv",
    }


def test_a_weight_is_what_a_row_counts() -> None:
    ids, labels = np.arange(1, 9, dtype=np.int32)[:, None], np.array([0, 1] * 4)
    weights = np.array([0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5], np.float32)
    parts = {"train": EncodedPart(ids, labels, weights), "validation": EncodedPart(ids, labels, weights)}
    batch = Batches(parts["train"], 2, 4, seed=3)
    for i in range(2):
        inputs, _, counting = batch[i]
        rows = inputs.types[inputs.positions[:, 0]] - 1
        np.testing.assert_array_equal(counting, weights[rows])
    balanced, _ = make_batches(parts, Settings())
    np.testing.assert_allclose(balanced.row_weights, weights)  # the classes are even
    uneven = EncodedPart(ids[:3], np.array([0, 0, 1]), np.array([0.5, 0.5, 2.0]))
    np.testing.assert_allclose(class_weights(uneven, 2, TrainingSettings()), [1.5, 0.75])


def test_corpus_and_corpora_at_once(profile: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit):
        loaded(profile, "--corpus", str(profile.parent / "first.csv"))
    assert "first.csv: this profile names its corpora itself; leave CORPUS out" in caplog.text


def test_a_class_that_the_profile_does_not_have() -> None:
    with pytest.raises(SettingsError, match=r"^corpora: a\.csv: class 'angry' is not in corpus\.labels \(negative, "):
        profiles.make_settings({"corpora": [{"file": "a.csv", "corpus": {"labels": {"angry": 1, "positive": 2}}}]}, [])
    with pytest.raises(SettingsError, match=r"^corpora\.weight: expected more than 0, received 0\.0$"):
        profiles.make_settings({"corpora": [{"file": "a.csv", "weight": 0}]}, [])
    with pytest.raises(SettingsError, match=r"^corpora\.file: expected a value, received none$"):
        profiles.make_settings({"corpora": [{"weight": 1}]}, [])
