"""Routes for the page at ``/`` and its files, the models and their reports, and the description of the interface."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import sentiment
from sentiment.serve.errors import json_response
from sentiment.serve.limits import Refusal
from sentiment.serve.openapi import as_page, document
from sentiment.serve.service import Service

STATIC = Path(__file__).parent / "static"
# `make report` writes these files into the model folder. A report contains its own style and script, so it needs a
# weaker Content-Security-Policy than the page.
REPORTS = {"report.html": "text/html; charset=utf-8", "README.md": "text/plain; charset=utf-8"}
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)


def routes(service: Service) -> list[Route | Mount]:
    """Return the routes for the pages, models, reports and the interface's description."""

    async def page(request: Request) -> Response:
        """Return the page to try the models."""
        return FileResponse(STATIC / "index.html")

    async def models(request: Request) -> Response:
        """Return the served models and the limits on requests."""
        return json_response(models_of(service))

    async def report(request: Request) -> Response:
        """Return report.html or README.md of a model."""
        return _report(service, request.path_params["name"], request.path_params["file"])

    async def openapi(request: Request) -> Response:
        """Return this description as an OpenAPI document."""
        return json_response(document(request.app.routes))

    async def documentation(request: Request) -> Response:
        """Return this description as a page."""
        return Response(as_page(document(request.app.routes)), media_type="text/html")

    return [
        Route("/", page),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/models", models),
        Route("/models/{name}/{file}", report),
        Route("/openapi.json", openapi),
        Route("/docs", documentation),
    ]


def models_of(service: Service) -> dict[str, object]:
    """Return the served models and the limits on requests, as data for JSON."""
    limits = service.limits
    return {
        "version": sentiment.__version__,
        "models": [
            {
                "name": model.name,
                "classes": model.current.classes,
                "export": model.current.fingerprint,
                "version": model.current.version,
                "problem": model.problem,
                "reports": [name for name in REPORTS if (model.folder / name).is_file()],
            }
            for model in service.store
        ],
        "limits": {"texts": limits.texts, "characters": limits.characters, "explained": limits.explained},
    }


def _report(service: Service, name: str, file: str) -> Response:
    model = service.store.models.get(name)
    if model is None or file not in REPORTS:
        raise Refusal(404, f"expected {' or '.join(REPORTS)} of a model that is served")
    if not (model.folder / file).is_file():
        raise Refusal(404, f"{name} has no {file}: `make report` makes it")
    return FileResponse(
        model.folder / file, headers={"content-security-policy": _REPORT_POLICY}, media_type=REPORTS[file]
    )
