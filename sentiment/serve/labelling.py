"""The label view at ``/label``: the tweets of a draw, one at a time; each label is saved in its file at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sentiment.errors import InputError
from sentiment.serve.errors import json_response
from sentiment.serve.limits import Refusal
from sentiment.serve.pages import STATIC
from sentiment.serve.request_body import read_json
from sentiment.serve.service import Service
from sentiment.shares.labels_file import LABEL, ROW, LabelTable, read_table


class Classes(NamedTuple):
    """What a tweet may be labelled as: the classes of the model, and others."""

    model: list[str]
    others: list[str]


class GivenLabel(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``PUT /labels``: a label for the tweet of this row; an empty label takes it back."""

    row: str
    label: str


_DECODER = msgspec.json.Decoder(GivenLabel)


def routes(service: Service, path: Path, also: Sequence[str]) -> list[Route]:
    """Return the routes over the file ``path`` of `sentiment draw`.

    Args:
        service: its first model has the classes.
        path: the file is read anew for each request, so that a change by another program is kept.
        also: labels beside the classes.
    """

    def classes() -> Classes:
        told = service.store.get(None).classes
        return Classes(list(told), [name for name in also if name not in told])

    async def page(request: Request) -> Response:
        """Return the page to label tweets."""
        return FileResponse(STATIC / "label.html")

    async def labels(request: Request) -> Response:
        """Return the tweets with their labels, after a PUT has given a label."""
        if request.method == "PUT":  # A page of another site cannot send this, as it could a POST.
            _give(path, classes(), await read_json(request, _DECODER, service.admission, 422))
        return json_response(_view(_table(path), classes()))

    return [Route("/label", page), Route("/labels", labels, methods=["GET", "PUT"])]


def _give(path: Path, classes: Classes, given: GivenLabel) -> None:
    names = [*classes.model, *classes.others]
    if given.label and given.label not in names:
        raise Refusal(422, f"label: expected {', '.join(names)} or nothing, received {given.label!r:.40}")
    table = _table(path)
    if not table.give(given.row, given.label):
        raise Refusal(422, f"row: {path} has no row {given.row}; reload the page")
    table.write()


def _view(table: LabelTable, classes: Classes) -> dict[str, object]:
    rows = [{"row": line[ROW], "text": line[table.text], "label": line[LABEL].strip()} for line in table.lines]
    return {"file": str(table.path), "classes": classes.model, "others": classes.others, "rows": rows}


def _table(path: Path) -> LabelTable:
    try:
        return read_table(path)
    except InputError as error:
        raise Refusal(409, str(error)) from None
