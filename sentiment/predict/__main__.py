"""Command line: label tweets, and write one line per tweet: label, probability, text.

The label is "unknown" if the model knows no word of the tweet, and "uncertain" if the probability is below --threshold.

python -m sentiment.predict "I love this" "not my day"
tail -f tweets.txt | python -m sentiment.predict -
python -m sentiment.predict --input tweets.csv --column text --output scored.parquet
zcat tweets.csv.gz | python -m sentiment.predict --input - --output - > scored.csv
"""

import argparse
import codecs
import gc
import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from sentiment.common.command_line import OneLineParser, count, stream_or_path
from sentiment.common.messages import is_closed, run_command, without_controls
from sentiment.data.table_names import KINDS, STANDARD
from sentiment.errors import InputError
from sentiment.predict.answers import labels_of
from sentiment.predict.options import add_answer_options, add_table_options, answer_options_of, encoding_of, reading_of

if TYPE_CHECKING:
    from sentiment.data.reading import Reading
    from sentiment.predict.classifier import SentimentClassifier

_READ_SIZE = 1 << 20
# Options that have no use with explanations, without --input and without --output.
_OF_LABELS = ("--json", "--threshold", "--answer-unknown", "--output")
_OF_INPUT = ("--column", "--format", "--delimiter", "--quotes", "--max-bad-rows")
_OF_OUTPUT = ("--force", "--prefix")
_NOT_OF_EXPLAIN = {"--explain", *_OF_LABELS, *_OF_OUTPUT}


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.predict") -> int:
    """Run the command, and return its exit status: 0, 2 after a user's mistake, or 130 after an interrupt."""
    arguments = _parser(prog).parse_args(argv)
    name, memory = prog.rpartition(" ")[2].rpartition(".")[2], " for the model or for one batch of tweets"
    return run_command(lambda: _run(arguments, prog), name, memory, "input or output")


