"""Scoring on Ray: the same bytes as alone, with the driver, a worker, a node and then all nodes killed.

In one file, so that they run one after the other: two of Ray's starts at once mix up their tokens.
"""

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from tests import kill_score
from tests.test_share_kill import shares

ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray")
pytestmark = [pytest.mark.ray, ray]


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> kill_score.Setting:
    return kill_score.prepare(tmp_path_factory.mktemp("ray") / "root", rows=2000)


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


def test_shares_are_the_same_bytes_on_ray(setting, tmp_path):
    found = [shares(setting, tmp_path / engine, engine) for engine in ("local", "ray")]
    assert found[0] == found[1]


def test_a_cluster_survives_a_driver_a_worker_and_its_nodes(setting, tmp_path, monkeypatch):
    for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_enable_metrics_collection"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back afterwards
    nodes = kill_score.Nodes()
    try:
        there = kill_score.Setting(setting.folder, nodes.address, kill_score.child_environment(), setting.answers)
        assert kill_score.kill_driver(there, tmp_path / "driver", "ray", 1, 0.0)
        assert kill_score.kill_worker(there, tmp_path / "worker", "ray", 1, 0.0, nodes.raylets())
        assert kill_score.kill_node(there, tmp_path / "node", nodes, 1, 0.0)
        assert kill_score.kill_all_nodes(there, tmp_path / "nodes", nodes, 1, 0.0)
    finally:
        nodes.stop()
    refused = subprocess.run(
        there.command(tmp_path / "none", "ray"), env=there.environment, capture_output=True, text=True, check=False
    )
    assert (refused.returncode, Path(tmp_path / "none" / "_run.json").exists()) == (2, False)
    assert "no Ray cluster there" in refused.stderr.splitlines()[-1]
