"""An engine that runs tasks on an existing Ray cluster, or starts a cluster on this machine for one run."""

import importlib
import importlib.util
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from sentiment.common.engines import ATTEMPTS, Engine, Outcome, use_one_core
from sentiment.common.parallel import available_cores
from sentiment.errors import EngineError, InputError

_TASKS_PER_WORKER = 2  # submitted at once, so that no worker waits for its next task
# Switch off Ray's usage reports, and its warnings about settings that are intended here.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_enable_metrics_collection": "0",
}
_SECONDS_TO_CONNECT = 10
_SECONDS_BETWEEN_LOOKS = 2
_STORE_BYTES = 100 << 20  # results are small, so the object store needs no more


class RayEngine(Engine):
    """An engine that uses a Ray cluster.

    Args:
        workers: the number of tasks to run at once; 0 uses all cores.
        address: the address of the cluster: ``auto``, ``host:port`` or ``ray://host:port``. An empty address starts a
            cluster on this machine.
        patience: seconds to wait for a new node while no live node has a core.
    """

    def __init__(self, workers: int, address: str = "", patience: float = 60) -> None:
        if importlib.util.find_spec("ray") is None:
            raise InputError(
                "--engine ray needs Ray: pip install '.[ray]' in a clone of this project, or use --engine local"
            )
        self.workers = workers
        self.address = address
        self.patience = patience

    def __enter__(self) -> Self:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        if not self.address and not any(name.startswith("RAY_AUTH_") for name in os.environ):
            # The access token stays in the environment and is not written to the home folder.
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._ray: Any = importlib.import_module("ray")  # reads these variables
        if self.address:
            self._connect()
        else:
            self.workers = self.workers or available_cores()
            options: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
            self._ray.init("local", num_cpus=self.workers, log_to_driver=False, logging_level=logging.ERROR, **options)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ray.shutdown()

    def map(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Outcome]:
        """Apply ``function`` to each task, and yield each outcome when ready. Ray retries a task whose process died."""

        def run(task: Any) -> Any:
            use_one_core()
            return function(task)

        remote: Any = self._ray.remote(max_retries=ATTEMPTS - 1, num_cpus=1)(run)
        running: dict[Any, int] = {}
        following = iter(range(len(tasks)))
        while True:
            while len(running) < _TASKS_PER_WORKER * self.workers and (task := next(following, None)) is not None:
                running[remote.remote(tasks[task])] = task
            if not running:
                return
            for reference in self._wait(list(running)):
                yield self._outcome(reference, running.pop(reference))

    def _connect(self) -> None:
        try:
            _require_reachable(self.address)
            self._ray.init(self.address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(f"--address {self.address}: no Ray cluster there ({reason})") from error
        cores = self._cores()
        if not cores:
            self._ray.shutdown()
            raise InputError(f"--address {self.address}: the cluster has no core to give; add a node with one")
        self.workers = min(self.workers or cores, cores)

    def _wait(self, references: list[Any]) -> list[Any]:
        """Wait until at least one task has finished, and return Ray's references to the finished tasks.

        Raises:
            EngineError: no live node had a core for ``patience`` seconds. Ray itself would wait for ever.
        """
        last = time.monotonic()
        while True:
            ready: list[Any] = self._ray.wait(references, num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)[0]
            if ready:
                return ready
            if self._cores():
                last = time.monotonic()
            elif time.monotonic() - last > self.patience:
                raise EngineError(
                    f"no node of the Ray cluster that is alive has had a core for {self.patience:g} s; what is done is "
                    "kept: add a node and run the same command again to go on"
                )

    def _outcome(self, reference: Any, task: int) -> Outcome:
        try:
            return Outcome(task, self._ray.get(reference))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayError as error:
            return Outcome(task, None, " ".join(str(error).split())[:300])

    def _cores(self) -> int:
        return sum(int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"])


def _require_reachable(address: str) -> None:
    """Raise a ConnectionError if no server listens at ``host:port``, because Ray itself would retry for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_CONNECT).close()
    except OSError as error:
        raise ConnectionError(error.strerror or str(error)) from error
