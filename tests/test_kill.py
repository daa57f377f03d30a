"""Stages killed in the middle of their writing: a handful of points. `make faults` has all stages and many more."""

import importlib

import pytest

from pipelines.shared.stage import main
from tests import kill
from tests.model_fixture import Trained


def finish_here(this: Trained, stage: str) -> None:
    """Run the stage again in this process, which has the libraries that it needs."""
    module, *argv = kill.command(this, stage)
    pipeline = importlib.import_module(module)
    main(pipeline.run, "", getattr(pipeline, "OPTIONS", {}), argv)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> kill.Reference:
    return kill.make_reference(tmp_path_factory.mktemp("kill"), ("load", "preprocess", "embed"))


@pytest.mark.parametrize(("stage", "before_the_last"), [("load", 0), ("preprocess", 5), ("embed", 1)])
def test_killed_while_it_publishes(made, stage, before_the_last):
    """The last changes of a stage are its renames onto final names and the removal of its own folder."""
    change = made.changes[stage] - before_the_last
    assert kill.kill_and_recover(made, stage, change, again=stage == "preprocess", finish=finish_here)


def test_killed_while_it_writes(made):
    assert kill.kill_and_recover(made, "load", 2, finish=finish_here)


def test_a_partial_file_would_be_seen(made):
    made.restore("embed")
    kill.check_nothing_partial(made, "embed")
    path = made.this.processed / "train.ids.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"processed/tiny/train\.ids\.npy"):
        kill.check_nothing_partial(made, "embed")
