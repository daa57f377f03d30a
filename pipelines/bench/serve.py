"""Measure the HTTP service on this machine: requests per second, latency, memory and start-up time.

The load generator wrk runs on the same cores as the service. `make bench-serve` writes `models/bench_serve.json`.
"""

import contextlib
import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.bench.timing import family, machine, markdown
from pipelines.shared import publishing, stage
from pipelines.shared.evaluation_files import read_predictions
from sentiment.errors import InputError

_CONNECTIONS = (1, 16, 200)
_SECONDS = 2  # of each measurement
_ROUNDS = 4  # the first does not count
# wrk reads the requests from a file with one JSON body per line, and prints its figures as JSON.
_SCRIPT = """
local requests, next = {}, 0
init = function(args)
  for line in io.lines(%s) do
    requests[#requests + 1] = wrk.format("POST", "/predict", { ["Content-Type"] = "application/json" }, line)
  end
end
request = function() next = next %% #requests + 1; return requests[next] end
done = function(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format(
    '{"requests_per_second": %%f, "median_ms": %%f, "p99_ms": %%f, "failed": %%d}\\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.timeout + e.status))
end
"""


def run(this: stage.Stage) -> None:
    """Measure one worker and two workers with different numbers of connections, and write and print the figures."""
    folder, entries = this.places.model, {}
    texts = read_predictions(folder).texts.tolist()
    with tempfile.TemporaryDirectory() as name:
        bodies = {each: write_bodies(texts, each, Path(name) / f"{each}.jsonl") for each in (1, 64)}
        for workers in (1, 2):
            with running(folder, workers) as (pid, port, ready_seconds):
                for each, file in bodies.items():
                    for connections in _CONNECTIONS if each == 1 else _CONNECTIONS[1:2]:
                        title = f"{workers} workers, {connections} connections, {each} tweets per request"
                        rounds = [load(port, file, connections) for _ in range(_ROUNDS)][1:]
                        entries[title] = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
                mib = sum(each.memory_full_info().pss for each in family(pid)) / 2**20  # shared pages once
                entries[f"{workers} workers"] = {"ready_seconds": ready_seconds, "MiB": mib}
    publishing.write_json(this.places.root / "models" / "bench_serve.json", {"machine": machine(), "loads": entries})
    sys.stdout.write(f"Measured on {machine()}; medians.\n\n{markdown('service', entries)}")


def write_bodies(texts: Sequence[str], size: int, file: Path) -> Path:
    """Write JSON requests with ``size`` texts per request to ``file``, one request per line. Return ``file``."""
    groups = [list(texts[start : start + size]) for start in range(0, len(texts) - size + 1, size)]
    file.write_text("".join(json.dumps({"texts": group}) + "\n" for group in groups), encoding="utf-8")
    return file


@contextlib.contextmanager
def running(folder: Path, workers: int) -> Iterator[tuple[int, int, float]]:
    """Start the service on a free port, and stop it at the end.

    When all workers are ready, yield the id of the service's process, its port, and the seconds that it took to start.
    """
    started = time.perf_counter()
    options = ["--port", "0", "--model", str(folder), "--workers", str(workers)]
    process = subprocess.Popen([sys.executable, "-m", "sentiment.serve", *options], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        ready = (re.search(r"http://127\.0\.0\.1:(\d+) ready", line) for line in process.stderr)
        ports = [found.group(1) for _, found in zip(range(workers), filter(None, ready), strict=False)]
        if not ports:
            raise InputError("the service ended before it was ready; start it by itself to see why")
        yield process.pid, int(ports[0]), time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stderr.close()


def load(port: int, bodies: Path, connections: int) -> dict[str, float]:
    """Run the load generator wrk, and return its figures.

    Every connection sends its next request as soon as the previous one has been answered.
    """
    wrk = shutil.which("wrk")
    if not wrk:
        raise InputError("wrk is not installed; on Debian: apt-get install wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT % json.dumps(str(bodies)))
        script.flush()
        options = ["-t1", f"-c{connections}", f"-d{_SECONDS}s", "--timeout", "10s", "-s", script.name]
        command = [wrk, *options, f"http://127.0.0.1:{port}/predict"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS + 60, check=True)
    return dict(json.loads(done.stderr.splitlines()[-1]))


if __name__ == "__main__":
    stage.main(run, __doc__)
