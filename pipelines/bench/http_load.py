"""Load over loopback, by wrk (Debian's package), and what a server's processes take."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sentiment.errors import InputError

_SCRIPT = """
local bodies = {}
for line in io.lines(%s) do bodies[#bodies + 1] = line end
local next = 0
request = function()
  next = next %% #bodies + 1
  return wrk.format("POST", "/predict", { ["Content-Type"] = "application/json" }, bodies[next])
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

    ``lost`` requests got no answer, ``refused`` ones another status than 200.
    """

    rate: float
    p50: float
    p99: float
    worst: float
    requests: int
    lost: int
    refused: int


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

    def memory(self) -> list[Memory]:
        """Of each worker."""
        return [_memory(worker) for worker in self.workers()]


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


def load(port: int, bodies: Path, connections: int, seconds: int) -> Load:
    """Ask for ``seconds`` over ``connections``, each asking again as soon as it is answered; stops by itself."""
    wrk = shutil.which("wrk")
    if not wrk:
        raise InputError("wrk is not installed; on Debian: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT % json.dumps(str(bodies)))
        script.flush()
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name]
        command = [wrk, *options, f"http://127.0.0.1:{port}/predict"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    told = json.loads(done.stderr.splitlines()[-1])
    rate = told["requests"] / told["seconds"]
    return Load(rate, told["p50"], told["p99"], told["max"], told["requests"], told["lost"], told["refused"])
