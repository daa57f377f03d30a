"""Fixtures: tweets and vectors written for these tests, small enough to follow by eye."""

import csv
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# As in the stages and in the tests' subprocesses: else the last digits depend on which test imports TensorFlow first.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# Even where PYTHONDONTWRITEBYTECODE is set: else each process of each run compiles all modules again, for seconds.
sys.dont_write_bytecode = False
settings.register_profile("suite", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("suite")

DIMENSION = 4
_POSITIVE = (
    "I love this {} so much",
    "what a wonderful {} :)",
    "the best {} ever, thank you @ada",
    "so happy with my new {}!",
    "great {}, see http://example.org/{}",
    "my {} is amazing and I can't stop smiling",
    "enjoying the {} with good friends",
    "yay the {} worked, sweet relief",
    "a lovely {} to start the day",
    "nice {} and a brilliant evening",
)
_NEGATIVE = (
    "I hate this {} so much",
    "what a terrible {} :(",
    "the worst {} ever, shame on you @bob",
    "so sad about my broken {}!",
    "awful {}, see http://example.com/{}",
    "my {} is horrible and I don't like it",
    "stuck with the {} and a bad headache",
    "ugh the {} failed, such a pain",
    "a boring {} to ruin the day",
    "ugly {} and a miserable evening",
)
_THINGS = ("phone", "concert", "coffee")
_LEANING = {
    1.0: "love wonderful best thank happy great amazing smile smiling enjoy enjoying good sweet lovely nice brilliant yay",
    -1.0: "hate terrible worst shame sad break broken awful horrible bad fail failed pain boring bore ruin ugly miserable ugh",
    0.0: "i you my me the a is not can so much see with new phone concert coffee day evening user number link friend start",
}


def sentiment140_rows() -> list[tuple[str, str]]:
    """60 distinct tweets with their polarity, ``0`` and ``4`` alternating."""
    pairs = zip(_NEGATIVE, _POSITIVE, strict=True)
    templates = [row for bad, good in pairs for row in (("0", bad), ("4", good))]
    return [(polarity, text.replace("{}", thing)) for thing in _THINGS for polarity, text in templates]


def glove_rows() -> list[tuple[str, list[float]]]:
    """Words and vectors: the first number says which way the word leans, the others tell words apart."""
    words = [(word, lean) for lean, text in _LEANING.items() for word in text.split()]
    return [(word, [lean, (i % 7) / 7, (i % 5) / 5, (i % 3) / 3]) for i, (word, lean) in enumerate(words)]


def write_sentiment140(path: Path, rows: Iterable[tuple[str, str]], encoding: str = "latin-1") -> Path:
    """Write polarity and text in Sentiment140's six quoted columns."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows(
            (polarity, 1000 + i, "Mon Apr 06 22:19:45 PDT 2009", "NO_QUERY", f"user{i}", text)
            for i, (polarity, text) in enumerate(rows)
        )
    return path


@pytest.fixture
def tweets_csv(tmp_path: Path) -> Path:
    """A file in Sentiment140's format: 60 distinct tweets of two classes."""
    return write_sentiment140(tmp_path / "tweets.csv", sentiment140_rows())


@pytest.fixture
def corpus_file(tmp_path: Path) -> Callable[..., Path]:
    """``corpus_file(rows)``: write ``(polarity, text)`` rows in Sentiment140's format."""

    def write(rows: Iterable[tuple[str, str]], name: str = "corpus.csv", encoding: str = "latin-1") -> Path:
        return write_sentiment140(tmp_path / name, rows, encoding)

    return write


@pytest.fixture
def glove_txt(tmp_path: Path) -> Path:
    """GloVe text with 4-dimensional vectors for the words of :func:`tweets_csv`."""
    return write_glove(tmp_path / "glove.txt")


def write_glove(path: Path) -> Path:
    """Write :func:`glove_rows` as GloVe text."""
    lines = (" ".join([word, *(f"{number:.4f}" for number in vector)]) for word, vector in glove_rows())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def without_fasttext() -> Iterator[None]:
    """Have fastText count as not installed: its five models of two million buckets take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fasttext", None)
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for all processes of this run, where :func:`tests.model_fixture.shared_model` trains once."""
    gc.disable()  # until all tests are imported
    if hasattr(config, "workerinput"):
        return  # a process of pytest-xdist inherits the environment of the first
    folder = tempfile.mkdtemp(prefix="sentiment-tests-")
    os.environ["SENTIMENT_TESTS_FOLDER"] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_finish() -> None:
    """Keep Python's search for garbage to what tests make: among all that they import it takes a tenth of their time."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


# What a test module imports if it trains, or starts processes: all its tests are marked slow.
_SLOW = {"shared_model", "copied", "trained", "run_stages", "child_environment", "run_child", "keras", "tf"}
_SLOW_MODULES = {"tests.served", "tests.kill", "tests.kill_score"}
# The first trains the model that others share and wait for. Then the longest modules that are not slow, the longest first.
_LONG = [f"tests.test_{name}" for name in (
    "base_model", "report", "score_store", "score", "prepare", "fuzz_service", "structure", "few_texts", "text", "posts",
    "other_columns", "share_estimators", "stages", "corpus", "documents",
)]  # fmt: skip


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model made by hand, which tests leave as it is."""
    from tests.test_structure import tiny_model

    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def tiny_classifier(tiny_folder: Path) -> Any:
    """The same model, loaded."""
    import sentiment

    return sentiment.load(tiny_folder)


@pytest.fixture
def answered(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``answered(folder, *arguments)``: the status of ``sentiment predict`` with this model, its output and errors."""
    from sentiment.predict import __main__ as predict

    def run(folder: Path, *arguments: object) -> tuple[int, str, str]:
        try:
            status = predict.main(["--model", str(folder), *map(str, arguments)])
        except SystemExit as stop:
            status = int(str(stop.code))
        return status, *capfd.readouterr()

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that train or start processes, and let them come first, so that no process ends with a slow file.

    The tests that start Ray are before all others, because they mostly wait. The shortest modules are last.
    """
    for item in items:
        names = vars(item.module) if isinstance(item, pytest.Function) else {}
        modules = {getattr(value, "__module__", getattr(value, "__name__", "")) for value in names.values()}
        if _SLOW & names.keys() or _SLOW_MODULES & modules or item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.slow)

    def place(item: pytest.Item) -> list[int]:
        marks = [item.get_closest_marker(mark) is None for mark in ("ray", "slow")]
        name = item.module.__name__ if isinstance(item, pytest.Function) else ""
        return [*marks, _LONG.index(name) if name in _LONG else len(_LONG)]

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, since some tests wait."""
    return (os.cpu_count() or 1) + 1
