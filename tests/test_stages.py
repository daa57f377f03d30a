"""The stages load, preprocess and embed on small inputs, and how artefacts are published."""

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines import embed, load, preprocess
from pipelines.shared import profiles, publishing, stage
from pipelines.shared.artefacts import read_part, read_preprocessor
from sentiment.errors import ArtefactError, InputError
from sentiment.settings import Settings
from sentiment.text.lemmas import stop_words
from sentiment.text.lexicon import PADDING, SPECIAL_TOKENS, UNKNOWN
from sentiment.text.tokens import tokenise
from tests.conftest import sentiment140_rows, write_glove, write_sentiment140
from tests.model_fixture import run_child, shared_model

# The profile keeps every word as it is written; what spaCy does to words is tested too.
LEMMAS = ("--set", "preprocessing.lemmatise=true preprocessing.remove_stop_words=true")
HALVES = ("--set", "split.validation=0.2 split.test=0.2 preprocessing.vector_words=0")
SIZES = {"train": 36, "validation": 12, "test": 12}


@pytest.fixture(autouse=True)
def logging_as_in_a_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every stage set logging up anew, on the standard error of the test."""
    root = logging.getLogger()
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    yield
    root.setLevel(level)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


def run_stage(module: ModuleType, root: Path, *options: object) -> None:
    argv = ["--profile", "sentiment140", "--root", str(root), *HALVES, *LEMMAS, *map(str, options)]
    logging.getLogger().handlers.clear()
    stage.main(module.run, str(module.__doc__), getattr(module, "OPTIONS", {}), argv)


def error_of(capsys: pytest.CaptureFixture[str], module: ModuleType, root: Path, *options: object) -> str:
    """The one line that a refused run ends with."""
    capsys.readouterr()
    with pytest.raises(SystemExit, match="^2$"):
        run_stage(module, root, *options)
    lines = capsys.readouterr().err.splitlines()
    name = Path(str(module.__file__)).stem
    assert [line for line in lines if "error" in line] == lines[-1:]
    assert lines[-1].startswith(f"{name}: error: ")
    assert all(line.startswith(f"{name}: ") for line in lines)
    return lines[-1].removeprefix(f"{name}: error: ")


def snapshot(folder: Path) -> dict[str, str]:
    """Checksums of all artefacts below a folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tweets, vectors, and a project in which all three stages have run."""
    folder = tmp_path_factory.mktemp("made")
    write_sentiment140(folder / "tweets.csv", sentiment140_rows())
    write_glove(folder / "glove.txt")
    run_all(folder / "project", folder)
    return folder


def run_all(root: Path, inputs: Path) -> None:
    run_stage(load, root, "--corpus", inputs / "tweets.csv")
    run_stage(preprocess, root, "--set", "preprocessing.min_count=1")
    run_stage(embed, root, "--glove", inputs / "glove.txt", "--set", "embedding.member=''")


@pytest.fixture
def prepared(root: Path, made: Path) -> Path:
    """A project in which all three stages have run."""
    return Path(shutil.copytree(made / "project", root))


def test_load(root: Path, tweets_csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_stage(load, root, "--corpus", tweets_csv)
    interim = root / "data/interim/sentiment140"
    assert set(snapshot(interim)) == {"tweets.parquet", "load.json", "seen.npy"}
    report = json.loads((interim / "load.json").read_text())
    halves = {name: {"negative": n // 2, "positive": n // 2} for name, n in SIZES.items()}
    assert report == {
        "rows": 60, "ignored": 0, "bad": 0, "first_bad": "", "duplicates": 0, "contradictions": 0,
        "classes": ["negative", "positive"], "parts": halves,
        "split": {"validation": 0.2, "test": 0.2, "train_rows": 0, "fold": 0},
        "source": str(tweets_csv), "source_sha256": hashlib.sha256(tweets_csv.read_bytes()).hexdigest(),
    }  # fmt: skip
    table = pq.read_table(interim / "tweets.parquet")
    assert [f"{field.name} {field.type}" for field in table.schema] == ["text string", "label uint8", "part uint8"]
    assert table.num_rows == 60
    assert table["text"][0].as_py() == "I hate this phone so much"
    assert np.bincount(table["part"].to_numpy()).tolist() == list(SIZES.values())
    assert table["label"].to_pylist() == [0, 1] * 30  # of the two classes that occur, not of the three that may
    err = capsys.readouterr().err
    assert "load: 60 rows; left out: 0 of ignored classes, 0 bad, 0 duplicate, 0 contradictory" in err
    assert "kept train: {'negative': 18, 'positive': 18}; validation: " in err


def test_nothing_that_reads_tables_imports_pandas(root: Path, tweets_csv: Path) -> None:
    """Arrow imports pandas, which takes 0.2 s, to convert a single value of Python, for example one to fill gaps with."""
    dated = root.parent / "dated.csv"
    dated.write_text("text,date,who\n" + "I love this,2009-04-06,ann\nI hate 'this',1239000000,\n" * 9)
    model = ["--model", shared_model().folder]
    predict = ["sentiment.predict", "--input", dated, "--column", "text", *model, "--output"]
    stages = ["--profile", "sentiment140", "--root", root, *HALVES]
    commands: list[list[object]] = [
        ["pipelines.load", *stages, "--corpus", tweets_csv],
        ["pipelines.preprocess", *stages],
        *([*predict, root / f"answers.{kind}"] for kind in ("csv", "jsonl", "parquet")),
        ["sentiment.shares", dated, "--column", "text", "--date", "date", "--by", "week", "--by", "who", *model, "--output",
         root / "shares"],
    ]  # fmt: skip
    code = (
        "import runpy, sys\n"
        f"for sys.argv in {[[*map(str, each)] for each in commands]!r}:\n"
        "    try:\n"
        "        runpy.run_module(sys.argv[0], run_name='__main__')\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, sys.argv\n"
        "    assert 'pandas' not in sys.modules, sys.argv\n"
        "import pandas\n"
    )
    run_child("-c", code)
    assert (root / "shares" / "shares.csv").is_file()


def test_preprocess(prepared: Path) -> None:
    processed = prepared / "data/processed/sentiment140"
    parts = {f"{name}.{kind}.npy" for name in SIZES for kind in ("ids", "labels")}
    texts = {"encoded.json", "lexicon.tsv", "vocabulary.txt", "preprocessing.json"}
    assert set(snapshot(processed)) == parts | texts | {"embedding_matrix.npy", "coverage.json"}
    table = pq.read_table(prepared / "data/interim/sentiment140/tweets.parquet").to_pydict()
    preprocessor = read_preprocessor(processed)
    assert preprocessor.max_tokens == Settings().preprocessing.max_tokens
    for i, (name, size) in enumerate(SIZES.items()):
        part = read_part(processed, name)
        assert part.ids.shape == (size, preprocessor.max_tokens)
        assert part.ids.dtype == np.uint8
        mine = [text for text, side in zip(table["text"], table["part"], strict=True) if side == i]
        np.testing.assert_array_equal(part.ids, preprocessor.pad(preprocessor.encode(mine)))
        assert part.labels.tolist() == [y for y, side in zip(table["label"], table["part"], strict=True) if side == i]


def test_preprocess_report_and_lexicon(prepared: Path) -> None:
    processed = prepared / "data/processed/sentiment140"
    lexicon = read_preprocessor(processed).lexicon
    assert len(lexicon.vocabulary) < 256
    assert lexicon.lookup(["the"]).tolist() == [0]
    assert lexicon.ids["don"[:2]] != lexicon.ids["n't"]
    assert lexicon.ids["n't"] == lexicon.vocabulary.index("not")
    report = json.loads((processed / "encoded.json").read_text())
    assert report["classes"] == ["negative", "positive"]
    assert (report["vocabulary"], report["surface_forms"]) == (len(lexicon.vocabulary), len(lexicon.ids))
    assert report["settings"]["min_count"] == 1
    assert report["cut"] == 0
    rows = np.concatenate([read_part(processed, name).ids for name in SIZES])
    assert report["tokens_per_tweet"] == pytest.approx(np.count_nonzero(rows) / 60)
    assert report["unknown_share"] == pytest.approx((rows == UNKNOWN).sum() / np.count_nonzero(rows))


def test_vocabulary_is_that_of_the_training_part(prepared: Path) -> None:
    table = pq.read_table(prepared / "data/interim/sentiment140/tweets.parquet").to_pydict()
    pairs = list(zip(table["text"], table["part"], strict=True))
    train, held_out = (
        set(tokenise([text for text, part in pairs if (part == 0) == own]).types) for own in (True, False)
    )
    lexicon = read_preprocessor(prepared / "data/processed/sentiment140").lexicon
    unseen = held_out - train - stop_words() - set(SPECIAL_TOKENS)
    assert unseen  # else the line below says nothing
    assert set(lexicon.lookup(sorted(unseen)).tolist()) == {UNKNOWN}
    assert UNKNOWN not in lexicon.lookup(sorted(train - {""}))


def test_many_words_need_two_bytes(root: Path, corpus_file: Callable[..., Path]) -> None:
    rows = [("04"[i % 2], f"wa{i:03d}b wc{i:03d}d same words here") for i in range(300)]
    run_stage(load, root, "--corpus", corpus_file(rows))
    run_stage(preprocess, root, "--set", "preprocessing.min_count=1", "--set", "preprocessing.max_tokens=3")
    part = read_part(root / "data/processed/sentiment140", "train")
    assert part.ids.dtype == np.uint16
    assert part.ids.shape == (180, 3)
    assert part.ids.max() > 255


def test_embed(prepared: Path, glove_txt: Path) -> None:
    processed = prepared / "data/processed/sentiment140"
    matrix = np.load(processed / "embedding_matrix.npy")
    lexicon = read_preprocessor(processed).lexicon
    assert matrix.shape == (len(lexicon.vocabulary), 4)
    assert matrix.dtype == np.float32
    assert matrix[0].tolist() == [0, 0, 0, 0]
    assert matrix[lexicon.ids["love"]][0] > 0 > matrix[lexicon.ids["hate"]][0]
    report = json.loads((processed / "coverage.json").read_text())
    assert report["dimension"] == 4
    assert report["glove_words"] == len(glove_txt.read_text().splitlines())
    assert report["source_sha256"] == hashlib.sha256(glove_txt.read_bytes()).hexdigest()
    assert report["types"] == 55  # of the 59 beside the reserved ones, four are special tokens of no tweet
    assert report["further"] == len(lexicon.vocabulary) - 2 - 55
    assert report["tokens"] == np.count_nonzero(read_part(processed, "train").ids)
    assert 0 < report["types_found"] < report["types"]
    assert report["type_share"] == report["types_found"] / report["types"]


def test_words_of_the_vectors_get_an_id_each(root: Path, tweets_csv: Path, tmp_path: Path) -> None:
    """Those that a tweet can hold, behind the training words and in their file's order, up to the setting."""
    words = ("love", "the", "splendid", "New York", "Cased", "appalling", "phones", "unreached")
    (glove := tmp_path / "v.txt").write_text("".join(f"{word} {i} 1 2 {i}\n" for i, word in enumerate(words)))
    run_stage(load, root, "--corpus", tweets_csv)
    run_stage(
        preprocess, root, "--glove", glove, "--set", "preprocessing.vector_words=7", "--set", "embedding.member=''"
    )
    processed = root / "data/processed/sentiment140"
    preprocessor = read_preprocessor(processed)
    lexicon, seen = preprocessor.lexicon, preprocessor.seen_ids
    words = [word for word in lexicon.vocabulary if word.isascii()]  # emoji and hashtags come last
    assert words[words.index("splendid") + 1] == "appall"  # lemmas
    assert words.index("appall") < words.index("lovethis")
    assert lexicon.ids["phones"] == lexicon.ids["phone"] < seen <= lexicon.ids["splendid"]
    assert lexicon.ids["the"] == PADDING
    assert {"unreached", "Cased", "cased"}.isdisjoint(lexicon.ids)
    assert json.loads((processed / "encoded.json").read_text())["seen"] == seen
    assert np.load(processed / "train.ids.npy").max() < seen
    run_stage(embed, root, "--glove", glove, "--set", "embedding.member=''")
    matrix = np.load(processed / "embedding_matrix.npy")
    assert matrix[lexicon.ids["splendid"]].any()
    assert json.loads((processed / "coverage.json").read_text())["further"] >= 2


