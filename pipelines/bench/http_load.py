"""Load over loopback, by wrk (Debian's package), and what a server's processes take."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sentiment.errors import InputError

_SCRIPT = """
local requests, next = {}, 0
init = function(args)
  for line in io.lines(%s) do
    requests[#requests + 1] = wrk.format("POST", "/predict", { ["Content-Type"] = "application/json" }, line)
  end
end
request = function()
  next = next %% #requests + 1
  return requests[next]
end
done = function(summary, latency, requests)
  local e = summary.errors
  local p = { latency:percentile(50), latency:percentile(99), latency.max }
  io.stderr:write(string.format(
    '{"requests": %%d, "seconds": %%f, "p50": %%f, "p99": %%f, "max": %%f, "lost": %%d, "refused": %%d}\\n',
    summary.requests, summary.duration / 1e6, p[1] / 1e3, p[2] / 1e3, p[3] / 1e3,
    e.connect + e.read + e.write + e.timeout, e.status))
end
"""


class Load(NamedTuple):
    """What a run of load has given: ``rate`` in requests a second; ``p50``, ``p99`` and ``worst`` in milliseconds.

    ``lost`` requests got no answer, ``refused`` ones another status than 200. ``client_cores`` and ``server_cores`` are
    seconds of processor time a second: of wrk, and of each process that answered.
    """

    rate: float
    p50: float
    p99: float
    worst: float
    requests: int
    lost: int
    refused: int
    client_cores: float
    server_cores: list[float]


class Memory(NamedTuple):
    """Of one process, in MiB: ``resident``, and its ``share`` where pages that several have are divided."""

    resident: float
    share: float


class Server:
    """A server that is ready, and how many ``seconds`` that took."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, seconds: float) -> None:
        self.process, self.port, self.seconds = process, port, seconds

    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()] or [self.process.pid]

    def processor_seconds(self) -> list[float]:
        """That each worker has taken, all its threads together."""
        return [_processor_seconds(worker) for worker in self.workers()]

    def memory(self) -> list[Memory]:
        """Of each worker."""
        return [_memory(worker) for worker in self.workers()]


def _processor_seconds(process: int) -> float:
    after_name = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime, see proc(5)


def _memory(process: int) -> Memory:
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    found = {name: int(kib) / 1024 for name, kib in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.M)}
    return Memory(found["Rss"], found["Pss"])


@contextlib.contextmanager
def running(module: str, *arguments: str, workers: int = 1) -> Iterator[Server]:
    """``python -m module ...``, from when it says that it is ready."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        said = ""
        for _ in range(workers):
            said = _ready(process)
        yield Server(process, int(said), time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stderr.close()


def _ready(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.match(r"serve: http://127\.0\.0\.1:(\d+) ready", line):
            return found.group(1)
    raise InputError("the server ended before it was ready; start it by itself to see why")


def write_bodies(texts: Sequence[str], each: int, file: Path) -> None:
    """Requests of ``each`` texts, a line a request."""
    groups = [list(texts[start : start + each]) for start in range(0, len(texts) - each + 1, each)]
    file.write_text("".join(json.dumps({"texts": group}) + "\n" for group in groups), encoding="utf-8")


def load(server: Server, bodies: Path, connections: int, seconds: int) -> Load:
    """Ask for ``seconds`` over ``connections``, each asking again as soon as it is answered; stops by itself."""
    before = server.processor_seconds(), _children_seconds()
    told = _wrk(server.port, bodies, connections, seconds)
    lasted = told["seconds"]
    taken = [(now - then) / lasted for then, now in zip(before[0], server.processor_seconds(), strict=True)]
    return Load(
        rate=told["requests"] / lasted,
        p50=told["p50"],
        p99=told["p99"],
        worst=told["max"],
        requests=told["requests"],
        lost=told["lost"],
        refused=told["refused"],
        client_cores=(_children_seconds() - before[1]) / lasted,
        server_cores=taken,
    )


def _wrk(port: int, bodies: Path, connections: int, seconds: int) -> dict[str, Any]:
    """What it tells at its end, see ``_SCRIPT``."""
    wrk = shutil.which("wrk")
    if not wrk:
        raise InputError("wrk is not installed; on Debian: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT % json.dumps(str(bodies)))
        script.flush()
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name]
        command = [wrk, *options, f"http://127.0.0.1:{port}/predict"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    told: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return told


def _children_seconds() -> float:
    """Processor time of the processes that this one has started and that have ended; wrk among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
