"""The served models, their copies on disk, and the watcher that loads a new export without dropping a request."""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sentiment.errors import ArtefactError, SentimentError, SettingsError
from sentiment.predict.classifier import SentimentClassifier
from sentiment.predict.model_files import CHECKED, MODEL, model_checksum, open_model
from sentiment.predict.model_folder import read_classifier
from sentiment.serve.limits import Refusal

log = logging.getLogger("sentiment.serve")

WATCH_SECONDS = 0.5
_DIGITS = 12  # of the SHA-256 in the names of copies and in fingerprints
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

# Modification time, size and inode of each file. A new export changes at least one of them, however it is copied.
Signature = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Export:
    """One export of a model, as it was loaded. An export is immutable, so a reload does not affect a running request.

    Attributes:
        name: the name under which the model is served.
        copy: the folder of the copy that ``classifier`` was loaded from.
        classes: the names of the classes, in the order of the probabilities.
        version: the number of the folder in ``saved_model/``, which TensorFlow Serving uses as the version.
        fingerprint: the first digits of the SHA-256 of ``model.json``, which contains the checksums of all other files.
        read_at: the time of loading, in seconds since 1970.
    """

    name: str
    copy: Path
    classifier: SentimentClassifier
    classes: tuple[str, ...]
    version: str
    fingerprint: str
    read_at: float


@dataclass(slots=True)
class ServedModel:
    """A model folder and the last valid export that was loaded from it, which answers requests.

    Attributes:
        signature: the signature of the last export that was read, valid or not; None if files were missing after that.
        problem: the reason why the model folder's present content is not served; empty if it is served.
        reloads: the number of exports loaded since the start.
    """

    name: str
    folder: Path
    current: Export
    signature: Signature | None
    problem: str = ""
    reloads: int = 0


class ModelStore:
    """The served models by name. The first model answers requests without a model name.

    Args:
        models: the models, each as ``FOLDER`` or ``NAME=FOLDER``; FOLDER may also be a packed model.
        copies: the folder for copies. Each export is copied there before it is loaded.

    Raises:
        SettingsError: a name is given twice or cannot be part of a URL.
        ArtefactError: a folder does not contain a complete model.
    """

    def __init__(self, models: Sequence[str], copies: Path) -> None:
        self.copies = copies
        self.models: dict[str, ServedModel] = {}
        for name, folder in map(split_name, models):
            if name in self.models:
                raise SettingsError(f"--model {name}: given twice; tell them apart with --model NAME=FOLDER")
            self.models[name] = self._first(name, folder)

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self.models.values())

    @property
    def names(self) -> list[str]:
        """Return the names of all models, the default model first."""
        return list(self.models)

    def get(self, name: str | None, version: str | None = None) -> Export:
        """Return the current export of a model (None: the first model), or raise a :class:`Refusal` (404)."""
        model = self.models.get(name or self.names[0])
        if model is None or version not in (None, model.current.version):
            shown = str(name)[:100]
            asked = f"Latest({shown})" if version is None else f"Specific({shown}, {version[:100]})"
            others = "" if model else f"; there are {', '.join(self.names)}"
            raise Refusal(404, f"Servable not found for request: {asked}{others}")
        return model.current

    async def watch(self) -> None:
        """Check for new exports every ``WATCH_SECONDS``, forever."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for model in self:
                await asyncio.to_thread(self.refresh, model)

    def refresh(self, model: ServedModel) -> None:
        """Load an export if the model's folder has a new one. If it is not valid, keep the old one and note why."""
        signature = sign(model.folder)
        if signature is None:  # for example during an export
            model.signature = None
            model.problem = f"{model.folder}: files are missing; the previous export is still served"
        if signature == model.signature:
            return
        try:
            export = read_export(model.name, model.folder, self.copies)
        except (SentimentError, OSError) as error:
            if sign(model.folder) == signature:  # otherwise it changed meanwhile, and the next call reads it again
                model.signature, model.problem = signature, f"{error} (the previous export is still served)"
                log.error("%s: new export refused: %s", model.name, model.problem)
            return
        model.current, model.problem = export, ""
        model.reloads += 1
        if sign(model.folder) == signature:
            model.signature = signature
        for copy in export.copy.parent.glob("[!.]*"):  # workers that have mapped a removed copy can still read it
            if copy != export.copy:
                shutil.rmtree(copy, ignore_errors=True)
        log.info("%s: took up export %s", model.name, export.fingerprint)

    def _first(self, name: str, folder: Path) -> ServedModel:
        """Load a model when the worker starts. If its folder is broken, load the newest copy of an earlier export."""
        signature = sign(folder)
        try:
            return ServedModel(name, folder, read_export(name, folder, self.copies), signature)
        except SentimentError as error:
            earlier = [copy for copy in (self.copies / name).glob("[!.]*") if copy.is_dir()]
            if not earlier:
                raise
            newest = max(earlier, key=lambda copy: copy.stat().st_mtime)
            problem = f"{error} (the previous export is still served)"
            return ServedModel(name, folder, _loaded(name, folder, newest), signature, problem)


def read_export(name: str, source: Path, copies: Path) -> Export:
    """Load a model from a copy of the folder or archive ``source``, and make the copy if there is none.

    A model maps its files into memory. Without a copy, a new export over the same files would change a model that is
    answering requests. The copy is ``copies/NAME/KEY``, where KEY is a hash of the files' times, sizes and inodes, so
    each export is copied once, by the first worker that finds it. An incomplete ``source`` raises an `ArtefactError`.
    """
    copy = copies / name / hashlib.sha256(repr(sign(source)).encode()).hexdigest()[:_DIGITS]
    if copy.is_dir():
        return _loaded(name, source, copy)
    copy.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=copy.parent, prefix=".", ignore_cleanup_errors=True) as temporary:
        with open_model(source) as files:
            for file in files.names():  # _loaded reports missing files
                Path(temporary, file).write_bytes(files.read(file))
        try:
            export = _loaded(name, source, Path(temporary))
        except ArtefactError as error:
            raise ArtefactError(str(error).replace(temporary, str(source))) from error
        with contextlib.suppress(OSError):  # another worker was faster; the files of this copy stay mapped
            os.rename(temporary, copy)
    return replace(export, copy=copy)


def _loaded(name: str, source: Path, copy: Path) -> Export:
    classifier = read_classifier(copy)
    classifier.answer(["a first answer finds damaged weights and warms up"])
    fingerprint = model_checksum(copy)[:_DIGITS]
    classes = tuple(classifier.classes_.tolist())
    return Export(name, copy, classifier, classes, _version(source), fingerprint, time.time())


def sign(source: Path) -> Signature | None:
    """Return modification times, sizes and inodes of a model's files, to notice changes; None if a file is missing."""
    files = [source] if source.is_file() else [source / name for name in (MODEL, *CHECKED)]
    try:
        stats = [os.stat(file) for file in files]
    except OSError:
        return None
    return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


def _version(folder: Path) -> str:
    names = [path.name for path in (folder / "saved_model").glob("*")]
    return str(max((int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 18), default=1))


def split_name(model: str) -> tuple[str, Path]:
    """Split ``NAME=PATH`` into name and path. For ``PATH`` alone, the name is that of the folder or ``.zip`` file.

    A name that cannot be part of a URL raises a `SettingsError`.
    """
    name, separator, folder = model.partition("=")
    if not separator:
        name, folder = Path(os.path.abspath(model)).name.removesuffix(".zip"), model
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"--model {model}: expected a name of letters, digits, '_', '.' and '-', received {name!r}; "
            "give one with --model NAME=FOLDER"
        )
    return name, Path(folder)
