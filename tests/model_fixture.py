"""A model trained by the stages themselves, once per test run, from tweets and vectors invented here."""

import atexit
import fcntl
import functools
import itertools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import pytest

from pipelines import embed, evaluate, export, load, preprocess, train
from pipelines.shared import stage
from sentiment.network.cells import GATES, Direction
from sentiment.network.folded import FoldedNetwork

REPOSITORY = Path(__file__).resolve().parent.parent

GOOD = ("love", "enjoyed", "adore", "praised", "recommend", "cherish")
BAD = ("hate", "dreaded", "despise", "cursed", "regret", "loathe")
THINGS = ("coffee", "train", "garden", "movie", "concert", "phone", "jacket", "soup", "lecture", "puppy")
UNSEEN = ("splendid", "appalling")  # in the vectors, in no tweet
FRAMES = (
    "I {} this {} :)",
    "@sam we {} our {} so much!!",
    "{} the {} http://t.co/x1 #monday",
    "honestly they {} every {} &amp; more",
)

# Tweets of every odd kind; none of them is in the training corpus.
ODD_TWEETS = (
    "",
    "   ",
    "\t\n\r\x00\x0b",
    "the of and",
    "qwzx",
    "I LOVE this coffee",
    "i don't love it, I HATE it!!!",
    "soooo gooood",
    "İstanbul ẞtraße ß K K ſ ﬁ",
    "１２３ ٣ 12,345.67",
    "love\u200dhate \u200blove\u200c \ufeffhate",
    "\u202elove \u0627\u0644\u062d\u0628 hate\u202c",
    "l\u0301o\u0308ve z\u0351\u0352a\u0353lgo\u0354",
    "👍🏽 ❤️ 👨‍👩‍👧 🇫🇷 😂😂😂 😍",
    "<3 </3 :-) :( (-: xDDD -_- :'(",
    "&quot;love&quot; &lt;3 &amp; ï¿½ �",
    "http://a.b/c?d=e www.love.com @hate #love#hate",
    "word\u00a0word\u2003word\u3000love",
    "x" * 100_000,
    "love " * 20_000,
    "\x1b[31mred\x07 \x9b2J",
    "can’t wont isn`t 'tis rock'n'roll",
    "\U0010ffff\U000e0001 love",
)

SETTINGS = (
    "split.validation=0.1", "split.test=0.1", "preprocessing.min_count=1", "preprocessing.max_tokens=8",
    "network.projection=[8]", "network.projection_dropout=0", "network.units=6", "training.batch_size=32",
    "training.epochs=10", "training.learning_rate=0.06", "training.seed=9",
)  # fmt: skip


class Trained:
    """Where a model and its inputs lie below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.corpus, self.glove, self.profile = (root / name for name in ("corpus.csv", "glove.txt", "tiny.toml"))

    @property
    def folder(self) -> Path:
        """The model folder."""
        return self.root / "models" / "tiny"

    @property
    def processed(self) -> Path:
        """Ids, lexicon and matrix."""
        return self.root / "data" / "processed" / "tiny"

    @property
    def interim(self) -> Path:
        """The split corpus."""
        return self.root / "data" / "interim" / "tiny"

    def options(self, *more: str, settings: Sequence[str] = SETTINGS) -> list[str]:
        """Arguments every stage is given."""
        pairs = [part for setting in settings for part in ("--set", setting)]
        return ["--profile", str(self.profile), "--root", str(self.root), *pairs, *more]

    def options_of(self, stage: str, settings: Sequence[str] = SETTINGS) -> list[str]:
        """Arguments of a stage that reads the inputs."""
        inputs = {"load": ["--corpus", str(self.corpus)], "embed": ["--glove", str(self.glove)]}
        return self.options(*inputs.get(stage, []), settings=settings)


def labelled_tweets() -> list[tuple[str, str]]:
    """Pairs of class (``0`` or ``4``) and tweet: whether a verb of liking is in it decides."""
    rows = []
    for frame, thing in itertools.product(FRAMES, THINGS):
        rows += [("4", frame.format(verb, thing)) for verb in GOOD]
        rows += [("0", frame.format(verb, thing).replace(":)", ":(")) for verb in BAD]
    return rows


def write_corpus(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Sentiment140's format: latin-1, six quoted columns, no header."""
    lines = (f'"{label}","{i}","now","NO_QUERY","me","{text}"\n' for i, (label, text) in enumerate(rows))
    path.write_text("".join(lines), encoding="latin-1")


