"""Two runs at once: the second waits, and what is left is whole. One model in many threads: the same answers."""

import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import sentiment
from pipelines import evaluate, export, load, train
from pipelines.shared import publishing, stage
from tests.model_fixture import (
    SETTINGS,
    Trained,
    child_environment,
    labelled_tweets,
    shared_model,
    write_corpus,
    write_inputs,
)

WAITING = "another run of this profile is at work; waiting for it to end"


def start(this: Trained, name: str, *more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", f"pipelines.{name}", *this.options(*more)]
    return subprocess.Popen(command, env=child_environment(), stderr=subprocess.PIPE, text=True)


def test_every_stage_waits_for_another_run_of_its_profile(tmp_path):
    this = write_inputs(tmp_path / "root")
    names = ("preprocess", "embed", "train", "export", "evaluate", "report")
    with publishing.lock(this.interim / ".lock"):
        waiting = {name: start(this, name) for name in names}
        said = {name: process.stderr.readline() for name, process in waiting.items()}
        elsewhere = start(write_inputs(tmp_path / "other"), "preprocess").communicate()[1]
        assert [name for name, process in waiting.items() if process.poll() is not None] == []
        for name in names[1:]:  # the others would load TensorFlow or pandas to say the same as the first
            waiting[name].kill()
            waiting[name].communicate()
    assert said == {name: f"{name}: {WAITING}\n" for name in names}
    assert WAITING not in elsewhere
    assert "error: " in waiting["preprocess"].communicate()[1]  # it has nothing to work on


def test_two_loads_at_once_leave_one_of_the_two_whole(tmp_path):
    this = write_inputs(tmp_path / "root")
    other = tmp_path / "other.csv"
    write_corpus(other, labelled_tweets()[:200])
    processes = [start(this, "load", "--corpus", str(path)) for path in (this.corpus, other) * 2]
    assert [process.wait() for process in processes] == [0] * 4
    rows = pq.read_table(this.interim / "tweets.parquet").num_rows
    report = publishing.read_json(this.interim / "load.json", "make")
    assert (rows, report["source"]) in {(480, str(this.corpus)), (200, str(other))}
    assert sum(sum(part.values()) for part in report["parts"].values()) == rows
    for process in processes:
        process.stderr.close()


def test_a_lock_that_was_removed_while_it_was_waited_for(tmp_path):
    """As `make clean` does: the next run makes a new file, which the one that waited must hold too."""
    path, order = tmp_path / ".lock", []

    def second() -> None:
        with publishing.lock(path):
            order.append("second")

    with publishing.lock(path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        path.unlink()
        third = publishing.lock(path)
        third.__enter__()
    time.sleep(0.2)
    order.append("third")
    third.__exit__(None, None, None)
    thread.join(10)
    assert order == ["third", "second"]


@pytest.fixture
def copy(tmp_path) -> Trained:
    this = replace(shared_model(), root=tmp_path / "root")
    shutil.copytree(shared_model().root, this.root, symlinks=True)
    return this


def refusal(this: Trained, module, caplog, settings=SETTINGS) -> str:
    """What a stage says that finds the files of another run."""
    with pytest.raises(SystemExit) as caught:
        stage.main(module.run, "", argv=this.options(settings=settings))
    assert caught.value.code == 2
    return caplog.records[-1].getMessage()


def test_training_on_ids_of_a_run_with_other_settings_is_refused(copy, caplog):
    message = refusal(copy, train, caplog, (*SETTINGS, "preprocessing.padding=pre"))
    assert "was made with another preprocessing.padding than this run asks for; run `make preprocess`" in message


def test_a_matrix_or_a_network_of_another_lexicon_is_refused(copy, caplog):
    encoded = publishing.read_json(copy.processed / "encoded.json", "make")
    publishing.write_json(copy.processed / "encoded.json", encoded | {"lexicon_sha256": "0" * 64})
    assert "embedding_matrix.npy is of another lexicon" in refusal(copy, train, caplog)
    before = publishing.sha256(copy.folder)
    assert "was trained with another lexicon than" in refusal(copy, export, caplog)
    assert publishing.sha256(copy.folder) == before


def test_sixteen_threads_get_what_one_gets():
    model = sentiment.load(shared_model().folder)
    texts = [text for _, text in labelled_tweets()]
    slices = [texts[i : i + 60] for i in range(0, len(texts), 30)] * 6
    expected = [model.predict_proba(part) for part in slices]
    with ThreadPoolExecutor(16) as pool:
        received = list(pool.map(model.predict_proba, slices))
    assert len(slices) == 96
    for one, many in zip(expected, received, strict=True):
        np.testing.assert_array_equal(one, many)


def test_large_batches_in_several_threads():
    """Above a size, one call uses several threads itself."""
    model = sentiment.load(Path(shared_model().folder))
    texts = [text for _, text in labelled_tweets()] * 40
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(model.predict_proba, [texts] * 4)
    for other in others:
        np.testing.assert_array_equal(first, other)
    np.testing.assert_array_equal(first[:480], model.predict_proba(texts[:480]))


def test_evaluate_refuses_a_corpus_that_was_split_anew(tmp_path, caplog):
    this = replace(shared_model(), root=tmp_path / "root")
    shutil.copytree(shared_model().root, this.root, symlinks=True)
    options = this.options(settings=[*SETTINGS, "split.test=0.2"])
    stage.main(load.run, "", load.add_arguments, [*options, "--corpus", str(this.corpus)])
    with pytest.raises(SystemExit) as stopped:
        stage.main(evaluate.run, "", evaluate.add_arguments, options)
    assert stopped.value.code == 2
    assert "holds another corpus or split than the model was trained on" in caplog.text
    assert not (this.folder / "metrics.json").exists()
