"""Two runs at once: the second waits, and what is left is whole. One model in many threads: the same answers."""

import itertools
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import sentiment
from pipelines import evaluate, export, load, train
from pipelines.shared import publishing, stage
from sentiment.common.parallel import one_matrix_thread, ordered_map
from sentiment.network.cells import Direction
from sentiment.predict import __main__ as predict
from sentiment.predict.model_files import checksums
from sentiment.predict.model_folder import describe, network_files
from tests.forked import Forked
from tests.model_fixture import (
    SETTINGS,
    Trained,
    copied,
    labelled_tweets,
    run_child,
    shared_model,
    write_corpus,
    write_inputs,
)
from tests.served import until

NUMBER = itertools.count()
WAITING = "another run of this profile is at work; waiting for it to end"


def start(this: Trained, name: str, *more: str) -> Forked:
    return Forked(this.root.parent / f"{name}-{next(NUMBER)}", this.root, name, this.options(*more))


def test_every_stage_waits_for_another_run_of_its_profile(tmp_path):
    this = write_inputs(tmp_path / "root")
    names = ("preprocess", "embed", "train", "export", "evaluate", "report")
    with publishing.lock(this.interim / ".lock"):
        waiting = {name: start(this, name) for name in names}
        elsewhere = start(write_inputs(tmp_path / "elsewhere" / "root"), "preprocess")
        elsewhere.wait()
        until(lambda: all(waiting[name].said() == f"{name}: {WAITING}\n" for name in names))
        assert [name for name in names if not waiting[name].is_alive()] == []
        for name in names[1:]:  # the others would load TensorFlow or pandas to say the same as the first
            waiting[name].kill()
            waiting[name].wait()
    assert WAITING not in elsewhere.said()
    assert waiting["preprocess"].wait() == 2
    assert "error: " in waiting["preprocess"].said()  # it has nothing to work on


def test_two_loads_at_once_leave_one_of_the_two_whole(tmp_path):
    this = write_inputs(tmp_path / "root")
    other = tmp_path / "other.csv"
    write_corpus(other, labelled_tweets()[:200])
    processes = [start(this, "load", "--corpus", str(path)) for path in (this.corpus, other) * 2]
    assert [process.wait() for process in processes] == [0] * 4
    rows = pq.read_table(this.interim / "tweets.parquet").num_rows
    report = publishing.read_json(this.interim / "load.json")
    assert (rows, report["source"]) in {(480, str(this.corpus)), (200, str(other))}
    assert sum(sum(part.values()) for part in report["parts"].values()) == rows


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
    return copied(tmp_path / "root")


def refusal(this: Trained, module, caplog, settings=SETTINGS) -> str:
    """What a stage says that finds the files of another run."""
    with pytest.raises(SystemExit, match="^2$"):
        stage.main(module.run, "", argv=this.options(settings=settings))
    return caplog.records[-1].getMessage()


def test_training_on_ids_of_a_run_with_other_settings_is_refused(copy, caplog):
    message = refusal(copy, train, caplog, (*SETTINGS, "preprocessing.max_tokens=9"))
    assert "was made with another preprocessing.max_tokens than this run asks for; run `make preprocess`" in message


def test_a_matrix_or_a_network_of_another_lexicon_is_refused(copy, caplog):
    encoded = publishing.read_json(copy.processed / "encoded.json")
    publishing.write_json(copy.processed / "encoded.json", encoded | {"lexicon_sha256": "0" * 64})
    assert "embedding_matrix.npy is of another lexicon" in refusal(copy, train, caplog)
    before = checksums(copy.folder)
    assert "was trained with another lexicon than" in refusal(copy, export, caplog)
    assert checksums(copy.folder) == before


def test_large_batches_in_several_threads():
    """Above a size, one call uses several threads itself."""
    model = sentiment.load(Path(shared_model().folder))
    texts = [text for _, text in labelled_tweets()] * 40
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(model.predict_proba, [texts] * 4)
    for other in others:
        np.testing.assert_array_equal(first, other)
    np.testing.assert_array_equal(first[:480], model.predict_proba(texts[:480]))


def matrix_threads() -> list[int]:
    """Of each library in the process that multiplies NumPy's matrices; SciPy, once loaded, has one of its own."""
    libraries = (each for each in threadpool_info() if each["user_api"] == "blas")
    return [each["num_threads"] for each in libraries if "scipy.libs" not in each["filepath"]]


@pytest.fixture
def two_matrix_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """A model whose products are large enough to be shared between threads, and then round otherwise."""
    folder = tmp_path_factory.mktemp("wide") / "model"
    shutil.copytree(shared_model().folder, folder, symlinks=True)
    small, random = sentiment.load(folder).network, np.random.default_rng(5)
    table, kernels, output = (
        random.normal(scale=scale, size=size).astype(np.float32)
        for scale, size in ((0.5, (2, small.table.shape[1], 64)), (0.2, (2, 64, 64)), (0.2, (256, 2)))
    )
    directions = tuple(Direction(kernel) for kernel in kernels)
    network_files(folder, replace(small, table=table, scales=None, directions=directions, output_kernel=output))
    described = publishing.read_json(folder / "model.json")
    network = described["network"] | {"units": 64}
    publishing.write_json(folder / "model.json", describe(folder, described["classes"], network))
    return folder


