"""A stage that fails leaves what was there, says why in one line, and exits with status 2."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import embed, load, preprocess, train
from pipelines import settings_stamp as settings
from pipelines.shared import publishing, stage
from tests.model_fixture import SETTINGS, Trained, child_environment, write_corpus, write_inputs


def run(module, this: Trained, *more: str, options=SETTINGS) -> None:
    stage.main(module.run, str(module.__doc__), getattr(module, "OPTIONS", {}), this.options(*more, settings=options))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Trained:
    this = write_inputs(tmp_path_factory.mktemp("made") / "root")
    run(load, this, "--corpus", str(this.corpus))
    run(preprocess, this)
    run(embed, this, "--glove", str(this.glove))
    return this


@pytest.fixture
def inputs(made, tmp_path) -> Trained:
    """A copy, so that each test finds what the stages made."""
    shutil.copytree(made.root, tmp_path / "root")
    return Trained.below(tmp_path / "root")


def snapshot(this: Trained) -> dict[str, str]:
    paths = (path for path in (this.root / "data").rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): publishing.sha256(path) for path in paths}


def refused(caplog, inputs, module, *more, options=SETTINGS) -> str:
    before = snapshot(inputs)
    caplog.clear()
    with pytest.raises(SystemExit) as caught:
        run(module, inputs, *more, options=options)
    assert caught.value.code == 2
    assert snapshot(inputs) == before
    message = caplog.records[-1].getMessage()
    assert message.startswith("error: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "gone.csv: no such file; give an existing one with CORPUS=file"),
        ("", "the file is empty"),
        ('"0","1","d","q","u"\n', ":1: expected 6 columns, received 5"),
        ('"1","1","d","q","u","x"\n', ":1: expected a label out of 0, 2, 4, received '1'"),
        ('"0","1","d","q","u","x"\n"0","1","d","q","u","y"\n', "expected at least two classes"),
    ],
)
def test_bad_corpus(caplog, inputs, tmp_path, content, message):
    path = tmp_path / "gone.csv"
    if content is not None:
        path.write_text(content)
    assert message in refused(caplog, inputs, load, "--corpus", str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; give an existing one with GLOVE=file"),
        ("love 0.1 0.2\nhate 0.1\n", ":2: expected 2 numbers, received 1"),
        ("love 0.1 nan\n", ":1: expected 2 finite numbers"),
        ("qwertz 0.1 0.2\n", "none of the words wanted is among its 1 lines"),
        ("", "none of the words wanted is among its 0 lines"),
    ],
)
def test_bad_glove(caplog, inputs, tmp_path, content, message):
    path = tmp_path / "glove.bad"
    if content is not None:
        path.write_text(content)
    assert message in refused(caplog, inputs, embed, "--glove", str(path))


def test_dimension_that_does_not_match(caplog, inputs):
    options = (*SETTINGS, "embedding.dimension=7")
    message = refused(caplog, inputs, embed, "--glove", str(inputs.glove), options=options)
    assert "expected 7 numbers, received 4" in message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("network.unit=3", "network.unit: unknown setting; did you mean 'units'?"),
        ("network.units=0", "network.units: expected at least 1, received 0"),
        ("network.cell=rnn", "network.cell: expected one of simple_rnn, gru, lstm, received 'rnn'"),
        ("training.epochs=two", "training.epochs: expected a whole number, received 'two'"),
        ("nonsense", "--set nonsense: expected SECTION.KEY=VALUE"),
    ],
)
def test_bad_settings(caplog, inputs, setting, message):
    assert message in refused(caplog, inputs, train, options=(setting,))


def test_a_stage_without_its_inputs_says_which_command_makes_them(caplog, tmp_path):
    this = write_inputs(tmp_path / "root")
    assert "run `make preprocess` first" in refused(caplog, this, preprocess)
    assert "run `make preprocess` first" in refused(caplog, this, train)


def test_stages_give_the_same_bytes_again(inputs):
    found = []
    for stages in ((load, embed), (load, preprocess, embed)):  # preprocess notes no path, so it need not run twice
        for module in stages:
            more = {load: ("--corpus", str(inputs.corpus)), embed: ("--glove", str(inputs.glove))}
            run(module, inputs, *more.get(module, ()))
        found.append(snapshot(inputs))
    assert found[0] == found[1]


def test_settings_file_changes_only_with_its_own_sections(inputs):
    path = inputs.interim / "settings" / "preprocess.json"

    def written(*options: str) -> str:
        run(settings, inputs, "preprocess", "--inputs", "a.csv", "b.txt", options=options)
        return path.read_text()

    first = written()
    old = path.stat().st_mtime_ns
    assert written("training.epochs=3", "network.units=9") == first
    assert path.stat().st_mtime_ns == old
    assert written("preprocessing.max_tokens=9") != first


def test_publish_keeps_the_old_files_when_the_body_fails(tmp_path):
    for content in ("old", "new"):
        try:
            with publishing.publish(tmp_path, last="b") as staging:
                (staging / "a").write_text(content)
                if content == "new":
                    raise KeyError("stop")
                (staging / "b").write_text(content)
        except KeyError:
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").read_text() == "old"


def test_publish_replaces_folders_and_clears_what_a_killed_run_left(tmp_path):
    (tmp_path / ".staging-1").mkdir()
    for content in ("old", "new"):
        with publishing.publish(tmp_path, last="z") as staging:
            (staging / "folder").mkdir()
            (staging / "folder" / "file").write_text(content)
            (staging / "z").write_text(content)
    assert (tmp_path / "folder" / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "z"]


def test_a_full_disk_is_one_line(caplog, inputs, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "write_json", full)
    assert "the disk is full" in refused(caplog, inputs, load, "--corpus", str(inputs.corpus))


@pytest.mark.parametrize("delay", [0.05, 0.25, 0.45, 0.65])
def test_killed_load_leaves_whole_files_and_can_be_run_again(inputs, delay):
    write_corpus(inputs.corpus, [(label, f"{label} tweet {i} of many") for i in range(20_000) for label in "04"])
    command = [sys.executable, "-m", "pipelines.load", *inputs.options("--corpus", str(inputs.corpus))]
    process = subprocess.Popen(command, env=child_environment(), stderr=subprocess.DEVNULL)
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    target = inputs.interim / "tweets.parquet"
    assert not target.exists() or pq.read_metadata(target).num_rows in (480, 40_000)
    run(load, inputs, "--corpus", str(inputs.corpus))
    assert pq.read_metadata(target).num_rows == 40_000
    assert not list(Path(inputs.interim).glob(".staging-*"))
