"""A run from beginning to end: plan, leave out what is done, score the rest, and say what came of it."""

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import sentiment
from sentiment.common.engines import Engine
from sentiment.common.stores import Store, open_store
from sentiment.data.batches import Reading
from sentiment.errors import InputError
from sentiment.predict.answers import UNKNOWN_TEXT
from sentiment.predict.score_file import Answering
from sentiment.score import records
from sentiment.score.parts import BYTES_PER_PART, ROWS_PER_PART, Part, tasks
from sentiment.score.planning import find_inputs, plan
from sentiment.score.records import STAGING, Failure, Record
from sentiment.score.worker import Job, model_checksum, score_task


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        inputs: files, folders and patterns, here or in an object store.
        output: folder, here or in an object store.
        model: folder.
        reading, answering: as the file scorer takes them.
        suffix: of the answers: ``parquet``, ``csv`` or ``jsonl``; empty for each input's own.
        force: begin anew in a folder that holds something else.
    """

    inputs: tuple[str, ...]
    output: str
    model: Path
    reading: Reading = field(default_factory=Reading)
    answering: Answering = field(default_factory=Answering)
    suffix: str = ""
    force: bool = False


@dataclass(slots=True)
class Totals:
    """What a run has come to so far; ``skipped`` parts were done by an earlier one."""

    parts: int = 0
    skipped: int = 0
    done: dict[str, Record] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    rows: int = 0

    def add(self, result: Record | Failure) -> None:
        """Take in what became of a part."""
        if isinstance(result, Record):
            self.done[result.output] = result
            self.rows += result.rows
        else:
            self.failed[result.output] = result


Progress = Callable[[Totals, int], None]


def score(request: Request, engine: Engine, progress: Progress = lambda totals, size: None) -> dict[str, Any]:
    """Score all inputs; returns the summary, which is written to the output folder too.

    Args:
        request: what to do.
        engine: entered already.
        progress: called with the totals and the bytes of input just done with; first with all bytes, negative.

    Raises:
        SentimentError: an input, the model or the output folder is not what it should be.
        OSError: the disk is full, and the like.
    """
    begun = time.monotonic()
    output = open_store(request.output)
    inputs = find_inputs(request.inputs)
    checksum = model_checksum(request.model)
    _require_outside(output, request.inputs)
    with held(output), _staging(output) as attempt:
        records.begin(output, _description(request, checksum), request.force)
        parts = plan(inputs, request.suffix, request.reading, engine)
        job = Job(
            str(request.model.resolve()), checksum, inputs.system, output, attempt, request.reading, request.answering
        )
        totals = Totals(len(parts))
        for record in records.settle(output, parts, checksum, inputs.system).values():
            totals.add(record)
        totals.skipped = len(totals.done)
        _score_parts(job, [part for part in parts if part.output not in totals.done], engine, totals, progress)
        errors = list(_error_lines(parts, totals))
        records.write_errors(output, errors)
        summary = _summary(request, parts, totals, checksum, time.monotonic() - begun)
        summary["first_error"] = f"{errors[0]['file']}: {errors[0]['reason']}" if errors else None
        records.write_summary(output, summary)
    return summary


def succeed(output: str) -> None:
    """Write ``_SUCCESS``, which tells other programs that all is there."""
    open_store(output).write(records.SUCCESS, b"")


def _description(request: Request, checksum: str) -> dict[str, Any]:
    """All that decides on the answers, and on which parts there are."""
    places = [place if "://" in place else os.path.abspath(place) for place in request.inputs]
    return {
        "format": records.FORMAT, "version": sentiment.__version__, "model": checksum, "inputs": places,
        **asdict(request.reading), **asdict(request.answering), "suffix": request.suffix,
        "parts": [BYTES_PER_PART, ROWS_PER_PART],
    }  # fmt: skip


def _require_outside(output: Store, places: Sequence[str]) -> None:
    for place in places:
        if "://" not in place and output.is_local and f"{output.root}/".startswith(f"{os.path.abspath(place)}/"):
            raise InputError(f"--output {output.root}: lies inside the input {place}; give a folder elsewhere")


@contextlib.contextmanager
def held(output: Store) -> Iterator[None]:
    """Keep other runs out of a local folder; an object store has no such lock."""
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
def _staging(output: Store) -> Iterator[str]:
    """A name for this attempt, and its folder for half-written files.

    Folders of earlier attempts go first: a process of theirs that is still alive somewhere then has nothing left to
    rename over answers of this run.
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


def _score_parts(job: Job, parts: Sequence[Part], engine: Engine, totals: Totals, progress: Progress) -> None:
    sizes = {part.output: part.size for part in parts}
    progress(totals, -sum(sizes.values()))
    for result in _results(job, list(tasks(parts)), engine):
        totals.add(result)
        progress(totals, sizes[result.output])


def _results(job: Job, handed_out: Sequence[Sequence[Part]], engine: Engine) -> Iterator[Record | Failure]:
    """Records as they come; parts of a task that was lost as a whole are tried again one by one."""
    again: list[Sequence[Part]] = []
    for outcome in engine.map(partial(score_task, job), handed_out):
        mine = handed_out[outcome.task]
        if not outcome.lost:
            yield from outcome.result
        elif len(mine) > 1:
            again += [[part] for part in mine]
        else:
            yield Failure(mine[0].output, mine[0].file.path, outcome.lost)
    if again:
        yield from _results(job, again, engine)


def _error_lines(parts: Sequence[Part], totals: Totals) -> Iterator[dict[str, Any]]:
    """By file; rows count from 1 in the file, as far as the rows before the part are known."""
    file, before = "", None
    for part in parts:
        if part.file.path != file:
            file, before = part.file.path, 0
        if failure := totals.failed.get(part.output):
            yield {"file": file, "part": part.output, "row": None, "reason": failure.reason}
            before = None
            continue
        record = totals.done[part.output]
        for error in record.errors:
            row = None if before is None else before + error.row
            yield {"file": file, "part": part.output, "row": row, "reason": error.reason}
        before = None if before is None else before + record.rows + len(record.errors)


def _summary(request: Request, parts: Sequence[Part], totals: Totals, checksum: str, seconds: float) -> dict[str, Any]:
    labels: Counter[str] = Counter()
    for record in totals.done.values():
        labels.update(record.labels)
    rows = totals.rows
    return {
        "rows": rows,
        "labels": dict(sorted(labels.items())),
        "unknown_share": None if request.answering.force else labels[UNKNOWN_TEXT] / max(1, rows),
        "files": len({part.file.path for part in parts}),
        "parts": len(parts),
        "parts_done_before": totals.skipped,
        "failed_files": len({failure.file for failure in totals.failed.values()}),
        "failed_rows": sum(len(record.errors) for record in totals.done.values()),
        "seconds": round(seconds, 3),
        "tweets_per_second": round(sum(r.rows for r in totals.done.values()) / seconds) if not totals.skipped else None,
        "model": checksum,
    }
