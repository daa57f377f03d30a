"""The page ``/label``, which shows the tweets of a drawn sample one at a time and saves each label immediately."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sentiment.errors import InputError
from sentiment.serve.bodies import GivenLabel, json_response, read_json
from sentiment.serve.limits import Refusal
from sentiment.serve.pages import STATIC
from sentiment.serve.service import Service
from sentiment.shares.sample import LABEL, ROW, LabelTable, label_names, read_table

_DECODER = msgspec.json.Decoder(GivenLabel)


def routes(service: Service, path: Path, also: Sequence[str]) -> list[Route]:
    """Return the routes to label the tweets of a file from `sentiment draw`.

    Args:
        service: the service. The classes of its first model can be given as labels.
        path: the file. It is read again for each request, so that changes by other programs are kept.
        also: labels to offer besides the classes.
    """

    async def page(request: Request) -> Response:
        """Return the page to label tweets."""
        return FileResponse(STATIC / "label.html")

    async def labels(request: Request) -> Response:
        """Return the tweets with their labels; PUT first sets the label of one tweet."""
        classes = service.store.get(None).classes
        names = label_names(classes, also)
        if request.method == "PUT":  # not POST, which browsers would let a page of another site send
            _give(path, names, await read_json(request, _DECODER, service.admission, 422))
        table = _table(path)
        spelt = {name.casefold(): name for name in names}
        given = [line[LABEL].strip() for line in table.lines]
        rows = [
            {"row": line[ROW], "text": line[table.text], "label": spelt.get(label.casefold(), label)}
            for line, label in zip(table.lines, given, strict=True)
        ]
        return json_response({"file": str(path), "classes": classes, "others": names[len(classes) :], "rows": rows})

    return [Route("/label", page), Route("/labels", labels, methods=["GET", "PUT"])]


def _give(path: Path, names: Sequence[str], given: GivenLabel) -> None:
    if given.label and given.label not in names:
        raise Refusal(422, f"label: expected {', '.join(names)} or nothing, received {given.label!r:.40}")
    try:
        is_there = _table(path).give(given.row, given.label)
    except OSError as error:
        raise Refusal(409, f"{path}: not saved ({error.strerror}); mend that, and choose the label again") from None
    if not is_there:
        raise Refusal(422, f"row: {path} has no row {given.row}; reload the page")


def _table(path: Path) -> LabelTable:
    try:
        return read_table(path)
    except InputError as error:
        raise Refusal(409, str(error)) from None
