"""The plain protocol, for people and scripts: ``POST /predict`` with texts, or with a file to score.

A file is stored in a temporary folder, scored as the command line does, and sent back with the answers.
"""

import asyncio
import errno
import json
import shutil
import tempfile
from argparse import Namespace
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment.data.table_names import input_kind_of
from sentiment.errors import InputError
from sentiment.predict.answers import AnswerOptions, Answers, labels_of
from sentiment.predict.explanation import TokenView
from sentiment.predict.options import reading_of
from sentiment.serve.bodies import check_texts, json_response, limited, read_json
from sentiment.serve.limits import Refusal
from sentiment.serve.model_store import Export
from sentiment.serve.service import Service

if TYPE_CHECKING:
    from sentiment.data.reading import Reading
    from sentiment.predict.score_file import Scored

_EXPLANATION_COST = 20  # an explanation counts as 20 texts, because it runs the model once per token
FORM = "multipart/form-data"
KINDS = {  # media type -> file name extension
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/json-lines": "jsonl",
    "application/vnd.apache.parquet": "parquet",
}
_TYPES = {kind: media_type for media_type, kind in reversed(KINDS.items())}  # the first media type of each
QUERY = ("column", "threshold", "model", "encoding", "delimiter", "quotes")
LABELS = "x-sentiment-labels"  # response header: how often each label was given, as JSON
Tokens = tuple[TokenView, ...]  # the explained tokens of a text


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /predict``. With ``explain``, the answers tell what each token contributed to the label."""

    texts: list[str]
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    explain: bool = False
    model: str | None = None


_DECODER = msgspec.json.Decoder(PredictRequest)


def routes(service: Service) -> list[Route]:
    """Return the routes of the plain protocol."""

    async def predict(request: Request) -> Response | ASGIApp:
        """Return label, probability and share of known words for texts, or for the tweets in a file."""
        if is_file(request):
            return score_upload(service, request)
        if given := ", ".join(request.query_params):
            wanted = "none with JSON (threshold and model go into the body; a file needs its Content-Type)"
            raise Refusal(422, f"query: expected {wanted}; received {given[:80]}")
        asked = await read_json(request, _DECODER, service.admission, 422)
        check_texts(asked.texts, "texts", service.limits)
        if asked.explain and len(asked.texts) > service.limits.explained:
            most = service.limits.explained
            raise Refusal(422, f"texts: expected at most {most} with explain, received {len(asked.texts)}")
        export = service.store.get(asked.model)
        answers = await service.answer(export, asked.texts)
        tokens = await _explanations(service, export, asked.texts) if asked.explain else None
        return json_response(respond(asked, export, answers, tokens))

    return [Route("/predict", predict, methods=["POST"])]


async def _explanations(service: Service, export: Export, texts: list[str]) -> list[Tokens]:
    with service.admission.hold("texts", len(texts) * _EXPLANATION_COST):
        return await asyncio.to_thread(lambda: [export.classifier.explain(text).tokens for text in texts])


def respond(asked: PredictRequest, export: Export, answers: Answers, tokens: list[Tokens] | None) -> dict[str, Any]:
    """Return the response body, with one answer per text. ``tokens`` has each text's explained tokens, or is None."""
    labels = labels_of(export.classifier.classes_, answers.probabilities, answers.known, asked.threshold).tolist()
    each: list[dict[str, Any]] = [
        {
            "label": label,
            "probability": max(row),
            "probabilities": dict(zip(export.classes, row, strict=True)),
            "known": known,
            **({"cut": True} if cut else {}),
        }
        for label, row, known, cut in zip(labels, *(values.tolist() for values in answers), strict=True)
    ]
    if tokens is not None:
        each = [answer | {"tokens": seen} for answer, seen in zip(each, tokens, strict=True)]
    return {"model": export.name, "export": export.fingerprint, "answers": each}