def test_the_limit_of_the_matrix_library_is_put_back_by_the_last_who_leaves(two_matrix_threads):
    before, first, second = matrix_threads(), one_matrix_thread(), one_matrix_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    within = matrix_threads()
    second.__exit__(None, None, None)
    assert (set(before), set(within), matrix_threads()) == ({2}, {1}, before)


FORKS = """
import os, signal, threading, time, threadpoolctl
from sentiment.common.parallel import one_matrix_thread

find, lock, inside = threadpoolctl.get_cached_controller, threading.Lock(), threading.Event()

def find_under_lock():  # as threadpoolctl does after an import
    with lock:
        inside.set()
        time.sleep(0.5)
        return find()

def limit():
    with one_matrix_thread():
        pass

threadpoolctl.get_cached_controller = find_under_lock
other = threading.Thread(target=limit)
other.start()
inside.wait()
if not (child := os.fork()):
    signal.alarm(20)  # ends a child that waits for ever
    limit()
    os._exit(0)
other.join()
with one_matrix_thread():
    within = os.fork()
if not within:
    signal.alarm(20)
    limit()
    os._exit(0)
print([os.waitpid(each, 0)[1] for each in (child, within)])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_a_child_forked_while_another_thread_predicts_does_not_wait_for_that_thread():
    assert run_child("-c", FORKS).stdout == "[0, 0]\n"


FORKS_AT_FIRST_USE = """
import os, signal, sys, threading, time, sentiment
from sentiment.text import many_texts

made, inside = many_texts.ManyTexts.__init__, threading.Event()

def slowly(self, *arguments):
    inside.set()
    time.sleep(0.5)
    made(self, *arguments)

many_texts.ManyTexts.__init__ = slowly
model, texts = sentiment.load(sys.argv[1]), ["I love it"] * 200
other = threading.Thread(target=model.predict, args=(texts,))
other.start()
inside.wait()
if not (child := os.fork()):
    signal.alarm(20)
    model.predict(texts)
    os._exit(0)
other.join()
print(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_a_child_forked_while_another_thread_prepares_the_model_does_not_wait_for_that_thread():
    assert run_child("-c", FORKS_AT_FIRST_USE, shared_model().folder).stdout == "0\n"


def test_predicting_in_several_threads_leaves_the_thread_count_and_gives_what_one_thread_gives(wide):
    before = matrix_threads()
    model, texts = sentiment.load(wide), [text for _, text in labelled_tweets()] * 10
    sizes = [4800, 700, 3000, 1] * 3
    expected = [model.predict_proba(texts[:size]) for size in sizes]
    with threadpool_limits(1, user_api="blas"):
        alone = model.predict_proba(texts)
    with ThreadPoolExecutor(6) as pool:
        received = list(pool.map(lambda size: model.predict_proba(texts[:size]), sizes))
    np.testing.assert_array_equal(alone, expected[0])
    for one, many in zip(expected, received, strict=True):
        np.testing.assert_array_equal(one, many)
    model.predict_proba(texts)  # removes a limit that was set by a thread which has ended
    assert matrix_threads() == before


def test_a_file_is_scored_to_the_same_bytes_every_time(wide, tmp_path, monkeypatch):
    """Whatever else the cores do, and however many there are."""
    texts = [text for _, text in labelled_tweets()] * 75
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), tmp_path / "in.parquet")

    def scored(name: str) -> bytes:
        target = tmp_path / f"{name}.csv"
        arguments = ["--model", str(wide), "--input", str(tmp_path / "in.parquet"), "--output", str(target)]
        assert predict.main(arguments) == 0
        return target.read_bytes()

    first = scored("first")
    assert first.count(b"\n") == len(texts) + 1
    with ThreadPoolExecutor(2) as pool:
        others = list(pool.map(scored, ("second", "third")))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3, 4}, raising=False)
    others.append(scored("fourth"))
    assert [other == first for other in others] == [True] * 3


def test_work_within_the_pool_starts_no_second_one():
    def threads(_: int) -> set[str]:
        return set(ordered_map(lambda _: threading.current_thread().name, range(20)))

    callers = list(ordered_map(lambda i: (threading.current_thread().name, threads(i)), range(20)))
    assert {tuple(inner) for _, inner in callers} == {(name,) for name, _ in callers}


def test_what_failed_in_the_pool_is_raised_and_nothing_is_left_working():
    started, done = [], []

    def work(i: int) -> int:
        started.append(i)
        if i == 1:
            raise ZeroDivisionError
        time.sleep(0.02)
        done.append(i)
        return i

    with pytest.raises(ZeroDivisionError):
        list(ordered_map(work, range(1000)))
    assert sorted(started) == sorted([*done, 1])
    assert len(started) < 100


def test_evaluate_refuses_a_corpus_that_was_split_anew(copy, caplog):
    settings = (*SETTINGS, "split.test=0.2")
    options = copy.options("--corpus", str(copy.corpus), settings=settings)
    stage.main(load.run, "", load.OPTIONS, options)
    assert "holds another corpus or split than the model was trained on" in refusal(copy, evaluate, caplog, settings)
    assert not (copy.folder / "metrics.json").exists()
