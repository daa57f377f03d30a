"""What `bench` measures and reports, and that it refuses to compare what differs."""

import csv
import functools
import importlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.bench import contenders, scale, sections, serve, timing
from pipelines.bench.contenders import Material
from pipelines.bench.timing import Contender, in_own_process, machine, markdown, peak_mib, run_process, time_in_turn
from pipelines.shared.stage import Places
from sentiment.data.corpus import LabelledTexts
from sentiment.data.encoded import EncodedPart, spread
from sentiment.errors import ArtefactError, InputError
from sentiment.evaluation.baselines import fit_baselines
from tests.model_fixture import shared_model


def test_the_table_has_a_row_per_contender_and_gaps_where_nothing_was_measured() -> None:
    text = markdown("growth", {"10 tweets": {"seconds": 0.25}, "20 tweets": {"peak_mib": 150.4}})
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[::2]] == [
        ["growth", "seconds", "peak mib"],
        ["10 tweets", "0.25", ""],
    ]


def test_the_machine_is_described_by_what_the_libraries_found() -> None:
    assert " cores, Python 3." in machine()
    assert "NumPy" in machine()
    assert "openblas" in machine()


def test_contenders_take_turns_and_the_first_turn_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_TURN_SECONDS", 1e-9)
    monkeypatch.setattr(timing, "TURNS", 2)
    calls: list[str] = []
    work = {name: Contender(lambda name=name: calls.append(name), 3) for name in "AB"}
    assert time_in_turn(work).keys() == {"A", "B"}
    assert calls == list("ABABAB")


def test_a_turn_lasts_a_second_of_what_counts() -> None:
    seconds = {"A": 0.25, "B": 5.0}
    work = {name: Contender(lambda each=each: each, 3) for name, each in seconds.items()}
    assert time_in_turn(work) == seconds


def test_calls_are_of_the_size_asked_for_and_of_other_texts_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Sequence[str]] = []
    monkeypatch.setitem(contenders.ANSWERS, "one", lambda material: calls.append)
    material = SimpleNamespace(texts=["a", "b", "c", "d"])
    contender = contenders._calling("one", 2, material)  # type: ignore[arg-type]
    for _ in range(3):
        contender.run()
    assert (contender.tweets, calls) == (2, [["a", "b"], ["c", "d"], ["a", "b"]])


def test_the_memory_of_a_process_is_its_own() -> None:
    small, large = (run_process(["-c", f"bytearray({mib} << 20)"])["peak_mib"] for mib in (1, 101))
    assert 95 < large - small < 105
    assert in_own_process(peak_mib) < 100 < peak_mib()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_process(["-c", "1 / 0"])


def test_rows_are_taken_from_all_over_a_part() -> None:
    part = EncodedPart(pa.array(range(12)).to_numpy().reshape(6, 2), pa.array(range(6)).to_numpy())
    assert spread(part, 3).labels.tolist() == [0, 2, 4]
    assert spread(part, 12).ids[:, 0].tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]


@pytest.fixture(scope="module")
def material() -> Iterator[Material]:
    """The shared model. Its SavedModel is loaded once, and fastText is trained once."""
    with pytest.MonkeyPatch.context() as patch:
        if contenders.FASTTEXT in contenders.ANSWERS:  # two million buckets, its default, take 800 MB a model
            fasttext = importlib.import_module("fasttext")
            patch.setattr(fasttext, "train_supervised", functools.partial(fasttext.train_supervised, bucket=200_000))
        for name, answer in contenders.ANSWERS.items():
            patch.setitem(contenders.ANSWERS, name, functools.cache(answer))
        places = Places(shared_model().root, "tiny")
        yield Material(places, places.model, 100)


