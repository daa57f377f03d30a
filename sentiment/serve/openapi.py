"""The description of the HTTP interface, as an OpenAPI document and as an HTML page.

Summaries come from the docstrings of the route handlers, and schemas from the types of the request bodies.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

import sentiment
from sentiment.serve.open_inference import InferRequest
from sentiment.serve.predict_routes import PredictRequest
from sentiment.serve.tensorflow_serving import TensorflowRequest
from sentiment.serve.upload import FORM, KINDS

_EXAMPLES: dict[type, Any] = {
    PredictRequest: {"texts": ["I love this"], "threshold": 0.7, "explain": False},
    TensorflowRequest: {"instances": ["I love this"]},
    InferRequest: {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["I love this"]}]},
}
_BODIES = {"/predict": PredictRequest, ":{verb}": TensorflowRequest, "/infer": InferRequest}
_FILE_QUERY = ("column", "threshold", "model", "encoding", "delimiter", "quotes")
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_REFUSALS = {
    "400": "the body is not JSON, or not of this protocol's form",
    "401": "the token is missing or wrong",
    "404": "no such model or version",
    "408": "the body took too long to arrive",
    "413": "the body is too large",
    "422": "a value has the wrong type, there are too many texts, or one is too long",
    "429": "too much is waiting; try again after Retry-After seconds",
    "503": "too many connections are open",
}


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of ``routes``."""
    _, schemas = msgspec.json.schema_components(list(_EXAMPLES), ref_template="#/components/schemas/{name}")
    for body, example in _EXAMPLES.items():
        schemas[body.__name__]["examples"] = [example]
    described = [route for route in routes if isinstance(route, Route)]  # without the page's static files
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
    methods = sorted((route.methods or set()) - {"HEAD"})
    body = next((body for end, body in _BODIES.items() if route.path.endswith(end)), None)
    summary = (route.endpoint.__doc__ or "").removesuffix(".")
    return {method.lower(): _operation(route.path, summary, None if method == "GET" else body) for method in methods}


def _operation(path: str, summary: str, body: type | None) -> dict[str, Any]:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    operation: dict[str, Any] = {"summary": summary, "responses": _responses(body is not None)}
    if body is PredictRequest:
        parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _FILE_QUERY]
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        content: dict[str, Any] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}}
        if body is PredictRequest:
            content |= {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (*KINDS, FORM)}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _responses(with_body: bool) -> dict[str, Any]:
    refusals = _REFUSALS if with_body else {status: _REFUSALS[status] for status in ("401", "404")}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers = {status: {"description": why, "content": error} for status, why in refusals.items()}
    return {"200": {"description": "the answer"}} | answers


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
        f'<table>{"".join(rows)}</table><h2>Refusals</h2><p>All are <code>{{"error": "one sentence"}}</code>.</p>'
        f"<table>{''.join(refusals)}</table></main></html>"
    )
