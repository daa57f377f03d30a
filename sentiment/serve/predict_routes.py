"""The plain protocol, for people and scripts: ``POST /predict`` with texts, or with a file to score."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sentiment.predict.answers import Answers, label_of
from sentiment.predict.explanation import explain
from sentiment.serve.errors import json_response
from sentiment.serve.limits import Refusal
from sentiment.serve.model_store import Export
from sentiment.serve.request_body import check_texts, read_json
from sentiment.serve.service import Service
from sentiment.serve.upload import is_file, score_upload

_EXPLANATION_COST = 20  # an explanation counts as 20 texts, because it runs the model once per token


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST /predict``."""

    texts: list[str]
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    explain: bool = False
    model: str | None = None


_DECODER = msgspec.json.Decoder(PredictRequest)


def routes(service: Service) -> list[Route]:
    """Return the routes of the plain protocol."""

    async def predict(request: Request) -> Response:
        """Return label, probability and share of known words for texts, or for the tweets in a file."""
        if is_file(request):
            return await score_upload(service, request)
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


async def _explanations(service: Service, export: Export, texts: list[str]) -> list[list[dict[str, Any]]]:
    with service.admission.hold_texts(len(texts) * _EXPLANATION_COST):
        return await asyncio.to_thread(lambda: [_tokens(export, text) for text in texts])


def _tokens(export: Export, text: str) -> list[dict[str, Any]]:
    return [asdict(view) for view in explain(export.classifier, text).tokens]


def respond(
    asked: PredictRequest, export: Export, answers: Answers, tokens: list[list[dict[str, Any]]] | None
) -> dict[str, Any]:
    """Return the response body, with one answer per text. ``tokens`` are the explanations, or None."""
    classes, threshold = export.classes, float(np.float32(asked.threshold))
    each: list[dict[str, Any]] = [
        {
            "label": label_of(classes, row, known, threshold),
            "probability": max(row),
            "probabilities": dict(zip(classes, row, strict=True)),
            "known": known,
            **({"cut": True} if cut else {}),
        }
        for row, known, cut in zip(*(values.tolist() for values in answers), strict=True)
    ]
    if tokens is not None:
        each = [answer | {"tokens": seen} for answer, seen in zip(each, tokens, strict=True)]
    return {"model": export.name, "export": export.fingerprint, "answers": each}
