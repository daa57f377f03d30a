"""Shares killed while tweets are scored and while they are added up: the next run gives the same bytes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import kill_score


def share_command(setting: kill_score.Setting, output: Path, engine: str = "local") -> list[str]:
    options = ["--output", str(output), "--model", str(setting.folder / "model"), "--engine", engine, "--workers", "2"]
    return [sys.executable, "-m", "sentiment", "share", str(setting.folder / "in"), *options]


def shares(setting: kill_score.Setting, output: Path, engine: str = "local") -> bytes:
    """Content of ``shares.json`` after the command has run to its end."""
    done = subprocess.run(
        share_command(setting, output, engine), env=setting.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return (output / "shares.json").read_bytes()


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> kill_score.Setting:
    return kill_score.prepare(tmp_path_factory.mktemp("share") / "root", rows=2000)


@pytest.fixture(scope="module")
def undisturbed(setting: kill_score.Setting, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return shares(setting, tmp_path_factory.mktemp("undisturbed") / "answer")


@pytest.mark.parametrize("written", ["_records/*.json", "summary.json"])
def test_a_run_that_is_killed_goes_on_to_the_same_bytes(
    setting: kill_score.Setting, undisturbed: bytes, tmp_path: Path, written: str
) -> None:
    command = share_command(setting, tmp_path / "answer")
    process = subprocess.Popen(command, env=setting.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list((tmp_path / "answer" / "scored").glob(written)):
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -9
    assert not (tmp_path / "answer" / "shares.json").exists()
    assert shares(setting, tmp_path / "answer") == undisturbed
