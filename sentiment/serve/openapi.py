"""The description of the interface, as an OpenAPI document and as a page."""

from html import escape
from typing import Any

import sentiment

_TEXTS = {"type": "array", "items": {"type": "string"}}
_JSON = "application/json"
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_REFUSALS = {
    "400": "not JSON, or not of this interface's form",
    "401": "the token is missing or wrong",
    "404": "no such model or version",
    "408": "the request took too long to arrive",
    "413": "the body is too large",
    "421": "the request names a host that the service does not go by",
    "422": "a value is of the wrong type, or there are too many texts, or one is too long",
    "429": "too much is waiting; try again after Retry-After seconds",
}
_PREDICT = {
    "type": "object",
    "required": ["texts"],
    "properties": {
        "texts": _TEXTS,
        "threshold": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
        "explain": {"type": "boolean", "default": False},
        "model": {"type": "string"},
    },
    "example": {"texts": ["I love this"], "threshold": 0.7, "explain": False},
}
_ROWS = {
    "type": "object",
    "properties": {
        "instances": {"type": "array", "items": {}},
        "inputs": {},
        "signature_name": {"enum": ["serving_default", "serve_ids"]},
    },
    "example": {"instances": ["I love this"]},
}
_TENSORS = {
    "type": "object",
    "required": ["inputs"],
    "properties": {"id": {"type": "string"}, "inputs": {"type": "array"}, "outputs": {"type": "array"}},
    "example": {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["I love this"]}]},
}


def document() -> dict[str, Any]:
    """The OpenAPI document."""
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
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
        "paths": {path: _operations(path, entries) for path, entries in _paths().items()},
    }


def _paths() -> dict[str, dict[str, tuple[str, Any]]]:
    """Path -> method -> what it does and, of POST, the body's schema."""
    paths: dict[str, dict[str, tuple[str, Any]]] = {
        "/predict": {"post": ("Label, probability and known share of texts, or of a CSV or JSON lines", _PREDICT)}
    }
    for prefix in ("/v1/models/{name}", "/v1/models/{name}/versions/{version}"):
        paths[prefix + ":{verb}"] = {"post": ("TensorFlow Serving: predict, the one verb", _ROWS)}
        paths[prefix + "/metadata"] = {"get": ("TensorFlow Serving: signatures", None)}
        paths[prefix] = {"get": ("TensorFlow Serving: state", None)}
    for prefix in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        paths[prefix + "/infer"] = {"post": ("Open Inference Protocol: infer", _TENSORS)}
        paths[prefix + "/ready"] = {"get": ("Open Inference Protocol: whether a model is ready", None)}
        paths[prefix] = {"get": ("Open Inference Protocol: tensors of a model", None)}
    told = {
        "/v2/health/live": "Open Inference Protocol: whether the service lives",
        "/v2/health/ready": "Open Inference Protocol: whether it is ready",
        "/v2": "Open Inference Protocol: name and version of the service",
        "/healthz": "Whether the service lives",
        "/readyz": "Whether it is ready, and whether a new export was refused",
        "/metrics": "Counters in Prometheus' text format",
        "/models": "The models and the limits",
        "/models/{name}/{file}": "A model's report.html or README.md",
        "/": "The page",
        "/static/{file}": "Its files",
        "/openapi.json": "This document",
        "/docs": "This document as a page",
    }
    return paths | {path: {"get": (summary, None)} for path, summary in told.items()}


def _operations(path: str, entries: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    operations: dict[str, Any] = {"parameters": parameters} if parameters else {}
    for method, (summary, schema) in entries.items():
        operations[method] = {"summary": summary, "responses": _responses(schema is not None)}
        if schema is not None:
            operations[method]["requestBody"] = {"required": True, "content": _content(path, schema)}
    if path == "/predict":
        query = ("column", "threshold", "model")
        operations["post"]["parameters"] = [
            {"name": name, "in": "query", "description": "of a file", "schema": {"type": "string"}} for name in query
        ]
    return operations


def _content(path: str, schema: Any) -> dict[str, Any]:
    content = {_JSON: {"schema": schema}}
    if path == "/predict":
        for kind in ("text/csv", "application/x-ndjson", "multipart/form-data"):
            content[kind] = {"schema": {"type": "string", "description": "a file, scored as it comes"}}
    return content


def _responses(with_body: bool) -> dict[str, Any]:
    refusals = _REFUSALS if with_body else {key: _REFUSALS[key] for key in ("401", "404")}
    error = {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers = {status: {"description": why, "content": error} for status, why in refusals.items()}
    return {"200": {"description": "the answer"}} | answers


def render(described: dict[str, Any]) -> str:
    """The document as a page, without a script."""
    rows = [
        f"<tr><td><code>{method.upper()}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(operation['summary'])}</td></tr>"
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
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
