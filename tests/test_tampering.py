"""A model folder that is not what export wrote is refused by `sentiment.load`, with the reason; nothing in it runs.

`forge` makes the checksums fit, as somebody who means it would: then contents are judged by themselves.
"""

import hashlib
import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.errors import ArtefactError
from sentiment.predict import model_folder
from sentiment.predict.classifier import SentimentClassifier
from tests.model_fixture import shared_model


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    light = shutil.ignore_patterns("saved_model", "logs", "*.keras", "*.tflite")
    return Path(shutil.copytree(shared_model().folder, tmp_path / "copy", ignore=light))


def edit(copy: Path, change: Callable[[dict], object]) -> None:
    model = json.loads((copy / "model.json").read_text())
    change(model)
    (copy / "model.json").write_text(json.dumps(model))


def forge(copy: Path) -> None:
    model = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(model_folder.describe(copy, model["classes"], model["network"])))


def refusal(copy: Path) -> str:
    with pytest.raises(sentiment.ArtefactError) as caught:
        sentiment.load(copy)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", [*model_folder.CHECKED, *model_folder.OPTIONAL])
def test_one_flipped_bit(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[-3] ^= 1
    (copy / name).write_bytes(content)
    assert refusal(copy) == (
        f"{copy / name}: does not belong to this model (its checksum is not the one in model.json); "
        "fetch the whole model again, or run `make train` again"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model["classes"].reverse(),
        lambda model: model.update(classes=["good", "bad"]),
        lambda model: model["network"].update(activation="tanh"),
    ],
    ids=["classes swapped", "classes renamed", "activation"],
)
def test_edited_settings_whose_shapes_fit(copy, change):
    edit(copy, change)
    assert refusal(copy) == f"{copy}/model.json: was edited after export (its checksum differs); run `make train` again"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(({"network": {name: value}}, "not a model of this version")
          for name, value in (("activation", "sine"), ("cell", []), ("units", 3), ("pooling", None))),
        *(({"network": network}, "network: expected settings, received") for network in ("simple_rnn", [1], 5, None)),
        *(({"classes": classes}, "copy/model.json: ")
          for classes in ([], ["one"], ["a", "a"], "ab", ["a", 1], {"a": 1, "b": 2}, None)),
        ({"network": {"pooling": "max"}}, "weights.npz: expected shape"),
        ({"format": 99}, "expected format 3, received 99"),
    ],
    ids=repr,
)  # fmt: skip
def test_settings_that_there_are_not(copy, change, message):
    def apply(model: dict) -> None:
        for name, value in change.items():
            model[name] = model[name] | value if name == "network" and isinstance(value, dict) else value

    edit(copy, apply)
    assert refusal(copy).startswith(str(copy))
    assert message in refusal(copy)


def widen(copy: Path) -> np.ndarray:
    """Make the model one of float32, and return its table."""
    with np.load(copy / "weights.npz") as file:
        arrays = dict(file)
    table = np.load(copy / "table.npy") * arrays.pop("scales")[..., None]
    np.savez(copy / "weights.npz", **arrays)
    return table


def test_a_table_of_float32_gives_the_same_answers(copy):
    before = sentiment.load(copy).predict_proba(["I love this coffee", "they hate soup"])
    np.save(copy / "table.npy", widen(copy))
    forge(copy)
    np.testing.assert_allclose(sentiment.load(copy).predict_proba(["I love this coffee", "they hate soup"]), before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, [np.inf, -np.inf]], ids=str)
def test_a_forged_table_with_bad_numbers_even_if_they_cancel(copy, bad):
    table = widen(copy)
    table[-1, -1, -np.size(bad) :] = bad
    np.save(copy / "table.npy", table)
    forge(copy)
    assert refusal(copy) == f"{copy}/table.npy: holds weights that are not finite numbers; train again"


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("scales", np.nan, "not finite"),
        ("output_bias", np.inf, "not finite"),
        ("kernel_1", np.inf, "not finite"),
        ("scales", None, "are expected to hold float32, or int8 with scales"),
        ("kernel_1", None, "not of this model"),
        ("output_bias", None, "output_bias"),
        ("ngram_scores", np.zeros((8, 3), np.float32), "weights.npz: expected shape (8, 2), received (8, 3)"),
        ("ngram_scores", np.array(1, np.float32), "weights.npz: expected shape (1, 2), received ()"),
    ],
)
def test_forged_weights(copy, name, array, message):
    with np.load(copy / "weights.npz") as file:
        arrays = dict(file)
    if array is None:
        del arrays[name]
    elif isinstance(array, np.ndarray):
        arrays[name] = array
    else:
        arrays[name].flat[0] = array
    np.savez(copy / "weights.npz", **arrays)
    forge(copy)
    assert message in refusal(copy)


def test_a_vocabulary_of_another_size(copy):
    vocabulary = copy / "vocabulary.txt"
    vocabulary.write_text(vocabulary.read_text() + "extra\n")
    forge(copy)
    assert re.search(r"table\.npy: expected shape .*: not of this model", refusal(copy))


NAMES = [*model_folder.CHECKED, model_folder.MODEL]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("signed", [False, True])
def test_truncated_files(copy, name, signed):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    if signed and name != model_folder.MODEL:
        forge(copy)
    assert refusal(copy).startswith(str(copy))