def test_a_second_run_writes_the_same_bytes(prepared: Path, made: Path) -> None:
    before = snapshot(prepared)
    assert len(before) == 15
    run_all(prepared, made)
    assert snapshot(prepared) == before


REFUSED = [
    (load, "--corpus odd.csv", "odd.csv:8: expected a label out of 0, 2, 4, received '5'; mend the file"),
    (load, "--corpus bad.csv", "bad.csv: expected at least two classes among the distinct tweets, received 1"),
    (load, "--corpus long.csv", "long.csv: not readable as csv (field larger than field limit"),
    (load, "--corpus none.csv", "none.csv: no such file; give an existing one with CORPUS=file (--corpus file)"),
    (load, "--corpus folder", "folder: expected files that end in .csv, "),
    (
        load, "", "project/data/raw/sentiment140/corpus.csv: no such file; run `make download` for this profile, or "
        "give a file with CORPUS=file (--corpus file)",
    ),
    (preprocess, "--profile nope", f"{profiles.PROFILES}/nope.toml: no such profile; there are "),
    (preprocess, "--set training.epoch=3", "training.epoch: unknown setting; did you mean 'epochs'?"),
    (
        embed, "--glove glove.txt --set embedding.dimension=50",
        "glove.txt:1: expected 50 numbers, received 4: the file is damaged, or embedding.dimension is not the file's",
    ),
    (embed, "--glove foreign.txt", "foreign.txt: none of the words wanted"),
    (embed, "--glove none.txt", "none.txt: no such file; give an existing one with GLOVE=file"),
    (embed, "", "project/data/raw/sentiment140/glove.zip: no such file; run `make download`"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "options", "message"), REFUSED)
