"""A packed model answers as its folder does, and no damaged or hostile archive gets further than one line."""

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiment
from sentiment.__main__ import main
from sentiment.common.file_checks import sha256_of
from sentiment.predict.model_files import CARD, CHECKED, MANIFEST, OPTIONAL, open_model, read_manifest
from sentiment.serve.model_store import read_export, sign
from tests.model_fixture import ODD_TWEETS, shared_model


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared model with a card. No test may change it."""
    folder = tmp_path_factory.mktemp("evaluated") / "model"
    shutil.copytree(shared_model().folder, folder, ignore=shutil.ignore_patterns("saved_model", "logs"))
    (folder / CARD).write_text("a card")
    manifest = read_manifest(folder)
    manifest["artefacts"][CARD] = sha256_of(folder / CARD)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="module")
def packed(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in one file. No test may change it."""
    target = tmp_path_factory.mktemp("packed") / "mine.zip"
    assert main(["pack", str(evaluated), "--output", str(target)]) == 0
    return target


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(packed, tmp_path / "copy.zip"))


def refusal(archive: Path) -> str:
    with pytest.raises(sentiment.ArtefactError) as caught:
        sentiment.load(archive)
    assert str(caught.value).startswith(str(archive))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(archive))


def rewrite(archive: Path, change: Callable[[zipfile.ZipInfo], object], more: dict[str, bytes] | None = None) -> None:
    """Write the archive again with changed members, and with further ones."""
    with zipfile.ZipFile(archive) as old:
        members = [(member, old.read(member)) for member in old.infolist()]
    with zipfile.ZipFile(archive, "w") as new:
        for member, content in members:
            change(member)
            new.writestr(member, content)
        for name, content in (more or {}).items():
            new.writestr(name, content)


@pytest.mark.parametrize("count", [1, 3], ids=["few texts", "many texts"])
def test_it_answers_as_the_folder_does(evaluated, packed, count):
    texts = [*ODD_TWEETS, "qwertz 123", "I love this"] * count * 20
    expected = sentiment.load(evaluated).predict_proba(texts)
    np.testing.assert_array_equal(sentiment.load(packed).predict_proba(texts), expected)


