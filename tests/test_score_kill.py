"""Scoring killed at a handful of points. `make faults` has many more, and Ray's."""

import shutil

import pytest

from tests import kill_score


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> kill_score.Setting:
    return kill_score.prepare(tmp_path_factory.mktemp("kill") / "root", rows=2000)


def test_the_driver_is_killed(setting, tmp_path):
    assert kill_score.kill_driver(setting, tmp_path / "out", "local", 1, 0.0)


def test_a_worker_is_killed(setting, tmp_path):
    assert kill_score.kill_worker(setting, tmp_path / "out", "local", 1, 0.0, [])


def test_a_wrong_byte_would_be_seen(setting, tmp_path):
    output = shutil.copytree(setting.folder / "undisturbed", tmp_path / "out")
    kill_score.check_nothing_partial(setting, output)
    path = output / "03.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"03\.parquet"):
        kill_score.check_nothing_partial(setting, output)
