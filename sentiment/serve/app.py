"""The service as an ASGI application: the routes of each concern, behind one gate."""

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from sentiment.serve import open_inference, pages, plain, tensorflow_serving
from sentiment.serve.gate import Gate
from sentiment.serve.hosts import Hosts
from sentiment.serve.json_answers import json_response
from sentiment.serve.service import Service

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def make_app(service: Service, hosts: Hosts, token: str = "") -> ASGIApp:
    """The application over ``service``, for requests to ``hosts`` that carry ``token``; empty for none."""

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with service.running():
            yield

    router = Router(every_route(service), redirect_slashes=False, lifespan=lifespan)
    direct = plain.directly(service) | tensorflow_serving.directly(service) | open_inference.directly(service)
    return Gate(router, direct, service.metrics, hosts, token)


def every_route(service: Service) -> list[Route]:
    """All routes, those of many requests first."""
    return [
        *plain.routes(service),
        *tensorflow_serving.routes(service),
        *open_inference.routes(service),
        *_health(service),
        *pages.routes(service),
    ]


def _health(service: Service) -> list[Route]:
    async def healthz(request: Request) -> Response:
        return json_response({"live": True})

    async def readyz(request: Request) -> Response:
        return json_response({"ready": True, "models": {model.name: model.problem or "ok" for model in service.store}})

    async def metrics(request: Request) -> Response:
        return Response(service.metrics.text(service.store, service.admission), headers={"content-type": _METRICS_TYPE})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
