"""Damaged input of every kind, a little of it; `make fuzz` has a hundred thousand inputs. Named cases are below."""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.shared import profiles
from pipelines.shared.glove_files import glove_file, read_glove
from sentiment.common.array_files import open_array, read_arrays
from sentiment.data.corpus import CorpusReader
from sentiment.errors import InputError, SettingsError
from sentiment.predict import __main__ as predict
from sentiment.settings import CorpusSettings, EmbeddingSettings
from tests.conftest import glove_rows, write_sentiment140
from tests.fuzz import SHARES, FuzzTally, attempt, fuzz
from tests.fuzz_targets import WANTED, Target, make_targets
from tests.model_fixture import run_child, shared_model


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> dict[str, Target]:
    return make_targets(tmp_path_factory.mktemp("fuzz") / "scratch", shared_model().folder)


@pytest.mark.parametrize("name", SHARES)
def test_any_bytes(targets, name):
    @settings(max_examples=40)
    @given(st.binary(max_size=400), st.integers(0, 1000))
    def check(content: bytes, choice: int) -> None:
        tally = FuzzTally()
        assert attempt(targets[name], content, choice, tally) != "defect", tally.defects

    check()


@pytest.mark.parametrize("name", SHARES)
def test_damaged_files(targets, name, tmp_path):
    """The same inputs each time; some are accepted, or the target would refuse whatever it is given."""
    tally = fuzz(targets[name], 100, 0, tmp_path)
    assert tally.defects == {}
    assert 0 < tally.outcomes["accepted"] < 100


ROWS = st.lists(
    st.tuples(st.sampled_from("04"), st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=30)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=100)
@given(ROWS)
def test_rows_are_read_as_they_were_written(tmp_path_factory, rows):
    path = write_sentiment140(tmp_path_factory.getbasetemp() / "round.csv", rows)
    batches = list(CorpusReader(path, CorpusSettings(repair_utf8=False), "x"))
    read = [row for texts, labels in batches for row in zip(texts.to_pylist(), labels, strict=True)]
    names = [(("0", "2", "4")[label], text) for text, label in read]
    assert names == rows


# Defects that fuzzing found


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("header", [False, True])
def test_a_corpus_that_is_not_in_a_wide_encoding(tmp_path, encoding, header):
    path = write_sentiment140(tmp_path / "c.csv", [("0", "text")] * 3)
    columns = {"header": True, "columns": 0, "text_column": "a", "label_column": "b"} if header else {}
    options = CorpusSettings(encoding=encoding, **columns)
    with pytest.raises(InputError, match=rf"(?i)not readable as csv \(.*{encoding}.*set corpus.encoding"):
        list(CorpusReader(path, options, str(path)))


@pytest.mark.parametrize("encoding", ["undefined", "a\0b", "hex", "rot13", "no-such"])
def test_codecs_that_are_none(encoding):
    with pytest.raises(SettingsError, match="is not a codec that Python knows"):
        CorpusSettings(encoding=encoding)


@pytest.mark.parametrize("setting", ["training.learning_rate=inf", "training.contrast=inf", "training.clip_norm=nan"])
def test_settings_that_are_not_finite(setting):
    with pytest.raises(SettingsError, match="expected a finite number"):
        profiles.make_settings({}, [setting])


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000, '"\\ud800"'], ids=["digits", "nested", "surrogate"])
def test_toml_that_python_cannot_hold(tmp_path, value):
    path = tmp_path / "p.toml"
    path.write_text(f"[training]\nepochs = {value}\n")
    with pytest.raises(SettingsError, match="not a TOML file"):
        profiles.read_profile(str(path))
    with pytest.raises(SettingsError, match=r"training\.epochs: expected a whole number"):
        profiles.make_settings({}, [f"training.epochs={value}"])


def test_messages_are_one_line_and_not_endless():
    assert str(SettingsError("a\nb\r\nc\u2028d")) == "a b c d"
    assert len(str(InputError("x" * 10_000))) == 1004


def glove_lines() -> bytes:
    return "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in glove_rows()).encode()


def glove_zip(path: Path, name: str = "glove.txt") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, glove_lines())
    return path


