"""Scoring, and the shares of what is scored, killed at a handful of points. `make faults` has many more.

On Ray the answers are the same bytes as alone, with the driver, a worker, a node and then all nodes killed. All tests
are in one file, so that they run one after the other: two of Ray's starts at once mix up their tokens.
"""

import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests import kill_score


def ray(function):
    """Mark a test that starts Ray."""
    missing = importlib.util.find_spec("ray") is None
    return pytest.mark.ray(pytest.mark.skipif(missing, reason="needs the extra ray")(function))


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> kill_score.Setting:
    return kill_score.prepare(tmp_path_factory.mktemp("kill") / "root", rows=2000)


def shares(setting: kill_score.Setting, output: Path, engine: str = "local") -> bytes:
    """Content of ``shares.json`` after the command has run to its end."""
    command = setting.command(output, engine, "share")
    done = subprocess.run(command, env=setting.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (output / "shares.json").read_bytes()


@pytest.fixture(scope="module")
def undisturbed_shares(setting, tmp_path_factory) -> bytes:
    return shares(setting, tmp_path_factory.mktemp("undisturbed") / "answer")


@pytest.fixture(scope="module")
def nodes():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_enable_metrics_collection"):
            patch.setenv(name, os.environ.get(name, ""))  # put back afterwards
        nodes = kill_score.Nodes()
        yield nodes
        nodes.stop()


@pytest.fixture
def there(setting, nodes) -> kill_score.Setting:
    return kill_score.Setting(setting.folder, nodes.address, kill_score.child_environment(), setting.answers)


@ray
def test_a_local_ray_gives_the_same_bytes_says_nothing_and_leaves_no_token(setting, tmp_path):
    """What Ray itself would say goes to nobody who can do something about it."""
    environment = setting.environment | {"HOME": str(tmp_path / "home")}
    command = setting.command(tmp_path / "out", "ray")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line[:7] for line in done.stderr.splitlines()] == ["score: "]
    assert done.stdout == ""
    assert not (tmp_path / "home").exists()
    kill_score.check_whole(setting, tmp_path / "out", 0)


@ray
def test_shares_are_the_same_bytes_on_ray(there, undisturbed_shares, tmp_path):
    assert shares(there, tmp_path / "answer", "ray") == undisturbed_shares


@ray
def test_a_cluster_survives_a_driver_a_worker_and_a_node(there, nodes, tmp_path):
    assert kill_score.kill_driver(there, tmp_path, "ray", 1, 0.0)
    kills = lambda _: kill_score.kill_worker(nodes.raylets()), lambda _: nodes.kill_one(1)
    assert kill_score.disturb(there, tmp_path, "ray", 7, 0.0, *kills)


@ray
def test_a_cluster_without_nodes_is_one_line_and_the_run_goes_on_once_it_has_some(there, nodes, tmp_path):
    nodes.mend()
    assert kill_score.kill_all_nodes(there, tmp_path / "nodes", nodes, 1, 0.0)
    nodes.stop()
    command = there.command(tmp_path / "none", "ray")
    refused = subprocess.run(command, env=there.environment, capture_output=True, text=True, check=False)
    assert (refused.returncode, (tmp_path / "none" / "_run.json").exists()) == (2, False)
    assert "no Ray cluster there" in refused.stderr.splitlines()[-1]


def test_the_driver_is_killed(setting, tmp_path):
    assert kill_score.kill_driver(setting, tmp_path / "out", "local", 1, 0.0)
    kill_score.go_on(setting, tmp_path / "out", "local")


def test_a_worker_is_killed(setting, tmp_path):
    assert kill_score.disturb(
        setting, tmp_path / "out", "local", 1, 0.0, lambda driver: kill_score.kill_worker([driver.pid])
    )


def test_a_wrong_byte_would_be_seen(setting, tmp_path):
    output = shutil.copytree(setting.folder / "undisturbed", tmp_path / "out")
    kill_score.check_nothing_partial(setting, output)
    path = output / "03.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"03\.parquet"):
        kill_score.check_nothing_partial(setting, output)


def test_shares_that_are_killed_go_on_to_the_same_bytes(setting, undisturbed_shares, tmp_path):
    """Killed while tweets are scored, and again while they are added up."""
    command = setting.command(tmp_path / "answer", "local", "share")
    for written in ("_records/*.json", "summary.json"):
        process = subprocess.Popen(command, env=setting.environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list((tmp_path / "answer" / "scored").glob(written)):
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -9
        assert not (tmp_path / "answer" / "shares.json").exists()
    assert shares(setting, tmp_path / "answer") == undisturbed_shares
