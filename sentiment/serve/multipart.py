"""A file that comes in a form (``multipart/form-data``, as browsers and ``curl -F`` send it), without keeping it."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from sentiment.serve.refusals import Refusal
from sentiment.serve.rows import CSV, LINES, TYPES

_LONGEST_BOUNDARY = 70  # RFC 2046


class _Form:
    """Picks the first part that has a file name; other parts are read past."""

    def __init__(self, boundary: bytes) -> None:
        self.parts: deque[bytes] = deque()
        self.kind = ""
        self.files = 0
        self._name, self._value, self._taking = b"", b"", False
        self._headers: dict[bytes, bytes] = {}
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
        }
        self._parser = MultipartParser(boundary, callbacks)

    def feed(self, piece: bytes) -> None:
        """Read on.

        Raises:
            Refusal: 400, it is not a form.
        """
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise Refusal(400, "the body is not the form that its Content-Type says") from None

    def _begin(self) -> None:
        self._headers, self._name, self._value, self._taking = {}, b"", b"", False

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" in options:
            self.files += 1
            self._taking = self.files == 1
            if self._taking:
                given, _ = parse_options_header(self._headers.get(b"content-type", b""))
                lines = options[b"filename"].lower().endswith((b".jsonl", b".ndjson"))
                self.kind = LINES if lines else TYPES.get(given.decode("latin-1").lower(), CSV)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._taking:
            self.parts.append(data[start:end])


def file_of_form(content_type: str, pieces: Iterator[bytes]) -> tuple[Iterator[bytes], str]:
    """The pieces of the file in a form, and its kind.

    Raises:
        Refusal: 400, it is not a form; 422, it holds no file.
    """
    _, options = parse_options_header(content_type)
    if not 1 <= len(options.get(b"boundary", b"")) <= _LONGEST_BOUNDARY:
        raise Refusal(400, f"Content-Type: expected a boundary of 1 to {_LONGEST_BOUNDARY} characters")
    form = _Form(options[b"boundary"])
    for piece in pieces:
        form.feed(piece)
        if form.kind:
            return _rest(form, pieces), form.kind
    raise Refusal(422, "the form holds no file; send one, for instance with curl -F file=@tweets.csv")


def _rest(form: _Form, pieces: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        while form.parts:
            yield form.parts.popleft()
        piece = next(pieces, None)
        if piece is None:
            return
        form.feed(piece)
