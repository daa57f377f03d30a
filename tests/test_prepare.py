"""A corpus in many files, on any number of processes: the artefacts of one file in one process, byte for byte."""

import argparse
import contextlib
import csv
import gzip
import json
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import load, preprocess
from pipelines.shared import artefacts, stage
from sentiment.common.engines import Engine, InProcess, LocalEngine
from sentiment.data.splitting import DROPPED, TRAIN, VALIDATION, hash_texts
from sentiment.predict.verify import check_manifest
from sentiment.settings import SplitSettings
from tests.engine_tasks import encode_and_die_once
from tests.memory_split import split
from tests.snapshot import snapshot

PROFILE = """
[corpus]
encoding = "utf-8"
header = true
columns = 0
text_column = "tweet"
label_column = "mood"
labels = { negative = "bad", neutral = "so-so", positive = "good" }
ignored_labels = ["unsure"]

[split]
validation = 0.15
test = 0.1

[preprocessing]
min_count = 2
max_tokens = 6
vector_words = 0
"""
MOODS = ("bad", "so-so", "good")
SPLIT = SplitSettings(validation=0.15, test=0.1)


def labelled(n: int = 600) -> list[tuple[str, str]]:
    """Rows of three classes: duplicates, tweets with two moods, words that tie in number, and rows that are ignored."""
    choose = random.Random(5)
    words = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("ada", "ebe", "iki", "omo", "unu")]
    rows = [(choose.choice(MOODS), " ".join(choose.choices(words, k=choose.randint(1, 9)))) for _ in range(n)]
    rows += [(mood, f"@eve {text}!") for mood, text in choose.sample(rows, 40)]
    rows += [(choose.choice(MOODS), text.upper()) for _, text in choose.sample(rows, 40)]
    rows += [("unsure", 'whatever, "this" is\nhere') for _ in range(5)]
    choose.shuffle(rows)
    return rows


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    """A table of the kind that the name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"tweet": [text for _, text in rows], "mood": [mood for mood, _ in rows]}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"tweet": text, "mood": mood}) + "\n" for mood, text in rows))
    else:
        with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if ".tsv" in path.name else ",")
            writer.writerows([("mood", "tweet"), *rows])


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file, and a folder of the same rows in files of all kinds, one of them empty."""
    folder, rows = tmp_path_factory.mktemp("corpora"), labelled()
    write(folder / "one.csv", rows)
    (folder / "many" / "deeper").mkdir(parents=True)
    cuts = [0, 90, 91, 250, 400, 560, len(rows)]
    names = ("a.csv", "b.csv", "c.tsv.gz", "d.jsonl", "deeper/e.parquet", "f.csv.gz")
    for name, start, stop in zip(names, cuts[:-1], cuts[1:], strict=True):
        write(folder / "many" / name, rows[start:stop])
    write(folder / "many" / "deeper" / "f.csv", [])
    (folder / "many" / "_notes.csv").write_text("not a corpus")
    (folder / "profile.toml").write_text(PROFILE)
    return folder