def write_inputs(root: Path) -> Trained:
    """Corpus, 4-dimensional vectors and an empty profile under ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    this = Trained(root)
    write_corpus(this.corpus, labelled_tweets())
    random = np.random.default_rng(3)
    words = ("love", "enjoy", "adore", "praise", "hate", "dread", "despise", "regret", *THINGS, "not", "user", "sad")
    vectors = "".join(f"{w} {' '.join(f'{x:.4f}' for x in random.normal(size=4))}\n" for w in (*words, *UNSEEN))
    this.glove.write_text(vectors)
    by_default = root / "data" / "raw" / "tiny" / "glove.txt"  # where preprocess looks unless it is told
    by_default.parent.mkdir(parents=True, exist_ok=True)
    by_default.write_text(vectors)
    this.profile.write_text("")
    return this


def run_stages(this: Trained, settings: Sequence[str] = SETTINGS, last: str = "export") -> None:
    """Run the stages from ``load`` to ``last`` in this process."""
    for module in (load, preprocess, embed, train, export, evaluate):
        name = module.__name__.rpartition(".")[2]
        stage.main(module.run, "", getattr(module, "OPTIONS", {}), this.options_of(name, settings))
        if name == last:
            return


@functools.cache
def shared_model() -> Trained:
    """Return the one model of this test run; no test may change its folder.

    The first process that asks trains it, the others of pytest-xdist wait for the lock and read the same folder.
    """
    root = _folder_of_the_run() / "shared"
    with root.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        whole = root.with_suffix(".whole")
        if not whole.exists():
            shutil.rmtree(root, ignore_errors=True)
            _train(root)
            whole.touch()
    return Trained(root)


def copied(root: Path) -> Trained:
    """Copy the shared model and its artefacts to ``root``, for a test that changes them."""
    shutil.copytree(shared_model().root, root, symlinks=True)
    return Trained(root)


def _folder_of_the_run() -> Path:
    """Return the folder that `tests/conftest.py` made for all processes, or one of this process without pytest."""
    if shared := os.environ.get("SENTIMENT_TESTS_FOLDER"):
        return Path(shared)
    own = tempfile.mkdtemp(prefix="sentiment-tests-")
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return Path(own)


def _train(root: Path) -> None:
    log = logging.getLogger("pipelines")
    before = log.level
    log.setLevel(logging.WARNING)
    run_stages(write_inputs(root))
    log.setLevel(before)


@pytest.fixture(scope="session")
def trained() -> Trained:
    """The shared model."""
    return shared_model()


def random_network(vocabulary: int, classes: int, cell: str, pooling: str, activation: str = "tanh") -> FoldedNetwork:
    """Return a network of random weights: three units in each of two directions, and scores of n-grams."""
    random, units, gates = np.random.default_rng(5), 3, GATES[cell]

    def some(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    table = some(2, vocabulary, gates * units)
    directions = tuple(Direction(some(units, gates * units), some(gates * units)) for _ in range(2))
    kernel, bias = some(2 * units * len(pooling.split("_")), classes), some(classes)
    return FoldedNetwork(table, directions, kernel, bias, cell, pooling, some(64, classes), activation)


def child_environment() -> dict[str, str]:
    """For subprocesses: quiet, on the CPU, and with the repository importable."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0"}
    return os.environ | quiet | {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}


def run_child(*arguments: object, statuses: tuple[int, ...] = (0,), **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own; fail with what it said if it ends with none of ``statuses``."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False, **options)
    assert done.returncode in statuses, done.stderr
    return done