def test_refused_inputs_leave_artefacts_alone(
    prepared: Path,
    tweets_csv: Path,
    glove_txt: Path,
    monkeypatch,
    capsys,
    module: ModuleType,
    options: str,
    message: str,
) -> None:
    monkeypatch.chdir(tweets_csv.parent)
    lines = tweets_csv.read_text(encoding="latin-1").splitlines(keepends=True)
    Path("odd.csv").write_text("".join(lines).replace(lines[7], lines[7].replace('"4"', '"5"', 1)), encoding="latin-1")
    Path("bad.csv").write_text("".join(lines[::2]), encoding="latin-1")
    Path("long.csv").write_text('"' + "x" * 1_100_000 + "\n")
    Path("foreign.txt").write_text("слово 1 2 3 4\n", encoding="utf-8")
    Path("folder").mkdir()
    before = snapshot(prepared)
    assert error_of(capsys, module, Path(prepared.name), *options.split()).startswith(message)
    assert snapshot(prepared) == before
    assert not list(prepared.rglob(".staging-*"))


def test_what_became_of_the_rows_is_said_before_they_are_too_few(
    root: Path, corpus_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = corpus_file([("04"[i % 2], "the same tweet") for i in range(8)])
    with pytest.raises(SystemExit):
        run_stage(load, root, "--corpus", path)
    *_, counts, error = capsys.readouterr().err.splitlines()
    assert counts == "load: 8 rows; left out: 0 of ignored classes, 0 bad, 0 duplicate, 8 contradictory"
    assert error.startswith(
        f"load: error: {path}: expected at least two classes among the distinct tweets, received 0; "
    )


def test_stages_that_come_too_early(
    root: Path, tweets_csv: Path, glove_txt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tweets = root / "data/interim/sentiment140/tweets.parquet"
    assert error_of(capsys, preprocess, root) == f"{tweets}: no such file; run `make preprocess` first"
    run_stage(load, root, "--corpus", tweets_csv)
    error = error_of(capsys, embed, root, "--glove", glove_txt)
    assert error.endswith(": no such file; run `make preprocess` first")


def test_vectors_of_other_words_are_warned_of(
    prepared: Path, glove_txt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run_stage(embed, prepared, "--glove", glove_txt)
    assert "WARNING" not in capsys.readouterr().err
    foreign = glove_txt.with_name("foreign.txt")
    foreign.write_text("слово 1 2 3 4\nphone 1 2 3 4\n", encoding="utf-8")
    run_stage(embed, prepared, "--glove", foreign)
    *_, warning = capsys.readouterr().err.splitlines()
    assert re.match(
        rf"embed: WARNING: only \d+\.\d% of the tokens have a vector in {foreign}, expected over 50%: check", warning
    )


def test_damaged_artefacts_are_named(prepared: Path, glove_txt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    processed = prepared / "data/processed/sentiment140"
    lexicon, ids = processed / "lexicon.tsv", processed / "train.ids.npy"
    content, rows = lexicon.read_text(), ids.read_bytes()
    lexicon.write_text(content.replace("\t", " ", 1))
    assert error_of(capsys, embed, prepared, "--glove", glove_txt).startswith(
        f"{lexicon}:1: expected sorted lines `token<TAB>id`"
    )
    lexicon.write_text(content)
    ids.write_bytes(rows[:-40])
    assert error_of(capsys, embed, prepared, "--glove", glove_txt).startswith(f"{processed}/train.ids.npy: damaged (")
    np.save(ids, np.zeros((3, 32), np.uint8))
    assert error_of(capsys, embed, prepared, "--glove", glove_txt).startswith(
        f"{processed}/train: 3 rows but 36 labels"
    )
    (prepared / "data/interim/sentiment140/load.json").write_text("{")
    assert "load.json: expected JSON (" in error_of(capsys, preprocess, prepared)


def test_a_mistake_as_a_process_sees_it_and_the_hooks_of_a_host_stay(tmp_path: Path) -> None:
    code = "import runpy, sys; before = sys.excepthook; import pipelines; assert sys.excepthook is before\n"
    code += "runpy.run_module('pipelines.load', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", code, "--root", str(tmp_path), "--corpus", "none.csv"]
    result = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert (
        result.stderr == "load: error: none.csv: no such file; give an existing one with CORPUS=file (--corpus file)\n"
    )
    assert result.stdout == ""


def test_an_interrupt_while_importing_is_one_line() -> None:
    code = "import runpy, sys\nsys.argv = ['-m']\nimport pipelines\nclass Stop:\n def find_spec(self, *_): raise KeyboardInterrupt\n"
    code += "sys.meta_path.insert(0, Stop())\nrunpy.run_module('pipelines.load', run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False
    )
    assert result.returncode in (130, -signal.SIGINT)
    assert result.stderr == "stopped before anything was done\n"


def test_other_failures_of_a_stage(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def failing(error: BaseException) -> Callable[[stage.Stage], None]:
        def body(this: stage.Stage) -> None:
            raise error

        return body

    def message_of(error: BaseException, code: int = 2) -> str:
        logging.getLogger().handlers.clear()
        with pytest.raises(SystemExit) as caught:
            stage.main(failing(error), "", argv=["--root", str(root)])
        assert caught.value.code == code
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("test_stages: ")

    assert "run the same command again: earlier files are intact" in message_of(
        OSError(28, "No space left on device", "x")
    )
    assert message_of(PermissionError(13, "Permission denied", "x.npy")) == "error: x.npy: permission denied"
    assert message_of(InputError("two\nlines")) == "error: two lines"
    assert message_of(MemoryError()).startswith("error: not enough memory; lower preprocessing.max_vocabulary")
    assert message_of(KeyboardInterrupt(), 130) == "stopped; what is finished stays, and the next run resumes from it"
    with pytest.raises(SystemExit, match="130"):
        stage.main(lambda this: signal.raise_signal(signal.SIGTERM), "", argv=["--root", str(root)])
    with pytest.raises(ZeroDivisionError):  # a bug keeps its traceback
        stage.main(failing(ZeroDivisionError()), "", argv=["--root", str(root)])


def write_all(folder: Path, contents: dict[str, str]) -> None:
    with publishing.publish(folder, last="z.json") as staging:
        for name, content in contents.items():
            (staging / name).write_text(content)


def test_publish_replaces_files_and_folders_and_keeps_what_it_does_not_write(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    for name, content in (("a", "1"), ("b", "2")):
        with publishing.publish(folder, last="z.json") as staging:
            (staging / "saved").mkdir()
            for file in (name, f"saved/{content}", "z.json"):
                (staging / file).write_text(content)
        (folder / "other").write_text("mine")
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {"a": "1", "b": "2", "saved/2": "2", "z.json": "2", "other": "mine"}


def test_publish_keeps_the_old_files_if_the_body_fails(tmp_path: Path) -> None:
    write_all(tmp_path, {"a": "1", "z.json": "1"})
    before = snapshot(tmp_path)

    def stopped() -> None:
        with publishing.publish(tmp_path, last="z.json") as staging:
            (staging / "a").write_text("2")
            (staging / "z.json").write_text("2")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stopped()
    assert snapshot(tmp_path) == before
    with pytest.raises(AssertionError, match=r"was left without z\.json"):
        write_all(tmp_path, {"a": "3"})
    assert snapshot(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"a", "z.json"}


def test_publish_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    left_over = tmp_path / ".staging-12345"
    left_over.mkdir()
    (left_over / "half").write_text("x")
    with publishing.publish(tmp_path, last="z.json") as staging:
        assert not left_over.exists()
        assert staging.parent == tmp_path
        (staging / "z.json").write_text("1")
    assert [path.name for path in tmp_path.iterdir()] == ["z.json"]


def test_publish_removes_last_before_it_replaces_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed between two replacements must be seen as not done."""
    write_all(tmp_path, {"a": "1", "zz": "1", "z.json": "1"})
    seen: list[tuple[str, bool]] = []
    replace = Path.replace

    def spying(source: Path, target: Path) -> Path:
        if target.parent == tmp_path:
            seen.append((target.name, (tmp_path / "z.json").exists()))
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", spying)
    write_all(tmp_path, {"a": "2", "zz": "2", "z.json": "2"})
    assert seen == [("a", False), ("zz", False), ("z.json", False)]
    assert (tmp_path / "z.json").read_text() == "2"


def test_lock_waits_for_the_first_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    order: list[str] = []
    path = tmp_path / "folder" / ".lock"

    def second() -> None:
        with publishing.lock(path):
            order.append("second")

    logging.getLogger().addHandler(caplog.handler)
    with publishing.lock(path):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 10
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert [record.getMessage() for record in caplog.records] == [
        "another run of this profile is at work; waiting for it to end"
    ]


def test_stages_hold_the_lock(root: Path) -> None:
    held: list[bool] = []

    def body(this: stage.Stage) -> None:
        with (this.places.interim / ".lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held.append(True)

    stage.main(body, "", argv=["--root", str(root)])
    assert held == [True]


def test_small_helpers(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    publishing.write_json(path, {"é": [1]})
    assert path.read_text(encoding="utf-8") == '{\n  "é": [\n    1\n  ]\n}\n'
    assert publishing.read_json(path) == {"é": [1]}
    assert os.listdir(tmp_path) == ["a.json"]
    with pytest.raises(ArtefactError, match=r"b\.odd\.json: no such file; run `make preprocess train evaluate` first$"):
        publishing.read_json(tmp_path / "b.odd.json")
    with pytest.raises(ArtefactError, match=r"x\.ids\.npy: no such file; run `make preprocess` first$"):
        publishing.require(tmp_path / "x.ids.npy")
    path.write_text("{")
    with pytest.raises(
        ArtefactError, match=r"a\.json: expected JSON \(.*\); delete it and run `make preprocess train evaluate`$"
    ):
        publishing.read_json(path)
