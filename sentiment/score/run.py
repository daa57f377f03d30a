"""A run of `sentiment score`: divide the inputs into parts, score those that are not done yet, and report."""

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

import sentiment
from sentiment.common.engines import Engine
from sentiment.common.messages import counted, shown
from sentiment.common.stores import FileStore, may_list, open_store
from sentiment.data.reading import Reading
from sentiment.errors import InputError
from sentiment.predict.answers import UNKNOWN_TEXT, AnswerOptions
from sentiment.predict.model_files import model_checksum
from sentiment.score import records
from sentiment.score.parts import ROWS_PER_PART, Part, find_inputs, plan, tasks
from sentiment.score.records import STAGING, Failure, Record
from sentiment.score.worker import ScoreJob, score_task


@dataclass(frozen=True, slots=True)
class Request:
    """The inputs, output and options of a run.

    Attributes:
        inputs: paths of files, folders and patterns, local or in an object store.
        output: path of the output folder, local or in an object store.
        model: path of the model folder.
        reading, options: how tables are read, and how probabilities become labels and columns.
        suffix: format of the answers: ``parquet``, ``csv`` or ``jsonl``; empty for the format of each input.
        force: accept an output folder with other files, or with a run of other settings, whose files are removed.
    """

    inputs: tuple[str, ...]
    output: str
    model: Path
    reading: Reading = field(default_factory=Reading)
    options: AnswerOptions = field(default_factory=AnswerOptions)
    suffix: str = ""
    force: bool = False


def score(request: Request, engine: Engine, show_progress: bool = False) -> dict[str, Any]:
    """Score all inputs, write answers and a summary into the output folder, and return the summary.

    ``engine`` (the worker processes) must be inside its ``with`` block. The progress bar is shown only on a terminal.

    Raises:
        SentimentError: an input, the model or the output folder is not usable.
        OSError: the machine has a problem, for instance a full disk.
    """
    begun = time.monotonic()
    output = open_store(request.output)
    system, files = find_inputs(request.inputs)
    checksum = model_checksum(request.model)
    require_outside(output, request.inputs)
    with locked(output), _staging(output) as attempt:
        records.begin(output, _description(request, checksum), request.force)
        parts = plan(system, files, request.suffix)
        model = str(request.model.resolve())
        job = ScoreJob(model, checksum, system, output, attempt, request.reading, request.options)
        done = records.keep_valid(output, parts, checksum, system)
        results = done | _score_parts(job, parts, done, engine, show_progress)
        errors = list(_error_lines(parts, results))
        summary = {
            **_counts(parts, results, request.options.force, len(done), time.monotonic() - begun),
            "model": checksum,
            "first_error": _told(errors[0]) if errors else None,
        }
        records.write_report(output, summary, errors)
    return summary


def failures_of(summary: Mapping[str, Any]) -> str:
    """Return a sentence about the files and rows that could not be scored; empty if there are none."""
    files, rows = summary["failed_files"], summary["failed_rows"]
    if not files and not rows:
        return ""
    first = shown(summary["first_error"], 500)
    return f"{counted(files, 'file')} and {counted(rows, 'row')} could not be scored; the first: {first}"


def succeed(output: str) -> None:
    """Write the file ``_SUCCESS``, which tells other programs that the folder is complete."""
    open_store(output).write(records.SUCCESS, b"")


def _description(request: Request, checksum: str) -> dict[str, Any]:
    """Return all settings that the answers depend on. A run is resumed only if they are the same."""
    places = [place if "://" in place else os.path.abspath(place) for place in request.inputs]
    return {
        "format": records.FORMAT, "version": sentiment.__version__, "model": checksum, "inputs": places,
        **asdict(request.reading), **asdict(request.options), "suffix": request.suffix, "rows_per_part": ROWS_PER_PART,
    }  # fmt: skip


def require_outside(other: FileStore, places: Sequence[str]) -> None:
    """Raise an `InputError` if ``other``, a file or folder, could be among the inputs at ``places``."""
    for place in places:
        if may_list(place, other):
            raise InputError(
                f"{other.root}: is inside the input {place}, so it would be read as tweets; give a place elsewhere"
            )


