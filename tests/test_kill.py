"""Stages killed in the middle of their writing: a handful of points. `make faults` has all stages and many more."""

import pytest

from tests import forked, kill
from tests.model_fixture import Trained


def finish_here(this: Trained, stage: str) -> int:
    """Run the stage in this process, which has the libraries that it needs."""
    return forked.run(this.root, stage, kill.command(this, stage)[1:])


def start_forked(this: Trained, stage: str, kill_before: int) -> forked.Forked:
    return forked.Forked(this.root.parent / "log", this.root, stage, kill.command(this, stage)[1:], kill_before)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> kill.Reference:
    return kill.make_reference(tmp_path_factory.mktemp("kill"), ("load", "preprocess", "embed"), finish_here)


@pytest.mark.parametrize(("stage", "place"), [("load", 0), ("load", 2), ("preprocess", -5), ("embed", -1)])
def test_killed_while_it_writes_or_publishes(made, stage, place):
    """The last changes of a stage are its renames onto final names and the removal of its own folder."""
    change = place if place > 0 else made.changes[stage] + place
    assert kill.kill_and_recover(made, stage, change, 0.0, stage == "preprocess", finish_here, start_forked)


def test_a_partial_file_would_be_seen(made):
    made.restore("embed")
    kill.check_nothing_partial(made, "embed")
    path = made.this.processed / "train.ids.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"processed/tiny/train\.ids\.npy"):
        kill.check_nothing_partial(made, "embed")
