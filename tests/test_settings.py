"""Settings: what is refused and in which words, and how profiles and --set make them."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipelines import settings_stamp as settings_stage
from pipelines.shared import profiles, stage
from sentiment.errors import SettingsError
from sentiment.settings import NetworkSettings, PreprocessingSettings, Settings, SplitSettings, TrainingSettings
from sentiment.settings_checks import from_dict

PROFILES = sorted(profiles.PROFILES.glob("*.toml"))


def refused(values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        from_dict(Settings, values)
    return str(caught.value)


def test_defaults_and_round_trip() -> None:
    assert from_dict(Settings, {}) == Settings()
    changed = from_dict(Settings, {"network": {"units": 3, "projection": [5]}, "training": {"learning_rate": 1}})
    assert changed.network == NetworkSettings(units=3, projection=(5,))
    assert changed.training.learning_rate == 1.0
    assert type(changed.training.learning_rate) is float
    assert from_dict(Settings, json.loads(json.dumps(changed.to_dict()))) == changed


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().training.epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"training": {"epoch": 3}}, "training.epoch: unknown setting; did you mean 'epochs'?"),
        ({"trainning": {}}, "trainning: unknown setting; did you mean 'training'?"),
        (
            {"zzz": {}},
            "zzz: unknown setting; known: corpus, split, preprocessing, embedding, network, training, export, corpora",
        ),
        ({"split": {"qqq": 1}}, "split.qqq: unknown setting; known: validation, test, train_rows, fold"),
        ({"split": {"validation": 0.5, "test": 0.5}}, "split: validation and test together leave no row for training"),
        ({"training": 3}, "training: expected a section of settings, received 3"),
        ([], "settings: expected a section of settings, received []"),
    ],
)
def test_settings_that_are_refused(values: Any, message: str) -> None:
    assert refused(values) == message


AT_LEAST_0 = (
    "corpus.columns", "corpus.max_bad_rows", "corpus.text_column", "preprocessing.min_count",
    "preprocessing.max_vocabulary", "embedding.dimension", "network.trainable_dimension", "training.seed",
    "training.epochs", "training.batch_size", "training.patience",
)  # fmt: skip


@pytest.mark.parametrize(
    ("dotted", "value", "message"),
    [
        ("training.epochs", "3", "expected a whole number, received '3'"),
        ("training.epochs", 3.0, "expected a whole number, received 3.0"),
        ("training.epochs", True, "expected a whole number, received True"),
        ("training.learning_rate", "fast", "expected a number, received 'fast'"),
        ("training.learning_rate", True, "expected a number, received True"),
        ("network.bidirectional", 1, "expected true or false, received 1"),
        ("network.projection", 5, "expected a list in brackets, received 5"),
        ("network.projection", [5, "a"], "expected a whole number, received 'a'"),
        ("preprocessing.keep_words", "not", "expected a list in brackets, received 'not'"),
        ("corpus.text_column", 1.5, "expected text or a whole number, received 1.5"),
        ("corpus.labels", ["a"], "expected a table of names and values, received ['a']"),
        (
            "corpus.labels",
            {"negative": 0.5, "positive": 4},
            "expected text or a whole number or true or false or a list in brackets, received 0.5",
        ),
        *((dotted, -1, "expected at least 0, received -1") for dotted in AT_LEAST_0),
        ("corpus.encoding", "utf-9", "'utf-9' is not a codec that Python knows"),
        ("corpus.encoding", "base64", "'base64' is not a codec that Python knows"),
        ("corpus.delimiter", "||", "expected one character, received '||'; no quote or line end"),
        ("corpus.delimiter", '"', "expected one character, received '\"'; no quote or line end"),
        ("corpus.label_column", -2, "expected at least 0, received -2"),
        ("corpus.text_column", "tweet", "'tweet' is a name, which needs corpus.header = true"),
        ("corpus.label_column", "mood", "'mood' is a name, which needs corpus.header = true"),
        ("corpus.labels", {"a": "1"}, "expected two classes or more, received {'a': '1'}"),
        ("corpus.labels", {"a": "Bad ", "b": "bad"}, "two classes share a value in {'a': 'Bad ', 'b': 'bad'}"),
        ("corpus.labels", {"a": ["1", 2], "b": 2}, "two classes share a value in {'a': ['1', 2], 'b': 2}"),
        ("corpus.labels", {"a": [], "b": 2}, "a class without a value in {'a': [], 'b': 2}"),
        ("corpus.labels", {" ": "1", "b": "2"}, "expected a name of one line for each class, received ' '"),
        ("corpus.labels", {"a\nb": "1", "b": "2"}, "expected a name of one line for each class, received 'a\\nb'"),
        ("corpus.labels", {"unknown": "1", "b": "2"}, "'unknown' is what answers are called; name it otherwise"),
        ("corpus.format", "xls", "expected one of , csv, tsv, jsonl, parquet, fasttext, received 'xls'"),
        ("corpus.labels", {"a": "1", "b": "1"}, "two classes share a value in {'a': '1', 'b': '1'}"),
        ("corpus.polarity", {"bad": "negative"}, "'bad' is not among negative, neutral, positive"),
        ("corpus.polarity", {"neutral": "negative"}, "two classes are negative; expected one at most"),
        ("split.validation", 1.0, "expected a number from 0 up to, not including, 1, received 1.0"),
        ("split.validation", -0.1, "expected a number from 0 up to, not including, 1, received -0.1"),
        ("split.test", float("nan"), "expected a finite number, received nan"),
        ("split.test", -0.5, "expected a number from 0 up to, not including, 1, received -0.5"),
        ("preprocessing.max_tokens", 0, "expected at least 1, received 0"),
        ("network.projection", [5, 0], "expected at least 1, received 0"),
        ("network.units", 0, "expected at least 1, received 0"),
        ("network.cell", "rnn", "expected one of simple_rnn, gru, lstm, received 'rnn'"),
        ("network.pooling", "first", "expected one of last, max, mean, max_mean, received 'first'"),
        ("network.word_dropout", 1, "expected a number from 0 up to, not including, 1, received 1.0"),
        ("network.trainable_dropout", -1, "expected a number from 0 up to, not including, 1, received -1.0"),
        ("network.output_dropout", 2, "expected a number from 0 up to, not including, 1, received 2.0"),
        ("training.learning_rate", 0, "expected more than 0, received 0.0"),
        ("training.learning_rate", float("nan"), "expected a finite number, received nan"),
        ("training.clip_norm", 0, "expected more than 0, received 0.0"),
        ("training.contrast", -1, "expected at least 0, received -1.0"),
        ("training.label_smoothing", 1, "expected a number from 0 up to, not including, 1, received 1.0"),
        ("training.class_weights", "equal", "expected one of none, balanced, received 'equal'"),
    ],
)
def test_values_of_another_type_or_out_of_range(dotted: str, value: Any, message: str) -> None:
    section, key = dotted.split(".")
    assert refused({section: {key: value}}) == f"{dotted}: {message}"


def test_bounds_are_allowed() -> None:
    settings = from_dict(
        Settings,
        {
            "split": {"test": 0, "validation": 0.999},
            "preprocessing": {"min_count": 1, "max_tokens": 1},
            "network": {"projection": [], "units": 1, "trainable_dimension": 0, "output_dropout": 0},
            "training": {"epochs": 1, "seed": 0},
            "corpus": {"header": True, "columns": 0, "text_column": "tweet", "label_column": 0},
        },
    )
    assert settings.network.projection == ()
    assert settings.corpus.text_column == "tweet"


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_profiles_load(path: Path) -> None:
    profile = profiles.read_profile(path.stem)
    settings = profiles.make_settings(profile, [])
    assert profiles.read_profile(str(path)) == profile
    sources = profile.get("sources", {})  # a reader's own profile has none
    needed = {"glove"} if "published" in profile else {"corpus", "glove"}  # tweets that nobody may pass on
    assert not sources or needed <= sources.keys()
    assert all("target" in source for source in sources.values())
    for name in profile.keys() - set(profiles.BESIDE_SETTINGS):
        section = settings.to_dict()[name]
        assert all(section[key] == (tuple(v) if isinstance(v, list) else v) for key, v in profile[name].items())


def test_both_profiles_are_there() -> None:
    assert {"sample", "sentiment140"} <= {path.stem for path in PROFILES}
    assert profiles.make_settings(profiles.read_profile("sentiment140"), []).corpus == Settings().corpus


def test_unknown_profile(tmp_path: Path) -> None:
    known = ", ".join(path.stem for path in PROFILES)
    with pytest.raises(
        SettingsError, match=re.escape(f"nope.toml: no such profile; there are {known}, or give the path of a .toml")
    ):
        profiles.read_profile("nope")
    with pytest.raises(SettingsError, match="no such profile"):
        profiles.read_profile(str(tmp_path / "nope.toml"))


def test_profile_saved_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepochs = 3\n", encoding="utf-8-sig")  # as editors on Windows may save it
    assert profiles.read_profile(str(path)) == {"training": {"epochs": 3}}


@pytest.mark.parametrize("content", [b"[training\n", b"training = \xff\n", b"a = 1\na = 2\n"])
def test_profile_that_is_not_toml(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"^{re.escape(str(path))}: not a TOML file "):
        profiles.read_profile(str(path))


def test_profile_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[training]\nepochs = 3\n[sources.corpus]\nurl = "x"\ntarget = "y"\n')
    assert profiles.make_settings(profiles.read_profile(str(path)), []) == Settings(training=TrainingSettings(epochs=3))


@pytest.mark.parametrize("table", ["epochs = 3", "training = 3", 'corpus = "a.csv"'])
def test_profile_with_a_setting_outside_a_section(table: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{table}\n")
    with pytest.raises(SettingsError, match="unknown setting|expected a section of settings"):
        profiles.make_settings(profiles.read_profile(str(path)), [])


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("training.epochs=3", "training", "epochs", 3),
        (" training.epochs = 3 ", "training", "epochs", 3),
        ("training.learning_rate=1e-3", "training", "learning_rate", 0.001),
        ("network.cell=gru", "network", "cell", "gru"),
        ('network.cell="gru"', "network", "cell", "gru"),
        ("network.bidirectional=false", "network", "bidirectional", False),
        ("network.projection=[3, 4]", "network", "projection", (3, 4)),
        ("network.projection=[]", "network", "projection", ()),
        ("preprocessing.keep_words=[]", "preprocessing", "keep_words", ()),
        ("embedding.member=glove.6B.50d.txt", "embedding", "member", "glove.6B.50d.txt"),
        ('corpus.delimiter="="', "corpus", "delimiter", "="),
        ("corpus.labels={a='x', b='y'}", "corpus", "labels", {"a": "x", "b": "y"}),
    ],
)
def test_overrides(override: str, section: str, key: str, value: Any) -> None:
    settings = profiles.make_settings({}, [override])
    assert getattr(getattr(settings, section), key) == value


def test_overrides_beat_the_profile_and_later_ones_the_earlier() -> None:
    profile = {"training": {"epochs": 2, "seed": 5}, "sources": {"corpus": {}}}
    settings = profiles.make_settings(profile, ["training.epochs=3", "training.epochs=4"])
    assert settings.training == TrainingSettings(epochs=4, seed=5)
    assert profile["training"]["epochs"] == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs=3", "--set epochs=3: expected SECTION.KEY=VALUE"),
        ("training.epochs", "--set training.epochs: expected SECTION.KEY=VALUE"),
        ("", "--set : expected SECTION.KEY=VALUE"),
        ("training.epochs=many", "training.epochs: expected a whole number, received 'many'"),
        ("training.epochs=", "training.epochs: expected a whole number, received ''"),
        ("training.epoch=3", "training.epoch: unknown setting; did you mean 'epochs'?"),
        ("trainin.epochs=3", "trainin: unknown setting; did you mean 'training'?"),
        ("training.a.b=3", "training.a.b: unknown setting; known: " + ", ".join(Settings().to_dict()["training"])),
    ],
)
def test_overrides_that_are_refused(override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        profiles.make_settings({}, [override])


@pytest.mark.parametrize(
    ("rows", "batch_size", "epochs", "patience", "min_count", "dropout", "buckets"),
    [
        (1, 32, 30, 10, 1, 0.3, 0),
        (700, 64, 30, 10, 1, 0.3, 0),  # 11 steps an epoch: 30 epochs are what is allowed
        (2_999, 128, 21, 7, 1, 0.3, 0),
        (3_000, 128, 21, 7, 1, 0, 0),
        (5_600, 128, 12, 4, 1, 0, 0),  # 44 steps: 12 epochs make 500
        (15_000, 256, 10, 3, 1, 0, 0),
        (49_999, 512, 10, 3, 1, 0, 0),
        (50_000, 512, 10, 3, 2, 0, 1 << 20),
        (176_000, 1024, 10, 3, 2, 0, 1 << 20),
        (1_600_000, 1024, 10, 3, 2, 0, 1 << 20),
    ],
)
def test_defaults_follow_the_training_rows(
    rows: int, batch_size: int, epochs: int, patience: int, min_count: int, dropout: float, buckets: int
) -> None:
    settled = Settings().for_rows(rows)
    training = settled.training
    assert (training.batch_size, training.epochs, training.patience) == (batch_size, epochs, patience)
    assert (settled.preprocessing.min_count, settled.network.projection_dropout) == (min_count, dropout)
    assert training.ngram_buckets == buckets
    assert Settings().differences(settled).keys() == {
        "training.batch_size", "training.epochs", "training.patience", "training.ngram_buckets",
        "preprocessing.min_count", "network.projection_dropout",
    }  # fmt: skip
    assert settled.for_rows(123) == settled  # once settled, for good


@pytest.mark.parametrize(
    ("rows", "validation", "test"),
    [(10, 0.1, 0.2), (1_000, 0.1, 0.2), (10_000, 0.08, 0.15), (49_000, 0.05, 0.05), (1_600_000, 0.05, 0.05)],
)
def test_the_shares_held_out_follow_the_rows(rows: int, validation: float, test: float) -> None:
    assert SplitSettings().for_rows(rows) == SplitSettings(validation, test)
    assert SplitSettings(0.3, 0.0, 7).for_rows(rows) == SplitSettings(0.3, 0.0, 7)


def test_what_is_given_wins() -> None:
    given = Settings(
        training=TrainingSettings(batch_size=7, epochs=2, ngram_buckets=512),
        preprocessing=PreprocessingSettings(min_count=5),
        network=NetworkSettings(projection_dropout=0.0),
    )
    settled = given.for_rows(700)
    assert (settled.training.batch_size, settled.training.epochs, settled.preprocessing.min_count) == (7, 2, 5)
    assert settled.training.ngram_buckets == 512
    assert given.differences(settled) == {"training.patience": 3}


def test_polarity_concerns_evaluation_only(tmp_path: Path) -> None:
    """So that naming it after training does not train again."""
    named = ["--set", "corpus.polarity={negative='neutral', neutral='negative'}"]
    for name in settings_stage.SECTIONS:
        before = written(tmp_path, name).read_bytes()
        assert (written(tmp_path, name, *named).read_bytes() != before) == (name == "evaluate")


def test_every_section_belongs_to_a_stage() -> None:
    """So that a change of any setting runs some stage again."""
    sections = {section for wanted in settings_stage.SECTIONS.values() for section in wanted}
    assert sections == set(Settings().to_dict())


def written(root: Path, name: str, *extra: str) -> Path:
    options = ["--root", str(root), name, *extra]
    stage.main(settings_stage.run, "settings", settings_stage.OPTIONS, options)
    return root / "data/interim/sample/settings" / f"{name}.json"


def test_settings_files_change_only_when_their_settings_do(tmp_path: Path) -> None:
    path = written(tmp_path, "train", "--inputs", "a.csv", "g.txt")
    assert json.loads(path.read_text()).keys() >= {"network", "training"}
    before = path.stat().st_ino, path.stat().st_mtime_ns
    written(tmp_path, "train", "--inputs", "other.csv", "g.txt", "--set", "split.test=0.3")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    written(tmp_path, "train", "--set", "training.epochs=99")
    assert json.loads(path.read_text())["training"]["epochs"] == 99


def test_settings_files_name_the_inputs_of_their_stage(tmp_path: Path) -> None:
    for name, inputs in {"load": ["a.csv"], "preprocess": ["g.txt"], "embed": ["g.txt"], "train": []}.items():
        values = json.loads(written(tmp_path, name, "--inputs", "a.csv", "g.txt").read_text())
        assert values["inputs"] == inputs