def _parser(prog: str) -> OneLineParser:
    description = (__doc__ or "").replace("python -m sentiment.predict", prog)
    explains = prog.endswith(" explain")
    if explains:
        description = f'Show what each token of a tweet contributed to its label.\n\n{prog} "I don\'t like the phone"'
    parser = OneLineParser(prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    files = parser.add_argument_group("files")

    def add(*names: str, to: Any = parser, **options: Any) -> None:
        """Add an option to the parser ``to``. The help of `explain` leaves out options that have no use there."""
        if explains and not _NOT_OF_EXPLAIN.isdisjoint(names):
            options["help"] = argparse.SUPPRESS
        to.add_argument(*names, **options)

    add("texts", nargs="*", metavar="tweet", help="tweets; - reads lines from standard input")
    parser.add_model()
    add("--json", action="store_true", help="one JSON object per tweet")
    add("--explain", action="store_true", help="show what each token contributed")
    add_answer_options(add)
    add_file = partial(add, to=files)
    read = "a .csv, .tsv, .jsonl, .json, .parquet or archive of posts, packed or not; - is standard input"
    add_file("--input", type=stream_or_path, metavar="FILE", help=read)
    written = "where to write the table with columns added; - is standard output"
    add_file("--output", type=stream_or_path, metavar="FILE", help=written)
    add_file("--force", action="store_true", help="replace an existing output")
    add_file("--format", choices=KINDS, help="of --input, if its name does not tell")
    bad = "damaged rows that may be left out (default: 0)"
    add_file("--max-bad-rows", type=count, default=0, metavar="N", help=bad)
    add_table_options(add_file)
    return parser


def _refuse_unused(arguments: argparse.Namespace) -> None:
    """Raise an `InputError` for an option without effect, or if standard input or output is needed but closed."""
    cases: list[tuple[str, object, Sequence[str]]] = [
        ("with explanations, which say what the model would answer", arguments.explain, _OF_LABELS),
        ("with --output, which writes a table (.jsonl is JSON)", arguments.output, ["--json"]),
        ("without --input FILE", not arguments.input, _OF_INPUT),
        ("without --output FILE", not arguments.output, _OF_OUTPUT),
        ("with tweets as arguments", arguments.texts not in ([], ["-"]), ["--encoding"]),
    ]
    for where, applies, options in cases:
        unused = [option for option in options if getattr(arguments, option[2:].replace("-", "_"))]
        if applies and unused:
            raise InputError(f"{', '.join(unused)}: has no use {where}; leave it out")
    if is_closed(sys.stdin) and (arguments.input == STANDARD or arguments.texts == ["-"]):
        raise InputError("standard input is closed; give it tweets, or --input FILE")
    if is_closed(sys.stdout) and arguments.output in (None, STANDARD):
        raise InputError("standard output is closed; give it a place, or --output FILE")


def _refuse_other(arguments: argparse.Namespace) -> None:
    """Raise an `InputError` if one of the tweets is the path of a file, or the first of several is `explain`."""
    if arguments.texts[1:] and arguments.texts[0] == "explain" and not arguments.explain:
        raise InputError("explain: expected a tweet, received a command; write --explain instead")
    for text in arguments.texts:
        if text.strip("./") and (os.path.splitext(text)[1] or os.sep in text) and os.path.exists(text):
            remedy = "--input FILE reads a table, - < FILE one tweet per line, and `sentiment score` a folder"
            raise InputError(f"{text}: expected a tweet, received a path; {remedy}")


def _run(arguments: argparse.Namespace, prog: str) -> int:
    _refuse_unused(arguments)
    _refuse_other(arguments)
    sources = bool(arguments.input) + bool(arguments.texts)
    piped = arguments.texts == ["-"] or (not sources and not is_closed(sys.stdin) and not sys.stdin.isatty())
    if sources > 1 or (arguments.output and not arguments.input):
        raise InputError("expected either tweets or --input FILE; --output goes with --input")
    if not sources and not piped:
        raise InputError(f'expected a tweet, for instance: {prog} "I love this"')
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    model = _read_model(arguments.model)
    reading = None
    if arguments.input:
        from sentiment.data.reading import BadRows

        reading = reading_of(arguments, arguments.format or "", BadRows(arguments.max_bad_rows))
    if reading and arguments.output:
        from sentiment.predict.score_file import score_file

        options = answer_options_of(arguments)
        scored = score_file(model, arguments.input, arguments.output, reading, options, overwrite=arguments.force)
        sys.stderr.write(f"predict: {scored.summary()}; written to {arguments.output}\n")
    else:
        for texts in _texts(arguments, piped, reading):
            lines = _explanations(model, texts) if arguments.explain else _lines(model, texts, arguments)
            sys.stdout.writelines(f"{line}\n" for line in lines)
            sys.stdout.flush()
    if reading and reading.bad_rows and (remark := reading.bad_rows.remark()):
        sys.stderr.write(f"predict: {remark}\n")
    return 0


def _read_model(place: str) -> "SentimentClassifier":
    """Read the model, and exempt it and all modules from garbage collection, which saves a tenth of the start."""
    gc.disable()
    try:
        from sentiment.predict.model_folder import read_classifier

        return read_classifier(place)
    finally:
        gc.freeze()
        gc.enable()


def _texts(arguments: argparse.Namespace, piped: bool, reading: "Reading | None") -> Iterator[Sequence[str | None]]:
    if reading:
        from sentiment.predict.score_file import read_texts

        yield from read_texts(arguments.input, reading)
    elif piped:
        yield from read_lines(sys.stdin.buffer, encoding_of(arguments))
    else:  # the shell may pass bytes that are not UTF-8, as surrogates; they become U+FFFD
        yield [os.fsencode(text).decode("utf-8", "replace") for text in arguments.texts]


def read_lines(stream: IO[bytes], encoding: str = "utf-8", block: int = _READ_SIZE) -> Iterator[list[str]]:
    """Yield lists of lines as they arrive: after each read of at most ``block`` bytes, all lines that are complete.

    Raises:
        InputError: the stream is not in ``encoding``; the message names the line.
    """
    decoder, rest, before, data = codecs.getincrementaldecoder(encoding)(), "", 0, b"-"
    while data:
        data = stream.read1(block)  # type: ignore[attr-defined]
        try:
            *lines, rest = (rest + decoder.decode(data, final=not data)).split("\n")
        except UnicodeDecodeError as error:
            start = error.object.rfind(b"\n", 0, error.start) + 1
            line = before + error.object.count(b"\n", 0, error.start) + 1
            raise InputError(
                f"standard input:{line}: expected {encoding} text, received {error.object[start : start + 20]!r}; "
                "set --encoding"
            ) from None
        before += len(lines)
        if not data and rest:
            lines.append(rest)
        if lines:
            yield [line.removesuffix("\r") for line in lines]


def _lines(model: "SentimentClassifier", texts: Sequence[str | None], arguments: argparse.Namespace) -> Iterator[str]:
    """Yield the answer to each text as a line. JSON has the field ``cut`` only if the model read just its start."""
    probabilities, known, cut = model.answer([text for text in texts if text is not None])
    labels = labels_of(model.classes_, probabilities, known, arguments.threshold, arguments.answer_unknown)
    rows = zip(labels.tolist(), probabilities.tolist(), known.tolist(), cut.tolist(), strict=True)
    missing = dict.fromkeys(("label", "probability", "known", "probabilities", "text"))
    classes = model.classes_.tolist()
    for text in texts:
        if text is None:
            yield json.dumps(missing) if arguments.json else "\t\t"
            continue
        label, row, share, is_cut = next(rows)
        if not arguments.json:
            yield f"{label}\t{max(row):.3f}\t{without_controls(text, ' ')}"
            continue
        answer = {"label": label, "probability": round(max(row), 6), "known": round(share, 4)}
        answer |= {"cut": True} if is_cut else {}
        by_class = dict(zip(classes, (round(p, 6) for p in row), strict=True))
        yield json.dumps(answer | {"probabilities": by_class, "text": text}, ensure_ascii=False)


def _explanations(model: "SentimentClassifier", texts: Sequence[str | None]) -> Iterator[str]:
    from sentiment.predict.explanation import render

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for text in texts:
        yield "missing" if text is None else render(model.explain(text), colour)


if __name__ == "__main__":
    sys.exit(main())