@pytest.mark.parametrize("name", NAMES)
def test_missing_files_are_named(copy, name):
    (copy / name).unlink()
    assert name in refusal(copy)
    assert "make" in refusal(copy)


@pytest.mark.parametrize("name", ["table.npy", "weights.npz"])
def test_arrays_of_another_type(copy, name):
    if name == "table.npy":
        np.save(copy / name, np.load(copy / name).astype(complex))
    else:
        with np.load(copy / name) as file:
            np.savez(copy / name, **{key: array.astype("U8") for key, array in file.items()})
    forge(copy)
    assert name in refusal(copy)


@pytest.mark.parametrize(
    "text", ["a\t1\nb\n", "a\t" + "9" * 5000 + "\n", "a\t-1\n", "a\tx\n", "a\t1\na\t1\n", ""], ids=range(6)
)
def test_a_forged_lexicon(copy, text):
    (copy / "lexicon.tsv").write_text(text)
    forge(copy)
    assert refusal(copy).startswith(f"{copy}/lexicon.tsv")


def test_a_lexicon_in_another_order_is_refused(copy):
    """Earlier exports sorted it by id."""
    lines = (copy / "lexicon.tsv").read_text().splitlines(keepends=True)
    (copy / "lexicon.tsv").write_text("".join(reversed(lines)))
    forge(copy)
    assert refusal(copy).startswith(f"{copy}/lexicon.tsv:2: expected sorted lines `token<TAB>id`")


@pytest.mark.parametrize("masking", [True, False])
def test_a_model_of_an_earlier_version_loads_unless_it_reads_padding(copy, masking):
    model = json.loads((copy / "model.json").read_text())
    model["network"]["masking"] = masking
    stated = json.dumps([model["format"], model["classes"], model["network"]], sort_keys=True)
    model["sha256"]["model.json"] = hashlib.sha256(stated.encode()).hexdigest()
    (copy / "model.json").write_text(json.dumps(model))
    if masking:
        assert sentiment.load(copy).predict(["I love it"]).shape == (1,)
    else:
        assert "networks that read padding are no longer supported" in refusal(copy)


@pytest.mark.parametrize("name", model_folder.OPTIONAL)
@pytest.mark.parametrize("forged", [np.zeros(3), np.full((4, 3), 1 << 40, np.uint64), np.full(9, 1 << 30, np.int32)])
def test_a_forged_table_of_chunks(copy, name, forged):
    np.save(copy / name, forged)
    forge(copy)
    assert "chunks.npy and chunk_ids.npy do not fit" in refusal(copy)


def test_a_table_of_chunks_may_be_left_out(copy):
    texts = ["I love this coffee", "they hate soup"]
    before = sentiment.load(copy).predict_proba(texts * 40)
    for name in model_folder.OPTIONAL:
        (copy / name).unlink()
    assert "chunk_ids.npy: cannot be read" in refusal(copy)
    forge(copy)
    np.testing.assert_array_equal(sentiment.load(copy).predict_proba(texts * 40), before)


@pytest.mark.parametrize(
    "change",
    [
        {"rules": [{"name": "x", "pattern": "(", "replacement": ""}]},
        {"rules": [{"name": "x", "pattern": "a", "replacement": "\\9"}]},
        {"rules": [{"name": "x", "pattern": 1, "replacement": ""}]},
        {"rules": [{"name": "x"}]},
        {"rules": 7},
        {"max_tokens": "many"},
        {"max_tokens": 2.5},
        {"max_tokens": 0},
    ],
    ids=repr,
)
def test_forged_rules(copy, change):
    path = copy / "preprocessing.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    forge(copy)
    assert refusal(copy).startswith(f"{path}: expected rules and max_tokens")


class HarmWhenUnpickled:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["table.npy", "weights.npz", "lexicon.tsv", "preprocessing.json", "vocabulary.txt"])
@pytest.mark.parametrize("kind", ["pickle", "array of objects", "archive with a pickle"])
def test_nothing_is_unpickled(copy, tmp_path, name, kind):
    harm = HarmWhenUnpickled(tmp_path / "harm")
    with (copy / name).open("wb") as file:
        if kind == "pickle":
            pickle.dump(harm, file)
        elif kind == "array of objects":
            np.save(file, np.array([harm], dtype=object), allow_pickle=True)
        else:
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("kernel_0.npy", pickle.dumps(harm))
    forge(copy)
    assert refusal(copy).startswith(str(copy))
    assert not (tmp_path / "harm").exists()
    if kind == "pickle":
        pickle.loads((copy / name).read_bytes())
        assert (tmp_path / "harm").exists()  # the harm was real


def test_deeply_nested_json(copy):
    (copy / "model.json").write_text("[" * 100_000)
    assert refusal(copy).startswith(f"{copy}/model.json: damaged")


@pytest.mark.parametrize("count", [1, 2000])
def test_no_probability_that_is_not_a_number_is_given(count):
    """Weights may be damaged before the checksums are made."""
    model = sentiment.load(shared_model().folder)
    damaged = SentimentClassifier(
        model.preprocessor, replace(model.network, output_bias=np.array([np.nan, 0], np.float32)), model.classes_
    )
    with pytest.raises(ArtefactError, match="probabilities that are not numbers"):
        damaged.predict_proba(["a tweet"] * count)