def refused_glove(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_glove(path, WANTED, EmbeddingSettings())
    return str(caught.value)


def test_an_encrypted_and_an_unknown_archive(tmp_path):
    path = glove_zip(tmp_path / "g.zip")
    sound = path.read_bytes()
    central = sound.rindex(b"PK\x01\x02")
    for place, value in ((8, 1), (10, 97)):  # flags: encrypted; a method of compression that nobody has
        damaged = bytearray(sound)
        damaged[central + place] = value
        damaged[place - 2] = value
        path.write_bytes(damaged)
        assert refused_glove(path).startswith(f"{path}: damaged or incomplete (")


def test_an_archive_whose_member_lies_before_its_start(tmp_path):
    path = glove_zip(tmp_path / "g.zip")
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = (2**31).to_bytes(4, "little")
    path.write_bytes(content)
    assert refused_glove(path).startswith(f"{path}: ")


def test_a_file_that_only_its_name_makes_a_gzip(tmp_path):
    """The first bytes tell whether a file is packed."""
    (tmp_path / "g.txt.gz").write_bytes(glove_lines())
    assert read_glove(tmp_path / "g.txt.gz", WANTED, EmbeddingSettings()).file_words == len(glove_rows())


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "g.txt"
    path.write_bytes(glove_lines())

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("io.FileIO", forbidden)
    with pytest.raises(PermissionError):
        read_glove(path, WANTED, EmbeddingSettings())


def test_a_member_that_points_outside_is_read_and_written_nowhere(tmp_path):
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    path = glove_zip(folder / "g.zip", "../../escape.txt")
    assert read_glove(path, WANTED, EmbeddingSettings()).file_words == len(glove_rows())
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_links_and_pipes(tmp_path):
    (tmp_path / "sound.txt").write_bytes(glove_lines())
    (tmp_path / "link.txt").symlink_to("sound.txt")
    assert read_glove(tmp_path / "link.txt", WANTED, EmbeddingSettings()).file_words == len(glove_rows())
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("loop", "gone", "pipe"):
        with pytest.raises(InputError, match="no such file"):
            glove_file(tmp_path / f"{name}.txt", tmp_path, {})


@pytest.mark.parametrize(
    "content", [b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((\n\n", b"PK\x05\x06" + bytes(18), b"", b"\x93NUMPY"]
)
def test_arrays_that_are_none(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match="."):
        open_array(tmp_path / "a.npy")
    if not content.startswith(b"PK"):  # that is an archive, of nothing
        with pytest.raises(ValueError, match="."):
            read_arrays(tmp_path / "a.npy")


def test_a_header_from_python_2_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 2), np.float32))
    content = (tmp_path / "a.npy").read_bytes().replace(b"(3, 2)", b"(3L,2)")
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match="header"):
        open_array(tmp_path / "a.npy")


def test_a_parquet_whose_text_is_not_utf8(tmp_path, capsys):
    text = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 3], np.int32)), pa.py_buffer(b"a\xa5b")]
    )
    pq.write_table(pa.table({"text": text}), tmp_path / "in.parquet")
    arguments = ["--model", str(shared_model().folder), "--input", str(tmp_path / "in.parquet")]
    assert predict.main(arguments) == 2
    assert "not readable as parquet" in capsys.readouterr().err
    with pytest.raises(InputError, match="expected texts in UTF-8"):
        predict_of(text)


def test_a_parquet_with_a_damaged_page(tmp_path, capsys):
    """Arrow reports it as an OSError of two lines, without a number."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["some words"] * 50}), path)
    content = bytearray(path.read_bytes())
    content[4:40] = b"\xff" * 36
    path.write_bytes(content)
    assert predict.main(["--model", str(shared_model().folder), "--input", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"{path}: not readable as parquet" in err


def predict_of(text: pa.Array) -> np.ndarray:
    import sentiment

    return sentiment.load(shared_model().folder).predict_proba(text)


# Much out of little

BOMBS = """
import resource, sys
from pathlib import Path
from pipelines.shared.glove_files import glove_file, read_glove
from sentiment.data.corpus import CorpusReader
from sentiment.errors import InputError
from sentiment.settings import CorpusSettings, EmbeddingSettings
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
folder, refused = Path(sys.argv[1]), 0
for name in ("bomb.txt.gz", "bomb.zip"):
    try:
        read_glove(folder / name, {"love"}, EmbeddingSettings())
    except InputError as error:
        refused += "a line of over 65536 bytes" in str(error)
try:
    list(CorpusReader(folder / "line.csv", CorpusSettings(), "line.csv"))
except InputError as error:
    refused += "look for a quote that is not closed" in str(error)
print(refused, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_bombs_and_endless_lines_stay_small(tmp_path):
    """120 MB of zeros in a small archive, and as one line of a sparse file."""
    size = 120 << 20
    with gzip.open(tmp_path / "bomb.txt.gz", "wb", 1) as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.txt", bytes(16 << 20))
    with (tmp_path / "line.csv").open("wb") as file:
        file.truncate(size)
    refused, grown = map(int, run_child("-c", BOMBS, tmp_path).stdout.split())
    assert refused == 3
    assert grown < 60
