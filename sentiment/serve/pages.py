"""The page at `/`, what it loads, and the reports it links to: files of this package and of the model folders."""

import hashlib
from importlib import resources
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import sentiment
from sentiment.serve.json_answers import json_response
from sentiment.serve.openapi import document, render
from sentiment.serve.refusals import Refusal
from sentiment.serve.service import Service

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
}
PAGE = "index.html"
# Made by `make report`, in the model folder. A report holds its own style and script, and is kept apart from the page.
REPORTS = ("report.html", "README.md")
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; sandbox allow-scripts"
)


class _File(NamedTuple):
    content: bytes
    tag: str
    media_type: str


def routes(service: Service) -> list[Route]:
    """Page, its files, the list of models, reports and documents."""
    files = _static_files()
    described = json_response(document())
    rendered = Response(render(document()), media_type=_TYPES[".html"])

    async def page(request: Request) -> Response:
        return _respond(request, files[PAGE])

    async def static(request: Request) -> Response:
        file = files.get(request.path_params["file"])
        if file is None:
            raise Refusal(404, "no such file")
        return _respond(request, file)

    async def models(request: Request) -> Response:
        return json_response(models_of(service))

    async def report(request: Request) -> Response:
        return _report(service, request.path_params["name"], request.path_params["file"])

    async def openapi(request: Request) -> Response:
        return described

    async def documentation(request: Request) -> Response:
        return rendered

    return [
        Route("/", page),
        Route("/static/{file}", static),
        Route("/models", models),
        Route("/models/{name}/{file}", report),
        Route("/openapi.json", openapi),
        Route("/docs", documentation),
    ]


def models_of(service: Service) -> dict[str, object]:
    """What there is to choose from, and what is accepted."""
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


def _static_files() -> dict[str, _File]:
    folder = resources.files("sentiment.serve") / "static"
    found = {}
    for entry in folder.iterdir():
        suffix = entry.name[entry.name.rfind(".") :]
        if suffix in _TYPES:
            content = entry.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            found[entry.name] = _File(content, tag, _TYPES[suffix])
    return found


def _respond(request: Request, file: _File) -> Response:
    headers = {"etag": file.tag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _report(service: Service, name: str, file: str) -> Response:
    model = service.store.models.get(name)
    if model is None or file not in REPORTS:
        raise Refusal(404, f"expected one of {', '.join(REPORTS)} of a model that is served")
    try:
        content = (model.folder / file).read_bytes()
    except OSError:
        raise Refusal(404, f"{name} has no {file}: `make report` makes it") from None
    kind = _TYPES[file[file.rfind(".") :]]
    return Response(content, headers={"content-security-policy": _REPORT_POLICY}, media_type=kind)
