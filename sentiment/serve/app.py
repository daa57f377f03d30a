"""The ASGI application of one worker process: options, routes, middleware, startup and shutdown.

All workers of a run share metrics and copies of the models in a temporary folder. A lock shows that a run still uses
its folder. The next start removes unlocked folders, left by killed runs.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment.serve import open_inference, pages, plain_protocol, tensorflow_serving
from sentiment.serve.bodies import http_error, json_response, refused
from sentiment.serve.limits import Limits, Refusal
from sentiment.serve.middleware import Observer, TokenCheck, TrustedHosts
from sentiment.serve.model_store import ModelStore
from sentiment.serve.service import Service, share_one_arena

OPTIONS = "SENTIMENT_SERVE_OPTIONS"  # the environment variable that passes the options to the worker processes
_PREFIX = "sentiment-serve-"
_LOCK = "lock"
METRICS, MODELS = "metrics", "models"  # folders in the folder of a run
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SWITCH_SECONDS = 0.0005  # with Python's 5 ms, the event loop and the batch thread would wait for each other


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options from the command line, whose help describes them, and what the workers need besides.

    Attributes:
        token: the token that requests must carry; empty if they need none.
        run_folder: the path of the temporary folder of this run.
        supervisor: the id of the process that starts the workers; 0 if there is only one worker.
        labels: the path of the file that is labelled in the browser; empty for none.
    """

    models: list[str]
    host: str
    port: int
    workers: int
    allowed_hosts: list[str]
    token: str
    run_folder: str
    supervisor: int
    limits: Limits
    labels: str
    also: list[str]

    @property
    def address(self) -> str:
        """Return the URL of the service."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """Make a folder, with subfolders for metrics and models, for the ``with`` block; remove folders of killed runs."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (left / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as made, in_use(folder := Path(made)):
        (folder / METRICS).mkdir()
        (folder / MODELS).mkdir()
        yield folder


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Share the lock of a run's folder within the ``with`` block, so that no later run removes the folder."""
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def create_app() -> Starlette:
    """Return the application of a worker process, whose options are in the environment variable of `OPTIONS`."""
    share_one_arena()
    options = msgspec.json.decode(os.environ[OPTIONS], type=ServeOptions)
    sys.setswitchinterval(_SWITCH_SECONDS)
    folder = Path(options.run_folder)
    service = Service(ModelStore(options.models, folder / MODELS), options.limits, options.supervisor)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with in_use(folder):
            async with service.running(folder):
                announcing = asyncio.create_task(_announce(options, service.store.names))
                yield
                announcing.cancel()

    routes = [  # the most used first, because they are searched in this order
        *plain_protocol.routes(service),
        *tensorflow_serving.routes(service),
        *open_inference.routes(service),
        *_health(service),
        *pages.routes(service),
    ]
    if options.labels:
        from sentiment.serve import labelling  # imports Arrow

        routes += labelling.routes(service, Path(options.labels), options.also)
    names = {getattr(route, "endpoint", getattr(route, "app", None)): route.path for route in reversed(routes)}  # type: ignore[attr-defined]
    hosts = ["localhost", "*.localhost", options.host, *options.allowed_hosts]
    middleware = [
        Middleware(Observer, service.metrics.request, names, service.limits.header_bytes),
        Middleware(TrustedHosts, hosts, www_redirect=False),
    ]
    if options.token:
        middleware.append(Middleware(TokenCheck, options.token))
    handlers = {Refusal: refused, HTTPException: http_error}
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers, lifespan=lifespan)


def _health(service: Service) -> list[Route]:
    async def healthz(request: Request) -> Response:
        """Return whether the service is alive."""
        return json_response({"live": True})

    async def readyz(request: Request) -> Response:
        """Return whether the service is ready, and for each model whether a newer export was refused."""
        return json_response({"ready": True, "models": {model.name: model.problem or "ok" for model in service.store}})

    async def metrics(request: Request) -> Response:
        """Return counters in Prometheus' text format."""
        return Response(service.metrics.text(service.store, service.admission), headers={"content-type": _METRICS_TYPE})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


async def _announce(options: ServeOptions, names: list[str]) -> None:
    """Wait until the service accepts connections, then log that it is ready."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(host, options.port)
            writer.close()
            break
        await asyncio.sleep(0.01)
    log = logging.getLogger("sentiment.serve")
    log.info("%s ready: %s (process %d)", options.address, ", ".join(names), os.getpid())
    if options.labels:
        log.info("label the tweets of %s at %s/label", options.labels, options.address)
