"""`make faults`, second half: scoring is killed at many points: a worker, the driver, a node of a Ray cluster.

After each kill no answer may be half there; the run, or the same command again, must end with the bytes of an
undisturbed run, and do again only what was in the hands of a process when it ended.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.bench.timing import family
from tests.model_fixture import child_environment
from tests.test_structure import tiny_model

FILES, WORKERS = 16, 2
_PATIENCE = 120  # seconds: a run that takes longer hangs
KINDS = ("local driver", "local worker", "ray driver", "ray worker", "ray node", "ray nodes")
NO_NODE = ("no node of the Ray cluster", "the cluster has no core to give")  # the latter before the first task
# A node that is gone is noticed within a second, not half a minute.
_NOTICED_SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 300, "health_check_failure_threshold": 3}
WORDS = ("love", "hate", "the", "coffee", "qqq", ":)", "http://t.co/x", "not", "2009", "@me")


@dataclass
class Setting:
    """Inputs, a model, the answers of an undisturbed run, and where Ray is.

    What runs is ``sentiment score``, or ``sentiment share`` where the folder of answers is called ``scored``.
    """

    folder: Path
    address: str = ""
    environment: dict[str, str] = field(default_factory=child_environment)
    undisturbed: Path = Path()
    answers: dict[str, bytes] = field(default_factory=dict)

    def command(self, output: Path, engine: str) -> list[str]:
        name, place = ("share", output.parent) if output.name == "scored" else ("score", output)
        options = ["--output", str(place), "--model", str(self.folder / "model"), "--engine", engine]
        options += ["--address", self.address, "--patience", "1"] if engine == "ray" and self.address else []
        inputs = [str(self.folder / "in"), "--workers", str(WORKERS)]
        return [sys.executable, "-m", "sentiment", name, *inputs, *options]

    def start(self, output: Path, engine: str) -> subprocess.Popen:
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(self.command(output, engine), env=self.environment, stdout=log, stderr=log)

    def finish(self, output: Path, engine: str = "local") -> None:
        process = self.start(output, engine)
        assert process.wait(_PATIENCE) == 0, (self.folder / "log").read_text()[-2000:]


def prepare(folder: Path, rows: int, undisturbed: str = "undisturbed", kind: type[Setting] = Setting) -> Setting:
    """Files of about ``rows`` tweets; the number of each its own, and a task its own, which takes 2 MB."""
    choose = random.Random(1)
    (folder / "in").mkdir(parents=True)
    for i in range(FILES):
        texts = [" ".join(choose.choices(WORDS, k=12)) for _ in range(rows + i)]
        long = pa.table({"text": texts, "filler": [choose.randbytes(max(120, 1_100_000 // rows)).hex() for _ in texts]})
        pq.write_table(long, folder / "in" / f"{i:02d}.parquet", compression="none")
    tiny_model(folder / "model")
    this = kind(folder, undisturbed=folder / undisturbed)
    this.finish(this.undisturbed)
    this.answers = answers(this.undisturbed)
    assert len(this.answers) == FILES
    return this


def answers(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(output.glob("*.parquet"))}


def recorded(output: Path) -> set[str]:
    """Parts that the folder says are done."""
    done = set()
    for path in output.glob("_records/*.json"):
        with contextlib.suppress(FileNotFoundError):  # the run puts one file in the place of several
            done |= {record["output"] for record in json.loads(path.read_text())}
    return done


def wait_for(output: Path, process: subprocess.Popen, parts: int) -> None:
    """Until so many parts are recorded, or the run has ended."""
    while process.poll() is None and len(recorded(output)) < parts:
        time.sleep(0.02)


def check_nothing_partial(this: Setting, output: Path) -> None:
    for name, content in answers(output).items():
        assert content == this.answers[name], f"{name} is not what an undisturbed run gives"
    assert recorded(output) <= answers(output).keys()


def check_whole(this: Setting, output: Path, done_before: int | None = None) -> None:
    assert answers(output) == this.answers
    assert (output / "_SUCCESS").exists()
    summary = json.loads((output / "summary.json").read_text())
    whole = json.loads((this.undisturbed / "summary.json").read_text())
    for name in ("rows", "labels", "parts", "failed_files", "failed_rows"):
        assert summary[name] == whole[name], name
    assert done_before is None or summary["parts_done_before"] == done_before
    assert not (output / "_staging").exists()


def kill_driver(this: Setting, output: Path, engine: str, parts: int, delay: float) -> bool:
    """Whether the kill came before the end."""
    process = this.start(output, engine)
    wait_for(output, process, parts)
    time.sleep(delay)
    process.kill()
    killed = process.wait() == -signal.SIGKILL
    check_nothing_partial(this, output)
    in_flight = len(answers(output)) - len(recorded(output))
    assert in_flight <= WORKERS * 3, "more parts published and not recorded than can be in flight"
    return killed


def go_on(this: Setting, output: Path, engine: str, all_ended: bool = True) -> None:
    """Run the command again; unless something may still have been at work, only what was not recorded is done."""
    done = len(recorded(output))
    this.finish(output, engine)
    check_whole(this, output, done if all_ended else None)


def disturb(
    this: Setting, output: Path, engine: str, parts: int, delay: float, *kills: Callable[[subprocess.Popen], bool]
) -> bool:
    """Whether all ``kills`` of something below a run came before its end, which it must reach by itself."""
    process = this.start(output, engine)
    struck = []
    for number, kill in enumerate(kills):
        wait_for(output, process, parts + number * FILES // 4)
        time.sleep(delay)
        running = process.poll() is None
        struck.append(kill(process) and running)
    assert process.wait(_PATIENCE) == 0, (this.folder / "log").read_text()[-2000:]
    check_whole(this, output)
    return all(struck)


def kill_worker(parents: list[int]) -> bool:
    """Kill one of the processes that work below ``parents``, if there is one."""
    workers = [process for parent in parents for process in family(parent) if is_worker(process)]
    if workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            random.choice(workers).kill()
    return bool(workers)


def is_worker(process: psutil.Process) -> bool:
    """Whether this is a process of ours or a worker of Ray; not one of its agents, as their node ends with them."""
    with contextlib.suppress(psutil.Error):
        name = " ".join(process.cmdline())
        return "spawn_main" in name or ("ray::" in name and "Agent" not in name)
    return False


class Nodes:
    """A Ray cluster on this machine: a head without cores, and nodes of one core each."""

    def __init__(self, count: int = WORKERS) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)  # Ray puts its own in its place
        os.environ |= {
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_enable_metrics_collection": "0",
        }
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "include_dashboard": False,
                "include_log_monitor": False,
                "no_monitor": True,  # of the autoscaler
                "object_store_memory": 80 << 20,
                "_system_config": _NOTICED_SOON,
            },
        )
        self.nodes = [self.add() for _ in range(count)]
        self.cluster.wait_for_nodes()

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> Any:
        return self.cluster.add_node(num_cpus=1, object_store_memory=80 << 20, include_log_monitor=False, wait=True)

    def raylets(self) -> list[int]:
        return [node.all_processes["raylet"][0].process.pid for node in self.nodes]

    def kill_one(self, which: int) -> bool:
        """All its processes at once, by SIGKILL, as a machine that is gone."""
        node = self.nodes.pop(which)
        raylet = node.all_processes["raylet"][0].process.pid
        for process in family(raylet):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.cluster.worker_nodes.discard(node)
        node.kill_all_processes(check_alive=False, allow_graceful=False)
        return True

    def mend(self) -> None:
        """A node for each worker."""
        while len(self.nodes) < WORKERS:
            self.nodes.append(self.add())

    def stop(self) -> None:
        self.cluster.shutdown()
        signal.signal(signal.SIGTERM, self.handler)


def kill_all_nodes(this: Setting, output: Path, nodes: Nodes, parts: int, delay: float) -> bool:
    """Whether the run ended with a line, not never, because the nodes were gone; afterwards they are there again."""
    process = this.start(output, "ray")
    wait_for(output, process, parts)
    time.sleep(delay)
    running = process.poll() is None
    while nodes.nodes:
        nodes.kill_one(0)
    try:
        status, said = process.wait(_PATIENCE), (this.folder / "log").read_text()[-2000:]
        assert (status, any(line in said for line in NO_NODE)) in ((2, True), (0, False)), said
        check_nothing_partial(this, output)
    finally:
        nodes.mend()
    return running and status == 2


def one_point(this: Setting, kind: str, number: int, choose: random.Random, nodes: Nodes | None) -> bool:
    output = this.folder / f"{kind}-{number}"
    parts, delay = choose.randrange(FILES), choose.uniform(0, 0.4)
    engine = "local" if kind.startswith("local") else "ray"
    if nodes:
        nodes.mend()
    if kind.endswith("driver"):
        killed = kill_driver(this, output, engine, parts, delay)
        go_on(this, output, engine, engine == "local")  # Ray's workers finish what they have for a moment
        return killed
    if nodes and kind == "ray nodes":
        killed = kill_all_nodes(this, output, nodes, parts, delay)
        go_on(this, output, engine)
        return killed
    if nodes and kind == "ray node":
        return disturb(this, output, engine, parts, delay, lambda _: nodes.kill_one(parts % 2))
    raylets = nodes.raylets() if nodes and engine == "ray" else []
    return disturb(this, output, engine, parts, delay, lambda driver: kill_worker(raylets or [driver.pid]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=12, help="of each kind (default: 12, 72 in all)")
    parser.add_argument("--rows", type=int, default=20_000, help="a file (default: 20000)")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS, help="default: all")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    choose, failures = random.Random(arguments.seed), 0
    with tempfile.TemporaryDirectory(prefix="sentiment-kill-") as folder:
        this, nodes = prepare(Path(folder) / "root", arguments.rows), None
        for kind in arguments.kinds:
            if kind.startswith("ray") and nodes is None:
                nodes = Nodes()
                this.address, this.environment = nodes.address, child_environment()
            killed, begun = 0, time.monotonic()
            for number in range(arguments.points):
                try:
                    killed += one_point(this, kind, number, choose, nodes)
                except (AssertionError, subprocess.TimeoutExpired) as error:
                    failures += 1
                    sys.stdout.write(f"{kind}, point {number}: {error}\n")
            seconds = time.monotonic() - begun
            sys.stdout.write(f"{kind}: {arguments.points} points, {killed} before the end, {seconds:.0f} s\n")
            sys.stdout.flush()
        if nodes:
            nodes.stop()
    sys.stdout.write(f"{failures} failures\n")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
