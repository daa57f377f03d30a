"""Scoring, and the shares of what is scored, killed at a handful of points. `make faults` has many more.

On Ray the answers are the same bytes as alone, with the driver, a worker, a node and all nodes killed. All tests are in
one file, so that they run one after the other: two of Ray's starts at once mix up their tokens.
"""

import importlib.util
import os
import shutil
import subprocess
import time
from dataclasses import replace

import pytest

from sentiment.common.engines import InProcess
from sentiment.shares import __main__ as share
from tests import kill_score
from tests.test_score import score


def ray(function):
    """Mark a test that starts Ray."""
    missing = importlib.util.find_spec("ray") is None
    return pytest.mark.ray(pytest.mark.skipif(missing, reason="needs the extra ray")(function))


class InProcessSetting(kill_score.Setting):
    def finish(self, output, engine="local") -> None:
        """Run the command undisturbed, in this process unless it is to run on Ray."""
        if engine == "ray":
            return super().finish(output, engine)
        argv = self.command(output, engine)[4:]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(share, "engine_of", lambda arguments: InProcess())
            assert share.main(argv) == 0


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> InProcessSetting:
    return kill_score.prepare(tmp_path_factory.mktemp("kill") / "root", 200, "undisturbed/scored", InProcessSetting)


@pytest.fixture
def scored(setting, tmp_path):
    """A folder of answers below one of shares; in the end the shares are those of the undisturbed run."""
    yield tmp_path / "answer" / "scored"
    received, expected = (each.parent / "shares.json" for each in (tmp_path / "answer" / "scored", setting.undisturbed))
    assert received.read_bytes() == expected.read_bytes()


@pytest.fixture
def nodes():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_enable_metrics_collection"):
            patch.setenv(name, os.environ.get(name, ""))  # put back afterwards
        nodes = kill_score.Nodes(1)
        yield nodes
        nodes.stop()


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
    score(setting.folder / "in", tmp_path / "alone", setting.folder / "model")
    assert kill_score.answers(tmp_path / "out") == kill_score.answers(tmp_path / "alone")
    assert (tmp_path / "out" / "_SUCCESS").exists()


@ray
def test_on_a_cluster_that_loses_a_driver_all_nodes_a_worker_and_a_node(setting, nodes, scored):
    there = replace(setting, address=nodes.address, environment=kill_score.child_environment())
    assert kill_score.kill_driver(there, scored, "ray", 1, 0.0)
    assert kill_score.kill_all_nodes(there, scored, nodes, 5, 0.0)
    kills = lambda _: kill_score.kill_worker(nodes.raylets()), lambda _: nodes.kill_one(1)
    assert kill_score.disturb(there, scored, "ray", len(kill_score.recorded(scored)) + 1, 0.0, *kills)


def test_alone_with_the_driver_and_a_worker_killed_while_it_scores_and_the_driver_while_it_adds_up(setting, scored):
    assert kill_score.kill_driver(setting, scored, "local", 1, 0.0)
    process = setting.start(scored, "local")
    kill_score.wait_for(scored, process, 9)
    assert kill_score.kill_worker([process.pid])
    while process.poll() is None and not (scored / "summary.json").exists():
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -9
    assert not (scored.parent / "shares.json").exists()
    kill_score.go_on(setting, scored, "local")


def test_a_wrong_byte_would_be_seen(setting, tmp_path):
    output = shutil.copytree(setting.undisturbed, tmp_path / "out")
    kill_score.check_nothing_partial(setting, output)
    path = output / "03.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"03\.parquet"):
        kill_score.check_nothing_partial(setting, output)
