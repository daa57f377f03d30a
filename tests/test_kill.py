"""Stages killed in the middle of their writing: a handful of points. `make faults` has all stages and many more."""

import time

import pyarrow.parquet as pq
import pytest

from tests import forked, kill
from tests.model_fixture import write_corpus


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> kill.Reference:
    return kill.make_reference(tmp_path_factory.mktemp("kill"), ("load", "preprocess", "embed"))


@pytest.mark.parametrize(("stage", "place"), [("load", 0), ("load", 2), ("preprocess", -5), ("embed", -1)])
def test_killed_while_it_writes_or_publishes(made, stage, place):
    """The last changes of a stage are its renames onto final names and the removal of its own folder."""
    change = place if place > 0 else made.changes[stage] + place
    assert kill.kill_and_recover(made, stage, change, again=stage == "preprocess")


def test_a_load_killed_at_any_time_leaves_whole_tweets_or_none(made):
    made.restore("load", "after")
    this, target = made.this, made.this.interim / "tweets.parquet"
    write_corpus(this.corpus, [(label, f"{label} tweet {i} of many") for i in range(10_000) for label in "04"])
    begun, seconds = time.monotonic(), 0.0
    for delay in (60.0, 0.2, 0.5, 0.7, 0.9):  # the first undisturbed, the others as shares of its time
        process = forked.Forked(this.root.parent / "log", this.root, "load", this.options_of("load"))
        process.join(delay * (seconds or 1))
        process.kill()
        process.wait()
        seconds = seconds or time.monotonic() - begun
        assert not target.exists() or pq.read_metadata(target).num_rows in (480, 20_000)
    kill.finish(this, "load")
    assert pq.read_metadata(target).num_rows == 20_000
    assert not list(this.interim.glob(".staging-*"))


def test_a_partial_file_would_be_seen(made):
    made.restore("embed")
    kill.check_nothing_partial(made, "embed")
    path = made.this.processed / "train.ids.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"processed/tiny/train\.ids\.npy"):
        kill.check_nothing_partial(made, "embed")
