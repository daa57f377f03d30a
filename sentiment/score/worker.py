"""What runs on an engine: the parts of one task, each scored by the file scorer of the command line."""

import contextlib
import errno
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment.common.checksums import sha256_of
from sentiment.common.stores import Store, etag_of
from sentiment.errors import ArtefactError, SentimentError
from sentiment.score.parts import Part
from sentiment.score.records import STAGING, Failure, Record, RowError

if TYPE_CHECKING:
    from pyarrow import fs

    from sentiment.data.batches import Reading
    from sentiment.predict.classifier import SentimentClassifier
    from sentiment.predict.score_file import Answering

_SMALL_BYTES = 128 << 10
MISSING = "missing"  # counted under this name: rows whose text is missing, and with it their label
# So soon after a change another may not show in the time of an object: a second, and what two clocks may differ by.
_JUST_CHANGED_NS = 60 * 10**9
# Trouble of the machine, not of one file: the run stops, and goes on when it is started again.
_ENDS_THE_RUN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOMEM, errno.EMFILE)


@dataclass(frozen=True, slots=True)
class Job:
    """What all parts of a run have in common.

    Attributes:
        model: folder.
        checksum: of the model.
        inputs: what reads them.
        output: folder of the answers.
        run: name of this attempt; its half-written files lie in a folder of this name, which a later attempt removes.
        reading, answering: as the file scorer takes them.
    """

    model: str
    checksum: str
    inputs: "fs.FileSystem"
    output: Store
    run: str
    reading: "Reading"
    answering: "Answering"


class PartError(Exception):
    """A part cannot be scored; the others can."""


def score_task(job: Job, parts: Sequence[Part]) -> list[Record | Failure]:
    """Score ``parts``, and note in the output folder which are done."""
    from sentiment.score.records import write_records

    model = _model(job.model, job.checksum)
    scratch = _scratch(job)
    try:
        if len(parts) > 1:
            model = _encoded_ahead(job, model, parts)
        results = [_score(job, model, part, scratch) for part in parts]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write_records(job.output, [each for each in results if isinstance(each, Record)])
    return results


@functools.lru_cache(1)
def _model(folder: str, checksum: str) -> "SentimentClassifier":
    """The model, read once a process; its table stays a file that all processes map."""
    from sentiment.predict.model_folder import read_classifier

    model = read_classifier(Path(folder))
    if model_checksum(Path(folder)) != checksum:
        raise ArtefactError(f"{folder}: changed since the run began; start it again")
    return model


def model_checksum(folder: Path) -> str:
    """One checksum of all that decides on the answers: of those in ``model.json``, which the files must agree with.

    Raises:
        ArtefactError: there is no model.
    """
    from sentiment.predict.model_folder import MODEL

    try:
        return sha256_of(folder / MODEL)
    except OSError as error:
        raise ArtefactError(f"{folder}: no model here (expected {MODEL}): {error.strerror}") from error


def _encoded_ahead(job: Job, model: "SentimentClassifier", parts: Sequence[Part]) -> "SentimentClassifier":
    """The same model, whose text treatment has seen the texts of these small files already, all at once.

    That takes a fixed time a call, several times that of the hundred tweets of a file. Ids are whole numbers and do not
    depend on the company that a text is in; the network, whose last digits do, still gets each file by itself.
    """
    from sentiment.data.batches import read_batches, texts_of
    from sentiment.predict.classifier import SentimentClassifier
    from sentiment.score.extracts import DAMAGE
    from sentiment.score.known_texts import KnownTexts

    known, here = KnownTexts(model.preprocessor), [part for part in parts if _is_small_and_here(job, part)]
    for part in here:
        with contextlib.suppress(OSError, *DAMAGE):  # scoring will say what is wrong with it
            for batch in read_batches(part.file.path, job.reading):
                known.expect(texts_of(batch, job.reading.column, part.file.path).drop_null())
    known.encode_expected()
    return SentimentClassifier(known, model.network, model.classes_.tolist())  # type: ignore[arg-type]


