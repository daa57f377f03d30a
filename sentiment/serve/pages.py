"""Routes for the page at ``/`` and its files, the models and their reports, and the description of the interface.

The interface is described as an OpenAPI document and as an HTML page. Summaries come from the docstrings of the route
handlers, and schemas from the types of the request bodies.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

import sentiment
from sentiment.serve.bodies import GivenLabel, json_response
from sentiment.serve.limits import Refusal
from sentiment.serve.open_inference import InferRequest
from sentiment.serve.plain_protocol import FORM, KINDS, QUERY, PredictRequest
from sentiment.serve.service import Service
from sentiment.serve.tensorflow_serving import TensorflowRequest

STATIC = Path(__file__).parent / "static"
# `make report` writes these files into the model folder. A report contains its own style and script, so it needs a
# weaker Content-Security-Policy than the page.
REPORTS = {"report.html": "text/html; charset=utf-8", "README.md": "text/plain; charset=utf-8"}
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)
_EXAMPLES: dict[type, Any] = {
    PredictRequest: {"texts": ["I love this"], "threshold": 0.7, "explain": False},
    TensorflowRequest: {"instances": ["I love this"]},
    InferRequest: {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["I love this"]}]},
    GivenLabel: {"row": "12", "label": "negative"},
}
_BODIES = {"/labels": GivenLabel, "/predict": PredictRequest, ":{verb}": TensorflowRequest, "/infer": InferRequest}
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_REFUSALS = {
    "400": "the body is not JSON, or not of this protocol's form",
    "401": "the token is missing or wrong",
    "404": "no such model or version",
    "408": "the body took too long to arrive",
    "413": "the body is too large",
    "415": "the body is compressed",
    "422": "a value has the wrong type, there are too many texts, or one is too long",
    "429": "too much is waiting; try again after Retry-After seconds",
    "431": "the headers are too long",
    "503": "too many connections are open",
}


def routes(service: Service) -> list[Route | Mount]:
    """Return the routes for the pages, the list of models, the reports and the OpenAPI document."""

    async def page(request: Request) -> Response:
        """Return the page to try the models."""
        return FileResponse(STATIC / "index.html")

    async def models(request: Request) -> Response:
        """Return the served models and the limits on requests."""
        limits = service.limits
        told = {
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
        return json_response(told)

    async def report(request: Request) -> Response:
        """Return report.html or README.md of a model."""
        name, file = request.path_params["name"], request.path_params["file"]
        model = service.store.models.get(name)
        if model is None or file not in REPORTS:
            raise Refusal(404, f"expected {' or '.join(REPORTS)} of a model that is served")
        if not (model.folder / file).is_file():
            raise Refusal(404, f"{name} has no {file}: `make report` makes it")
        return FileResponse(
            model.folder / file, headers={"content-security-policy": _REPORT_POLICY}, media_type=REPORTS[file]
        )

    async def openapi(request: Request) -> Response:
        """Return the description of all routes as an OpenAPI document."""
        return json_response(document(request.app.routes))

    async def documentation(request: Request) -> Response:
        """Return the description of all routes as an HTML page."""
        return Response(as_page(document(request.app.routes)), media_type="text/html")

    return [
        Route("/", page),
        Mount("/static", StaticFiles(directory=STATIC)),
        Route("/models", models),
        Route("/models/{name}/{file}", report),
        Route("/openapi.json", openapi),
        Route("/docs", documentation),
    ]


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of ``routes``."""
    described = [route for route in routes if isinstance(route, Route)]  # without the page's static files
    bodies = [body for end, body in _BODIES.items() if any(route.path.endswith(end) for route in described)]
    _, schemas = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    for body in bodies:
        schemas[body.__name__]["examples"] = [_EXAMPLES[body]]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sentiment",
            "version": sentiment.__version__,
            "description": "Tweets in, labels and probabilities out.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "components": {
            "schemas": {"Error": _ERROR} | schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
        "paths": {route.path: _operations(route) for route in described},
    }


def _operations(route: Route) -> dict[str, Any]:
    body = next((body for end, body in _BODIES.items() if route.path.endswith(end)), None)
    methods = sorted((route.methods or set()) - {"HEAD"})
    return {method.lower(): _operation(route, None if method == "GET" else body) for method in methods}


def _operation(route: Route, body: type | None) -> dict[str, Any]:
    text = {"type": "string"}
    parameters = [{"name": name, "in": "path", "required": True, "schema": text} for name in route.param_convertors]
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refusals = _REFUSALS if body else {status: _REFUSALS[status] for status in ("401", "404")}
    responses = {status: {"description": why, "content": error} for status, why in refusals.items()}
    operation: dict[str, Any] = {
        "summary": (route.endpoint.__doc__ or "").removesuffix(".").replace("``", ""),
        "responses": {"200": {"description": "the answer"}} | responses,
    }
    if body is PredictRequest:
        parameters += [{"name": name, "in": "query", "schema": text} for name in QUERY]
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}}
        if body is PredictRequest:
            content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (*KINDS, FORM)}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def as_page(described: dict[str, Any]) -> str:
    """Return an OpenAPI document as an HTML page without scripts."""
    rows = [
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation['summary'])}</td></tr>"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    ]
    refusals = [f"<tr><td><code>{status}</code></td><td>{escape(why)}</td></tr>" for status, why in _REFUSALS.items()]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>sentiment: interface</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="/static/style.css"><main class="docs"><h1>Interface</h1>'
        '<p>As a document for programs: <a href="/openapi.json">openapi.json</a>. <a href="/">The page</a>.</p>'
        f'<table>{"".join(rows)}</table><h2>Refusals</h2><p>The body is <code>{{"error": "one sentence"}}</code>, '
        "except for too many connections, and for a request that is not HTTP or names a wrong host.</p>"
        f"<table>{''.join(refusals)}</table></main></html>"
    )
