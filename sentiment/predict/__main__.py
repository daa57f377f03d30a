"""Command line: tweets in, one line each out: label, probability, text.

The label is "unknown" where no token of a tweet is known, and "uncertain" below --threshold.

python -m sentiment.predict "I love this" "not my day"
tail -f tweets.txt | python -m sentiment.predict -
python -m sentiment.predict --input tweets.csv --column text --output scored.parquet
zcat tweets.csv.gz | python -m sentiment.predict --input - --output - > scored.csv
"""

import argparse
import codecs
import itertools
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sentiment.common.command_line import OneLineParser, count, probability
from sentiment.common.display import without_controls
from sentiment.common.mistakes import INTERRUPTED, MENDABLE, refuse
from sentiment.data.tables import KINDS, STANDARD
from sentiment.errors import InputError
from sentiment.predict.answers import UNCERTAIN, UNKNOWN_TEXT, labels_of

if TYPE_CHECKING:
    from sentiment.data.batches import Reading
    from sentiment.predict.classifier import SentimentClassifier

UTF_8 = "utf-8"
_READ_SIZE = 1 << 20
_OF_INPUT = ("--column", "--format", "--delimiter", "--max-bad-rows")  # and of nothing else
_OF_OUTPUT = ("--force", "--prefix")
_OF_LABELS = ("--json", "--threshold", "--answer-unknown")


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.predict") -> int:
    """Run the command; returns the exit status: 0, 2 for a user's mistake, 130 when interrupted."""
    if sys.stderr is None:  # closed by who started this
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    name = prog.rpartition(" ")[2].rpartition(".")[2]
    arguments = _parser(prog).parse_args(argv)
    try:
        _refuse_unused(arguments)
        return _run(arguments, prog)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: end quietly
        return 0
    except MENDABLE as error:
        return refuse(name, error, " for the model or for one batch of tweets", "input or output")
    except KeyboardInterrupt:
        kept = (
            f"; rows written so far are in {arguments.output}.part" if arguments.output not in (None, STANDARD) else ""
        )
        sys.stderr.write(f"{name}: stopped{kept}\n")
        return INTERRUPTED


def _description(prog: str) -> str:
    if prog.endswith(" explain"):
        return f'What each token of a tweet contributed to its label.\n\n{prog} "I don\'t like the new phone"'
    return __doc__.replace("python -m sentiment.predict", prog)