@pytest.fixture(autouse=True)
def many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts so small that there are several of each kind."""
    monkeypatch.setattr("sentiment.prepare.spooling._BYTES_PER_TASK", 4000)
    monkeypatch.setattr("sentiment.prepare.split_corpus.ROWS_PER_RANGE", 90)
    monkeypatch.setattr("sentiment.prepare.split_corpus.ROWS_PER_GROUP", 50)
    monkeypatch.setattr("sentiment.prepare.encoding._ROWS_PER_TASK", 100)
    monkeypatch.setattr("sentiment.prepare.encoding._TABLES_AT_ONCE", 2)


def prepare(corpora: Path, root: Path, corpus: str, *options: str) -> dict[str, str]:
    """Load and preprocess; checksums of what came of it, but for the name and the checksum of the corpus."""
    common = ["--profile", str(corpora / "profile.toml"), "--root", str(root), *options]
    stage.main(load.run, "", load.OPTIONS, [*common, "--corpus", str(corpora / corpus)])
    stage.main(preprocess.run, "", preprocess.OPTIONS, common)
    report = root / "data/interim/profile/load.json"
    content = json.loads(report.read_text())
    del content["source_sha256"]
    report.write_text(json.dumps(content))
    return snapshot(root / "data/interim", root / "data/processed")


@pytest.fixture(scope="module")
def one(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one file in one process comes to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentiment.prepare.split_corpus.ROWS_PER_GROUP", 50)
        return prepare(corpora, tmp_path_factory.mktemp("one"), "one.csv")


def test_the_artefacts_are_those_of_one_file_and_the_split_is_the_one_that_is_defined(corpora, one, tmp_path):
    names = ("interim/profile/tweets.parquet", "interim/profile/seen.npy", "processed/profile/lexicon.tsv")
    assert {*names, "processed/profile/train.ids.npy", "processed/profile/test.labels.npy"} <= set(one)
    assert prepare(corpora, tmp_path, "many") == one
    assert not [path for path in tmp_path.rglob("*") if "scratch" in path.name]
    rows = [(mood, text) for mood, text in labelled() if mood in MOODS]
    texts, labels = [text for _, text in rows], np.array([MOODS.index(mood) for mood, _ in rows])
    hashes = hash_texts(pa.array(texts))
    parts = split(hashes, labels, SPLIT)
    kept = np.flatnonzero(parts.part != DROPPED)
    table = pq.read_table(tmp_path / "data/interim/profile/tweets.parquet").to_pydict()
    assert table == {
        "text": [texts[i] for i in kept], "label": labels[kept].tolist(), "part": parts.part[kept].tolist(),
    }  # fmt: skip
    report = json.loads((tmp_path / "data/interim/profile/load.json").read_text())
    assert (report["duplicates"], report["contradictions"]) == (parts.duplicates, parts.contradictions)
    assert min(parts.duplicates, parts.contradictions) > 20
    seen = np.load(tmp_path / "data/interim/profile/seen.npy")
    assert seen.tolist() == sorted(hashes[(parts.part == TRAIN) | (parts.part == VALIDATION)].tolist())


@pytest.fixture(scope="module")
def two() -> Iterator[LocalEngine]:
    """Two processes, which all tests share."""
    with LocalEngine(2) as engine:
        yield engine


def use(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    """Have both stages take ``engine``, and leave it running."""
    for module in (load, preprocess):
        monkeypatch.setattr(module, "make_engine", lambda arguments: contextlib.nullcontext(engine))


def test_runs_end_where_they_may(corpora, one, tmp_path, monkeypatch):
    """However large a file is, no more than so many rows are held at once."""
    monkeypatch.setattr("sentiment.prepare.spooling.ROWS_PER_RUN", 30)
    monkeypatch.setattr("sentiment.data.csv_reader._BLOCK_BYTES", 2000)
    assert prepare(corpora, tmp_path, "one.csv") == one


def test_texts_that_are_cut_are_copies_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.prepare.spooling.ROWS_PER_RUN", 30)
    monkeypatch.setattr("sentiment.data.csv_reader._BLOCK_BYTES", 2000)
    whole = [
        (MOODS[i % 3], f"{MOODS[i % 3]} words that begin many tweets alike, {i} of them & more in the end")
        for i in range(90)
    ]
    shortened = [
        (mood, f"RT @eve: {text[:end]}… https://t.co/x".replace("&", "&amp;"))
        for mood, text in whole
        for end in (-9, -2, None)
    ]
    alone = [("good", "RT @eve: a tweet whose whole text nobody has sent at a…"), ("good", "too short a…")]
    (tmp_path / "profile.toml").write_text(PROFILE)
    write(tmp_path / "all.csv", [*shortened[:60], *whole, *shortened[60:], *alone, *alone])
    prepare(tmp_path, tmp_path / "root", "all.csv")
    report = json.loads((tmp_path / "root/data/interim/profile/load.json").read_text())
    assert (report["duplicates"], report["contradictions"]) == (272, 0)
    kept = pq.read_table(tmp_path / "root/data/interim/profile/tweets.parquet").column("text").to_pylist()
    assert len(kept) == 92
    assert {text.split()[text.split().index("alike,") + 1] for text in kept if "alike" in text} == {
        *map(str, range(90))
    }


def test_a_cut_text_is_a_copy_of_the_shortest_whole(tmp_path: Path) -> None:
    start = "words that begin many tweets alike, all of them in the"
    texts = [f"{start} end", f"RT @eve: {start} e…", f"{start} end & more"]
    (tmp_path / "profile.toml").write_text(PROFILE)
    write(
        tmp_path / "all.csv",
        [*((mood, f"{mood} {i}") for mood in MOODS for i in range(1, 9)), *((MOODS[0], text) for text in texts)],
    )
    prepare(tmp_path, tmp_path / "root", "all.csv")
    kept = pq.read_table(tmp_path / "root/data/interim/profile/tweets.parquet").column("text").to_pylist()
    assert [text for text in kept if "alike" in text] == texts[::2]


def test_a_pattern_takes_the_files_that_match(corpora: Path, tmp_path: Path) -> None:
    prepare(corpora, tmp_path, "many/[ab].csv", "--set", "preprocessing.min_count=1")
    report = json.loads((tmp_path / "data/interim/profile/load.json").read_text())
    assert report["rows"] == 91


@pytest.mark.parametrize("corpus", ["many", "many/*.csv"])
def test_the_files_are_checked_against_the_manifest(corpora: Path, tmp_path: Path, corpus: str) -> None:
    shutil.copytree(corpora / "many", tmp_path / "many")
    options = ["--profile", str(corpora / "profile.toml"), "--root", str(tmp_path), "--corpus", str(tmp_path / corpus)]
    stage.main(load.run, "", load.OPTIONS, options)
    inputs = artefacts.corpus_inputs(json.loads((tmp_path / "data/interim/profile/load.json").read_text()))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "manifest.json").write_text(json.dumps({"artefacts": {}, "inputs": inputs}))
    named = f"corpus {tmp_path / corpus}"
    assert check_manifest(tmp_path / "model") == ([], [])
    with (tmp_path / "many" / "b.csv").open("a") as file:
        file.write("good,one more\n")
    assert check_manifest(tmp_path / "model")[0] == [f"{named} has changed since the model was made"]
    shutil.rmtree(tmp_path / "many")
    assert check_manifest(tmp_path / "model") == ([], [f"{named} is not there, so not checked"])


def refused(corpora: Path, root: Path, corpus: str, *options: str) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        prepare(corpora, root, corpus, *options)


@pytest.mark.parametrize("processes", [1, 2])
def test_bad_rows_are_named_by_file_and_line(corpora, tmp_path, caplog, monkeypatch, two, processes):
    use(monkeypatch, two if processes == 2 else InProcess())
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "in" / name).write_text("mood,tweet\ngood,fine\nbad,poor\nawful,bad indeed\n")
    refused(corpora, tmp_path, str(tmp_path / "in"))
    assert "/in/a.csv:4: expected a label out of bad, so-so, good, unsure, received 'awful'" in caplog.text
    caplog.clear()
    refused(corpora, tmp_path, str(tmp_path / "in"), "--set", "corpus.max_bad_rows=1")
    assert "/in/a.csv:4: expected a label" in caplog.text
    assert "(2 bad rows, this is the first)" in caplog.text
    assert not list((tmp_path / "data/interim/profile").glob("[!.]*"))


def test_a_process_that_is_killed_costs_nothing(corpora, one, tmp_path, monkeypatch, two):
    """Two processes give the same, and whoever does a task again writes the same into the same places."""
    mark = tmp_path / "killed"
    monkeypatch.setattr("sentiment.prepare.encoding.encode_rows", partial(encode_and_die_once, mark))
    use(monkeypatch, two)
    assert prepare(corpora, tmp_path, "many") == one
    assert mark.exists()


@pytest.mark.parametrize(
    ("options", "kind", "workers"),
    [([], InProcess, None), (["--workers", "1"], InProcess, None), (["--workers", "3"], LocalEngine, 3)],
)
def test_options_choose_the_engine(options: list[str], kind: type, workers: int | None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", **stage.ENGINE_OPTIONS["--workers"])
    engine = stage.make_engine(parser.parse_args(options))
    assert (type(engine), getattr(engine, "workers", None)) == (kind, workers)


def test_an_array_has_space_on_disk_for_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "train.ids.npy"
    preprocess._new_array(path, np.dtype(np.uint16), (50_000, 2))
    assert path.stat().st_blocks * 512 >= path.stat().st_size > 200_000
    assert not np.load(path).any()