def test_nothing_is_unpacked(packed, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    model = sentiment.load(packed)
    assert isinstance(model.network.table.base, np.memmap)
    assert model.network.table.flags.aligned
    assert os.listdir(tmp_path) == []
    assert os.listdir(packed.parent) == ["mine.zip"]


def test_it_contains_what_predicts_the_card_and_a_manifest(evaluated, packed, capsys):
    with open_model(evaluated) as files:
        assert {*zipfile.ZipFile(packed).namelist()} == {*files.names(), CARD, MANIFEST}
    assert main(["verify", str(packed)]) == 0
    assert main(["predict", "--model", str(packed), "I love this"]) == 0
    assert capsys.readouterr().out.endswith("\tI love this\n")


def test_the_same_model_gives_the_same_bytes(evaluated, packed, copy):
    assert main(["pack", str(evaluated), "--output", str(copy), "--force"]) == 0
    assert copy.read_bytes() == packed.read_bytes()


def test_an_existing_file_is_not_replaced(evaluated, copy, capsys):
    before = copy.read_bytes()
    assert main(["pack", str(evaluated), "--output", str(copy)]) == 2
    message = f"--output {copy}: exists already; give another name, or --force to replace it"
    assert capsys.readouterr().err == f"pack: error: {message}\n"
    assert copy.read_bytes() == before


def test_a_device_or_a_pipe_is_not_replaced_by_a_file(evaluated, tmp_path, capsys):
    pipe = tmp_path / "pipe.zip"
    os.mkfifo(pipe)
    assert main(["pack", str(evaluated), "--output", str(pipe), "--force"]) == 2
    assert f"--output {pipe}: is a device or a pipe, expected the name of a file" in capsys.readouterr().err
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["lexicon.tsv", "new.zip"])
def test_a_model_is_not_packed_into_its_own_folder(evaluated, tmp_path, capsys, name):
    folder = shutil.copytree(evaluated, tmp_path / "model")
    before = {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}
    assert main(["pack", str(folder), "--output", str(folder / name), "--force"]) == 2
    assert f"--output {folder / name}: is in the model's own folder; give a file in another" in capsys.readouterr().err
    assert {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")} == before


def interrupt(folder: Path, target: Path | None = None) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", ["pack", "verify"])
def test_an_interrupt_is_one_line(evaluated, tmp_path, capsys, monkeypatch, command):
    monkeypatch.setattr("sentiment.predict.pack.pack", interrupt)
    monkeypatch.setattr("sentiment.predict.verify.check_manifest", interrupt)
    output = ["--output", str(tmp_path / "out.zip")] if command == "pack" else []
    assert main([command, str(evaluated), *output]) == 130
    assert capsys.readouterr().err == f"{command}: stopped\n"


@pytest.mark.parametrize("name", ["table.npy", CARD, ""])
def test_a_model_that_is_damaged_is_not_packed(evaluated, tmp_path, capsys, name):
    folder = tmp_path / "model"
    shutil.copytree(evaluated, folder)
    if name:
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    else:
        (folder / CARD).unlink()
    assert main(["pack", str(folder), "--output", str(tmp_path / "mine.zip")]) == 2
    assert capsys.readouterr().err.startswith(f"pack: error: {folder}")
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("kept", [0, 1, 100, 0.3, 0.9, -1])
def test_a_part_of_an_archive(copy, kept):
    size = copy.stat().st_size
    os.truncate(copy, int(kept * size) if 0 < kept < 1 else kept % size)
    # Where the end of weights.npz, which is a zip itself, is among the last bytes, its members are seen.
    assert refusal(copy).startswith((": is no archive or a part of one (", ": contains 'output_kernel.npy', which"))


@pytest.mark.parametrize("name", ["model.json", *CHECKED, *OPTIONAL])
def test_one_flipped_bit(copy, name):
    with open_model(copy) as files, files.open(name) as (_, start, _):
        content = bytearray(copy.read_bytes())
    content[start + 150] ^= 1
    copy.write_bytes(content)
    assert f"/{name}: d" in refusal(copy)  # damaged, or does not belong to this model


def test_files_of_another_model(copy):
    swapped = {"chunks.npy": "chunk_ids.npy", "chunk_ids.npy": "chunks.npy"}
    rewrite(copy, lambda member: setattr(member, "filename", swapped.get(member.filename, member.filename)))
    assert "does not belong to this model" in refusal(copy)


@pytest.mark.parametrize("name", ["../table.npy", "/etc/passwd", "saved_model/", "model.keras", "C:\\x", "models\0"])
def test_names_that_are_none_of_a_model(copy, name):
    rewrite(copy, lambda member: None, {name: b"x"})
    assert "which is no file of a model; expected what `sentiment pack` makes" in refusal(copy)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice(copy):
    rewrite(copy, lambda member: None, {CARD: b"another card"})
    assert "contains a name twice" in refusal(copy)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("external_attr", 0o120777 << 16, "as a link"),
        ("compress_type", zipfile.ZIP_DEFLATED, "compressed"),
        ("compress_type", zipfile.ZIP_LZMA, "compressed"),
    ],
)
def test_a_table_as_a_link_or_compressed(copy, name, value, reason):
    def apply(member: zipfile.ZipInfo) -> None:
        if member.filename == "table.npy":
            setattr(member, name, value)

    rewrite(copy, apply)
    assert refusal(copy).startswith(f": contains table.npy {reason}; ")


def test_a_bomb(copy):
    """A gigabyte of zeros takes a megabyte in the archive."""
    with (
        zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("model.json", "w") as member,
    ):
        for _ in range(1 << 8):
            member.write(bytes(1 << 20))
    assert refusal(copy).startswith(": contains model.json, which would take 268,435,456 bytes of memory; ")


@settings(max_examples=30)
@given(st.data())
def test_no_change_of_bytes_goes_unnoticed_or_breaks_the_reader(packed, tmp_path_factory, data):
    """The headers decide on what is read, so they are changed most."""
    content = bytearray(packed.read_bytes())
    with open_model(packed) as files:
        names = files.names()
    directory = len(content) - 150 * len(names)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(directory, len(content) - 1) | st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    changed = tmp_path_factory.getbasetemp() / "changed.zip"
    changed.write_bytes(content)
    with contextlib.suppress(sentiment.ArtefactError):
        answer = sentiment.load(changed).predict_proba(["I love this"])
        np.testing.assert_array_equal(answer, sentiment.load(packed).predict_proba(["I love this"]))


def test_the_service_takes_it_for_a_folder(evaluated, packed, tmp_path):
    copy = read_export("mine", packed, tmp_path)
    texts = ["I love this", "they hate soup"]
    np.testing.assert_array_equal(copy.classifier.predict_proba(texts), sentiment.load(packed).predict_proba(texts))
    assert sign(packed) is not None
    assert sign(packed) != sign(evaluated)