def _parser(prog: str) -> OneLineParser:
    parser = OneLineParser(
        prog=prog, description=_description(prog), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", nargs="*", metavar="tweet", help="tweets; - reads lines from standard input")
    parser.add_model()
    parser.add_argument("--json", action="store_true", help="one JSON object a tweet")
    parser.add_argument("--explain", action="store_true", help="show what each token contributed")
    parser.add_argument(
        "--threshold",
        "--abstain",
        type=probability,
        default=0.0,
        metavar="P",
        help=f"below this probability: {UNCERTAIN!r}",
    )
    parser.add_argument(
        "--answer-unknown", action="store_true", help=f"the forced answer of the model, instead of {UNKNOWN_TEXT!r}"
    )
    files = parser.add_argument_group("files")
    files.add_argument(
        "--input",
        metavar="FILE",
        help="a .csv, .tsv, .jsonl (.gz) or .parquet to score; - is standard input",
    )
    files.add_argument(
        "--column", help="column of the tweets: a name, or a position from 0 in a .csv without header (text)"
    )
    files.add_argument(
        "--output",
        metavar="FILE",
        help="where to write it, with columns added; - is standard output",
    )
    files.add_argument("--force", action="store_true", help="replace an existing output")
    files.add_argument("--prefix", metavar="P", help="of added columns (default: none; predicted_ if one is taken)")
    files.add_argument("--format", choices=KINDS, help="of --input, where its name does not say")
    files.add_argument("--delimiter", default="", help="of a .csv (default: found out)")
    files.add_argument(
        "--max-bad-rows", type=count, default=0, metavar="N",
        help="damaged rows of a .csv that may be left out (default: 0)",
    )  # fmt: skip
    files.add_argument("--encoding", help="of a .csv or of standard input (default: utf-8)")
    return parser


def _refuse_unused(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing, and what standard input or output that is closed would be needed for.

    Raises:
        InputError: there is one.
    """
    cases = [
        ("with explanations, which say what the model would answer", arguments.explain, _OF_LABELS),
        ("with --output, which writes a table (.jsonl is JSON)", arguments.output, ["--json"]),
        ("with --output, which writes labels", arguments.output, ["--explain"]),
        ("without --input FILE", not arguments.input, _OF_INPUT),
        ("without --output FILE", not arguments.output, _OF_OUTPUT),
        ("with tweets as arguments", arguments.texts not in ([], ["-"]), ["--encoding"]),
    ]
    for where, holds, options in cases:
        unused = [option for option in options if getattr(arguments, option[2:].replace("-", "_"))]
        if holds and unused:
            raise InputError(f"{', '.join(unused)}: has no use {where}; leave it out")
    _require_open(arguments)


def _require_open(arguments: argparse.Namespace) -> None:
    if sys.stdin is None and (arguments.input == STANDARD or arguments.texts == ["-"]):
        raise InputError("standard input is closed; give it tweets, or --input FILE")
    if sys.stdout is None and arguments.output in (None, STANDARD):
        raise InputError("standard output is closed; give it a place, or --output FILE")


def _run(arguments: argparse.Namespace, prog: str) -> int:
    sources = bool(arguments.input) + bool(arguments.texts)
    piped = arguments.texts == ["-"] or (not sources and sys.stdin is not None and not sys.stdin.isatty())
    if sources > 1 or (arguments.output and not arguments.input):
        raise InputError("expected either tweets or --input FILE; --output goes with --input")
    if not sources and not piped:
        raise InputError(f'expected a tweet, for instance: {prog} "I love this"')
    _use_utf8(sys.stdout)
    from sentiment.predict.digests import Digests

    digests = Digests(Path(arguments.model))  # before NumPy is imported, which takes as long
    from sentiment.predict.model_folder import read_classifier

    model = read_classifier(Path(arguments.model), digests)
    if arguments.input and arguments.output:
        return _score(model, arguments)
    printer = _Printer(
        model,
        sys.stdout,
        as_json=arguments.json,
        explained=arguments.explain,
        threshold=arguments.threshold,
        force=arguments.answer_unknown,
    )
    reading = _reading(arguments) if arguments.input else None
    for texts in _texts(arguments, piped, reading):
        printer.show(texts)
    _tell_of_bad_rows(reading)
    return 0


def _score(model: "SentimentClassifier", arguments: argparse.Namespace) -> int:
    from sentiment.predict.score_file import Answering, score_file

    answering, reading = Answering(arguments.threshold, arguments.answer_unknown, arguments.prefix), _reading(arguments)
    scored = score_file(model, arguments.input, arguments.output, reading, answering, overwrite=arguments.force)
    _tell_of_bad_rows(reading)
    sys.stderr.write(f"predict: {scored.summary()}; written to {arguments.output}\n")
    return 0


def _tell_of_bad_rows(reading: "Reading | None") -> None:
    if reading and reading.bad_rows and (remark := reading.bad_rows.remark()):
        sys.stderr.write(f"predict: {remark}\n")


def _reading(arguments: argparse.Namespace) -> "Reading":
    from sentiment.data.batches import BadRows, Reading

    delimiter = {"\\t": "\t", "tab": "\t"}.get(arguments.delimiter, arguments.delimiter)
    if len(delimiter.encode()) > 1:
        raise InputError(f"--delimiter {delimiter!r}: expected one ASCII character, or tab")
    bad_rows = BadRows(arguments.max_bad_rows) if arguments.max_bad_rows else None
    return Reading(arguments.column or "text", arguments.encoding or UTF_8, delimiter, arguments.format or "", bad_rows)


def _texts(arguments: argparse.Namespace, piped: bool, reading: "Reading | None") -> Iterator[Sequence[str | None]]:
    if reading:
        from sentiment.predict.score_file import read_texts

        yield from read_texts(arguments.input, reading)
    elif piped:
        yield from read_lines(sys.stdin.buffer, arguments.encoding or UTF_8)
    else:
        yield [_checked(text) for text in arguments.texts]


def _checked(text: str) -> str:
    """An argument that the shell passed as bytes outside UTF-8 holds surrogates; those bytes become U+FFFD."""
    return os.fsencode(text).decode("utf-8", "replace")


def read_lines(stream: IO[bytes], encoding: str = "utf-8", block: int = _READ_SIZE) -> Iterator[list[str]]:
    """Lines of ``stream`` as they arrive: all that are complete after each read, so that none waits for another.

    Args:
        stream: a file with a descriptor, such as a pipe.
        encoding: of the lines.
        block: bytes to read at once, at most.

    Raises:
        InputError: a line is not in ``encoding``, naming the line.
    """
    rest, number = b"", 0
    blocks = iter(lambda: os.read(stream.fileno(), block), b"")
    if not _has_plain_line_ends(encoding):
        blocks, encoding = _in_utf8(blocks, encoding), UTF_8
    for content in blocks:
        *lines, rest = (rest + content).split(b"\n") if b"\n" in content else (rest + content,)
        if lines:
            yield _decode(lines, encoding, number)
            number += len(lines)
    if rest:
        yield _decode([rest], encoding, number)


def _has_plain_line_ends(encoding: str) -> bool:
    """Whether a line feed is the byte that it is in ASCII, so that lines can be cut before they are decoded."""
    try:
        return "\n".encode(encoding) == b"\n"
    except LookupError as error:
        raise InputError(f"--encoding {encoding}: not a codec that Python knows") from error


def _in_utf8(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The same text; a character may be cut in two where a block ends."""
    decoder, lines = codecs.getincrementaldecoder(encoding)(), 0
    for content in itertools.chain(blocks, [b""]):
        try:
            text = decoder.decode(content, final=not content)
        except UnicodeError as error:
            raise InputError(
                f"standard input: expected {encoding} text, received other bytes after line {lines} ({error}); "
                "set --encoding"
            ) from None
        lines += text.count("\n")
        yield text.encode(errors="replace")


def _decode(lines: list[bytes], encoding: str, before: int) -> list[str]:
    try:
        return [line.removesuffix(b"\r").decode(encoding) for line in lines]
    except LookupError as error:
        raise InputError(f"--encoding {encoding}: not a codec that Python knows") from error
    except UnicodeDecodeError:
        number, line = next((n, line) for n, line in enumerate(lines, before + 1) if not _decodes(line, encoding))
        raise InputError(
            f"standard input:{number}: expected {encoding} text, received {line[:20]!r}; set --encoding"
        ) from None


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class _Printer:
    """Writes one line (or explanation) a tweet to ``stream``, at once; ``threshold``, ``force``: see ``labels_of``."""

    model: "SentimentClassifier"
    stream: IO[str]
    as_json: bool
    explained: bool
    threshold: float
    force: bool

    def show(self, texts: Sequence[str | None]) -> None:
        if self.explained:
            self._explain(texts)
        else:
            self._answer(texts)
        self.stream.flush()

    def _answer(self, texts: Sequence[str | None]) -> None:
        """A line for each text; empty cells for one that is missing."""
        probabilities, known = self.model.answer([text for text in texts if text is not None])
        labels = labels_of(self.model.classes_, probabilities, known, self.threshold, self.force)
        rows = zip(labels.tolist(), probabilities.tolist(), known.tolist(), strict=True)
        line = self._json if self.as_json else self._line
        lines = (line(text, *next(rows)) if text is not None else self._missing() for text in texts)
        self.stream.write("".join(f"{each}\n" for each in lines))

    def _line(self, text: str, label: str, probabilities: list[float], known: float) -> str:
        return f"{label}\t{max(probabilities):.3f}\t{without_controls(text, ' ')}"

    def _json(self, text: str, label: str, probabilities: list[float], known: float) -> str:
        by_class = dict(zip(self.model.classes_.tolist(), (round(p, 6) for p in probabilities), strict=True))
        row: dict[str, Any] = {"label": label, "probability": round(max(probabilities), 6), "known": round(known, 4)}
        return json.dumps(row | {"probabilities": by_class, "text": text}, ensure_ascii=False)

    def _missing(self) -> str:
        row = dict.fromkeys(("label", "probability", "known", "probabilities", "text"))
        return json.dumps(row) if self.as_json else "\t\t"

    def _explain(self, texts: Sequence[str | None]) -> None:
        from sentiment.predict.explanation import explain, render

        colour = self.stream.isatty() and "NO_COLOR" not in os.environ
        for text in texts:
            self.stream.write(f"{render(explain(self.model, text), colour) if text is not None else 'missing'}\n")


def _use_utf8(stream: Any) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    sys.exit(main())