def test_fasttext_is_trained_as_evaluate_trains_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both give fastText the same options and the same lines, so that speed and quality are of one model."""
    given: list[tuple[object, str]] = []

    def train_supervised(path: str, **options: object) -> SimpleNamespace:
        given.append((options, Path(path).read_text(encoding="utf-8")))
        return SimpleNamespace(predict=lambda texts: ([["__label__0"]] * len(texts), None))

    monkeypatch.setitem(sys.modules, "fasttext", SimpleNamespace(train_supervised=train_supervised, __spec__=1))
    rows = LabelledTexts([f"Tweet no. {i}!" for i in range(40)], np.arange(40) % 2)
    contenders._fasttext(SimpleNamespace(texts=rows.texts))  # type: ignore[arg-type]
    of_bench = given.copy()
    given.clear()
    fit_baselines(rows, ["a", "b"])
    assert of_bench == given


@pytest.mark.slow
def test_every_section_is_measured(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_TURN_SECONDS", 0.01)
    monkeypatch.setattr(timing, "TURNS", 1)
    monkeypatch.setattr(contenders, "TRAINING_ROWS", 256)
    monkeypatch.setattr(sections, "_KEPT_ROWS", (500,))  # fastText takes half a minute to quantise 100,000
    cores = os.sched_getaffinity(0)
    for name in contenders.CONTENDERS:
        try:
            entries = sections.speed(name, material, 1)
        finally:
            os.sched_setaffinity(0, cores)  # else all later tests of this process have one core only
        assert [entry["ratio"] for key, entry in entries.items() if key == contenders.AGAINST.get(name)] in ([1], [])
        assert all(entry["tweets_per_second"] > 0 for entry in entries.values())
    measured = sections.size(material)
    assert 0 < measured["ours, NumPy inference"]["MB"] < measured["ours, the whole folder"]["MB"]
    assert measured["ours, NumPy inference"]["accuracy"] > 90
    assert measured["logistic regression"]["accuracy"] > 90


@pytest.mark.slow
def test_forms_that_answer_differently_are_not_measured(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    sections.check_forms(material)
    monkeypatch.setitem(contenders.ANSWERS, "ours, NumPy inference", lambda material: lambda texts: 0.25)
    with pytest.raises(ArtefactError, match="the SavedModel differs from the NumPy inference by"):
        sections.check_forms(material)


def test_a_second_list_of_tweets_in_another_profiles_format(tmp_path: Path) -> None:
    material = Material(Places(tmp_path, "tiny"), tmp_path, 100)
    (tmp_path / "more.csv").write_text('"0","1","","","","bad &amp; sad"\n"4","2","","","","caf\xe9"\n', "latin-1")
    for given in (str(tmp_path / "more.csv"), f"sentiment140:{tmp_path / 'more.csv'}"):
        assert replace(material, tweets=given).texts == ["bad &amp; sad", "café"]
    (tmp_path / "more.csv").write_text("")
    with pytest.raises(InputError, match=r"more\.csv"):
        replace(material, tweets=str(tmp_path / "more.csv")).texts  # noqa: B018


def test_growing_corpora_have_distinct_tweets(tmp_path: Path) -> None:
    sections.write_corpus(tmp_path / "corpus.csv", ["a", "b"], 5)
    with (tmp_path / "corpus.csv").open(encoding="latin-1", newline="") as file:
        assert [row[5] for row in csv.reader(file)] == ["a zq0", "b zq0", "a zq1", "b zq1", "a zq2"]


def test_the_sources_of_scoring_have_the_rows_asked_for(tmp_path: Path) -> None:
    for name, files in (("one.parquet", 1), ("many", 32)):
        scale.write_source(tmp_path / name, pa.array(["a", "b", "c"]), 64)
        assert pq.read_table(tmp_path / name).num_rows == 64
        assert len(list((tmp_path / name).glob("*.parquet")) or [1]) == files


def test_the_requests_of_a_load_have_every_text_once(tmp_path: Path) -> None:
    file = serve.write_bodies([f'a "{i}"' for i in range(9)], 4, tmp_path / "bodies")
    bodies = [json.loads(line)["texts"] for line in file.read_text().splitlines()]
    assert bodies == [[f'a "{i}"' for i in range(start, start + 4)] for start in (0, 4)]