def is_file(request: Request) -> bool:
    """Return whether the body of a request is a file to score rather than JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() in (*KINDS, FORM)


def score_upload(service: Service, request: Request) -> ASGIApp:
    """Return an ASGI application that scores the uploaded file, and sends it back with the answers added as columns.

    The application disconnects a client that stops reading.

    Raises:
        Refusal: status 404 for an unknown model, 408 for a slow upload, 413 for a large one, 422 for a file or a query
            that is not valid, 429 if too many files are being scored, or 507 if the disk is full.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(service.limits.send_seconds):
                await send(message)

        try:
            with service.admission.hold("files", 1), tempfile.TemporaryDirectory(prefix="sentiment-upload-") as folder:
                response = await _scored(service, request, Path(folder))
                await response(scope, receive, send_in_time)
        except TimeoutError:
            raise ClientDisconnect from None
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise Refusal(507, "the service has no room for this file on its disk") from None
            raise

    return answer


async def _scored(service: Service, request: Request, folder: Path) -> FileResponse:
    """Store the uploaded file and the scored file in ``folder``, and return the response with the latter."""
    try:
        export, reading, threshold = _asked(service, request)
        source = await _stored(limited(request, service.limits, service.limits.file_bytes), reading.kind, folder)
        target = source.with_stem("scored")
        scored = await asyncio.to_thread(_score, export, reading, threshold, source, target)
    except InputError as error:
        raise Refusal(422, str(error).replace(f"{folder}/", "")) from None
    labels = json.dumps({label or "missing": count for label, count in scored.labels.most_common()})
    return FileResponse(target, headers={LABELS: labels}, media_type=_TYPES[target.suffix[1:]])


def _asked(service: Service, request: Request) -> "tuple[Export, Reading, float]":
    """Return the model, the settings for reading the uploaded file, and the threshold for labels, from a request.

    If the body is a form, the settings do not name the file's format: the file's name in the form shows it.
    """
    query, content_type = request.query_params, EmailMessage()  # parses the header like that of an e-mail
    content_type["content-type"] = request.headers.get("content-type", "")
    if unknown := [name for name in query if name not in QUERY]:
        raise Refusal(422, f"query: expected {', '.join(QUERY)}; received {', '.join(unknown)[:80]}")
    try:
        threshold = float(query.get("threshold", "0"))
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise Refusal(422, "threshold: expected a number from 0 to 1")
    export, kind = service.store.get(query.get("model")), KINDS.get(content_type.get_content_type(), "")
    given = Namespace(**{name: query.get(name) for name in ("column", "delimiter", "quotes")})
    given.encoding = query.get("encoding") or content_type.get_content_charset()
    return export, reading_of(given, kind, option="?"), threshold


async def _stored(request: Request, kind: str, folder: Path) -> Path:
    """Store the uploaded file in ``folder`` and return its path, which never contains the client's file name.

    ``kind`` is the file's extension, or empty for a form: the name in the form or inside a zip then shows the kind.
    """
    if kind:
        path = folder / f"file.{kind}"
        with path.open("wb") as file:
            async for piece in request.stream():
                file.write(piece)
        return path
    async with request.form(max_files=1) as form:
        upload = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        if upload is None:
            raise Refusal(422, "the form contains no file; send one, for instance with curl -F file=@tweets.csv")
        name = (upload.filename or "").lower()
        otherwise = "zip" if name.endswith(".zip") else "csv"
        kind = input_kind_of(name) or KINDS.get(upload.content_type or "", otherwise)
        path = folder / f"file.{kind}"
        with path.open("wb") as file:
            await asyncio.to_thread(shutil.copyfileobj, upload.file, file)
    if kind != "zip":
        return path
    from sentiment.data.table_files import kind_inside

    return path.rename(path.with_suffix(f".{await asyncio.to_thread(kind_inside, path) or 'csv'}"))


def _score(export: Export, reading: "Reading", threshold: float, source: Path, target: Path) -> "Scored":
    from sentiment.predict.score_file import score_file

    reading = replace(reading, kind=source.suffix[1:])
    return score_file(export.classifier, source, target, reading, AnswerOptions(threshold), progress=False)