def _is_small_and_here(job: Job, part: Part) -> bool:
    """Whether a part is a small file, which gains by it, that can be read twice without being fetched twice."""
    from pyarrow import fs

    return part.unit == "file" and part.size <= _SMALL_BYTES and isinstance(job.inputs, fs.LocalFileSystem)


def _score(job: Job, model: "SentimentClassifier", part: Part, scratch: Path) -> Record | Failure:
    try:
        return _scored(job, model, part, scratch)
    except PartError as error:
        return Failure(part.output, part.file.path, str(error))
    except OSError as error:
        if error.errno in _ENDS_THE_RUN:
            raise
        return Failure(part.output, part.file.path, " ".join((error.strerror or str(error)).split())[:300])


def _scratch(job: Job) -> Path:
    """A folder for half-written files: beside the answers, so that they can be renamed, or else of this machine."""
    parent = job.output.path(f"{STAGING}/{job.run}") if job.output.is_local else None
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))


def _scored(job: Job, model: "SentimentClassifier", part: Part, scratch: Path) -> Record:
    target = scratch / f"answers{Path(part.output).suffix}"
    errors: list[RowError] = []
    etag = _etag(job, part)
    source = _extracted(job, part, scratch)
    try:
        labels = _score_file(job, model, part, source, target)
    except SentimentError as error:
        clean, errors = _salvaged(job, source, scratch, _reason(error, source))
        labels = _score_file(job, model, part, clean, target)
    _require_unchanged(job, part, etag)
    size, checksum = target.stat().st_size, sha256_of(target)
    job.output.publish(str(target), part.output)
    rows = sum(labels.values())
    return Record(part.output, part.identity(), job.checksum, rows, labels, size, checksum, errors, etag)


def _extracted(job: Job, part: Part, scratch: Path) -> Path:
    from sentiment.score.extracts import DAMAGE, extract

    try:
        return extract(part, job.inputs, scratch)
    except DAMAGE as error:
        raise PartError(_one_line(error)) from error


def _salvaged(job: Job, source: Path, scratch: Path, reason: str) -> tuple[Path, list[RowError]]:
    """``source`` without its damaged rows; where there are none, what the file scorer said (``reason``) stands."""
    from sentiment.data.open_quotes import OpenQuoteError
    from sentiment.score.extracts import DAMAGE, without_damage

    try:
        clean, errors = without_damage(source, job.reading, scratch)
    except OpenQuoteError as error:
        raise PartError(_reason(error, source)) from error
    except DAMAGE as error:
        raise PartError(reason) from error
    if not errors:
        raise PartError(reason)
    return clean, errors


def _score_file(job: Job, model: "SentimentClassifier", part: Part, source: Path, target: Path) -> dict[str, int]:
    """Rows by label; one that is missing, as its text is, counts under ``MISSING``."""
    from sentiment.predict.score_file import score_file

    reading = replace(job.reading, delimiter=part.delimiter) if part.delimiter else job.reading
    scored = score_file(model, source, target, reading, job.answering, overwrite=True, progress=False)
    return {label or MISSING: count for label, count in scored.labels.items()}


def _reason(error: Exception, source: Path) -> str:
    """What is wrong, without the name that the part had meanwhile."""
    return _one_line(error).removeprefix(f"{source}: ")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _etag(job: Job, part: Part) -> str:
    """Of an object that has changed just now; empty for any other, whose time says enough."""
    is_young = abs(time.time_ns() - part.file.changed) < _JUST_CHANGED_NS
    return etag_of(job.inputs, part.file.path) if is_young else ""


def _require_unchanged(job: Job, part: Part, etag: str) -> None:
    info = job.inputs.get_file_info(part.file.path)
    is_same = (info.size, info.mtime_ns or 0) == (part.file.size, part.file.changed)
    if not is_same or (etag and etag != etag_of(job.inputs, part.file.path)):
        raise PartError("changed while it was read; run the command again")
