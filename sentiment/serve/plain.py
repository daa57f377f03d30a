"""The plain interface for people and scripts: ``POST /predict`` with texts, or with a file to score."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

from sentiment.predict.answers import Answers, label_of
from sentiment.predict.explanation import explain
from sentiment.serve.bodies import check_keys, check_texts, check_threshold, kind, read_json
from sentiment.serve.direct import Direct, respond_with
from sentiment.serve.files import is_file, score_request
from sentiment.serve.json_answers import as_json
from sentiment.serve.limits import Limits
from sentiment.serve.refusals import Refusal
from sentiment.serve.service import Service
from sentiment.serve.store import Export

_ADDRESS = "/predict"
_KEYS = ("texts", "threshold", "explain", "model")
_EXPLAIN_COSTS = 20  # times a plain answer, as it answers once a token


class Asked(NamedTuple):
    """A request: checked ``texts``, ``threshold`` from 0 to 1, whether to ``explain``, and the ``model``'s name."""

    texts: list[str]
    threshold: float
    explain: bool
    model: str | None


def routes(service: Service) -> list[Route]:
    """The interface over ``service``."""
    (direct,) = directly(service).values()

    async def predict(request: Request) -> Response:
        return await (score_request(service, request) if is_file(request) else respond_with(direct.answer, request))

    return [Route(_ADDRESS, predict, methods=["POST"])]


def directly(service: Service) -> dict[str, Direct]:
    """The address of all that is not a file."""

    async def predict(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        asked = parse(await read_json(headers, receive, service.admission), service.limits)
        export = service.store.get(asked.model)
        answers = await service.answer(export, asked.texts)
        tokens = await _explanations(service, export, asked.texts) if asked.explain else None
        return as_json(respond(asked, export, answers, tokens))

    return {_ADDRESS: Direct(_ADDRESS, predict)}


def parse(data: dict[str, Any], limits: Limits) -> Asked:
    """What is asked for.

    Raises:
        Refusal: 422, a key is unknown, missing or of the wrong type or size.
    """
    check_keys(data, _KEYS, 422)
    if "texts" not in data:
        raise Refusal(422, 'expected {"texts": ["a tweet", ...]}, received no texts')
    texts = check_texts(data["texts"], "texts", limits, 422)
    explained, name = data.get("explain", False), data.get("model")
    if not isinstance(explained, bool):
        raise Refusal(422, f"explain: expected true or false, received {kind(explained)}")
    if name is not None and not isinstance(name, str):
        raise Refusal(422, f"model: expected a name, received {kind(name)}")
    if explained and len(texts) > limits.explained:
        raise Refusal(422, f"texts: expected at most {limits.explained} with explain, received {len(texts)}")
    return Asked(texts, check_threshold(data.get("threshold", 0.0)), explained, name)


async def _explanations(service: Service, export: Export, texts: list[str]) -> list[list[dict[str, Any]]]:
    with service.admission.hold_texts(len(texts) * _EXPLAIN_COSTS):
        return await asyncio.to_thread(lambda: [_tokens(export, text) for text in texts])


def _tokens(export: Export, text: str) -> list[dict[str, Any]]:
    return [asdict(view) for view in explain(export.classifier, text).tokens]


def respond(
    asked: Asked, export: Export, answers: Answers, tokens: list[list[dict[str, Any]]] | None
) -> dict[str, Any]:
    """One answer a text."""
    classes, threshold = export.classes, asked.threshold
    each: list[dict[str, Any]] = [
        {
            "label": label_of(classes, row, known, threshold),
            "probability": max(row),
            "probabilities": dict(zip(classes, row, strict=True)),
            "known": known,
        }
        for row, known in zip(answers.probabilities.tolist(), answers.known.tolist(), strict=True)
    ]
    if tokens is not None:
        each = [answer | {"tokens": seen} for answer, seen in zip(each, tokens, strict=True)]
    return {"model": export.name, "export": export.fingerprint, "answers": each}