@contextlib.contextmanager
def locked(output: FileStore) -> Iterator[None]:
    """Lock a local output folder against other runs within the ``with`` block. An object store is not locked."""
    if not output.is_local:
        yield
        return
    os.makedirs(output.root, exist_ok=True)
    folder = os.open(output.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(f"--output {output.root}: another run is at work there; wait for its end") from error
    finally:
        os.close(folder)


@contextlib.contextmanager
def _staging(output: FileStore) -> Iterator[str]:
    """Yield a random name for this attempt at the run. A local output gets a folder of this name for unfinished files.

    The folders of earlier attempts are removed first. If a process of an earlier attempt is still alive, it then
    cannot replace answers of this attempt with its own.
    """
    attempt = secrets.token_hex(4)
    if not output.is_local:
        yield attempt
        return
    folder = Path(output.path(STAGING))
    shutil.rmtree(folder, ignore_errors=True)
    (folder / attempt).mkdir(parents=True)
    try:
        yield attempt
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _score_parts(
    job: ScoreJob, parts: Sequence[Part], done: Mapping[str, Record], engine: Engine, show_progress: bool
) -> dict[str, Record | Failure]:
    """Score the parts that have no record in ``done``, and return their results by the path of their answers."""
    left = {part.output: part for part in parts if part.output not in done}
    rows_before, begun = sum(record.rows for record in done.values()), time.monotonic()
    results: dict[str, Record | Failure] = {}
    rows = failed = 0
    size, alone = sum(part.size for part in left.values()), len(left) == 1
    job = replace(job, progress=show_progress and alone)  # for a single part, a bar of parts would not move
    hidden = None if show_progress and not alone else True
    with tqdm(total=size, unit="B", unit_scale=True, unit_divisor=1024, disable=hidden) as bar:
        for result in _results(job, list(tasks(left.values())), engine):
            results[result.output] = result
            rows += result.rows if isinstance(result, Record) else 0
            failed += isinstance(result, Failure)
            speed = f"{counted(rows_before + rows, 'tweet')}, {rows / max(1e-9, time.monotonic() - begun):.0f}/s"
            progress = f"{speed}, parts {len(done) + len(results)}/{len(parts)}, {failed} failed"
            bar.set_postfix_str(progress, refresh=False)
            bar.update(left[result.output].size)
    return results


def _results(job: ScoreJob, lots: Sequence[Sequence[Part]], engine: Engine) -> Iterator[Record | Failure]:
    """Score ``lots`` (lists of parts), and yield one result per part. If a process dies, its parts are tried singly."""
    again: list[Sequence[Part]] = []
    for outcome in engine.map(partial(score_task, job), lots):
        parts = lots[outcome.task]
        if not outcome.lost:
            yield from outcome.result
        elif len(parts) > 1:
            again += [[part] for part in parts]
        else:
            yield Failure(parts[0].output, parts[0].file.path, outcome.lost)
    if again:
        yield from _results(job, again, engine)


def _error_lines(parts: Sequence[Part], results: Mapping[str, Record | Failure]) -> Iterator[dict[str, Any]]:
    for part in parts:
        where, result = {"file": part.file.path, "part": part.output}, results[part.output]
        if isinstance(result, Failure):
            yield where | {"row": None, "reason": result.reason}
        else:
            yield from (where | error for error in result.errors)


def _told(error: Mapping[str, Any]) -> str:
    row = f", row {error['row']}" if error["row"] else ""
    return f"{error['file']}{row}: {error['reason']}"


def _counts(
    parts: Sequence[Part], results: Mapping[str, Record | Failure], force: bool, skipped: int, seconds: float
) -> dict[str, Any]:
    """Return the numbers for ``summary.json``. With ``force``, no tweet is ``unknown``, so their share is None."""
    done = [result for result in results.values() if isinstance(result, Record)]
    rows, labels = sum(record.rows for record in done), Counter[str]()
    for record in done:
        labels.update(record.labels)
    return {
        "rows": rows,
        "labels": dict(sorted(labels.items())),
        "unknown_share": None if force else labels[UNKNOWN_TEXT] / max(1, rows),
        "files": len({part.file.path for part in parts}),
        "parts": len(parts),
        "parts_done_before": skipped,
        "failed_files": len({result.file for result in results.values() if isinstance(result, Failure)}),
        "failed_rows": sum(len(record.errors) for record in done),
        "seconds": round(seconds, 3),
        "tweets_per_second": round(rows / seconds) if not skipped else None,
    }
