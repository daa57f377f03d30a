"""Command line: pack a trained model into one file, to pass it on.

The file contains all that prediction needs, the model card, and a manifest. Every command that has --model reads the
file without unpacking it.

python -m sentiment.predict.pack models/mine --output mine.zip
python -m sentiment.predict --model mine.zip "I love this"
"""

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentiment.common.command_line import OneLineParser, path
from sentiment.common.file_checks import replacing, require_writable
from sentiment.common.messages import run_command
from sentiment.errors import ArtefactError, InputError
from sentiment.predict.model_files import CARD, HEADER_BYTES, MANIFEST, TABLE, open_model, read_manifest
from sentiment.predict.model_folder import read_classifier

_ALIGNMENT = 64  # bytes, as in a .npy file; the processor reads aligned numbers fastest
_ALIGNING = 0xD935  # id of a zip extra field that is only padding, as in Android's zipalign
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip; constant, so that equal models give equal bytes


def main(argv: Sequence[str] | None = None, prog: str = "python -m sentiment.predict.pack") -> int:
    """Run the command and return its exit status: 0, or 2 after a user's mistake."""
    description = (__doc__ or "").replace("python -m sentiment.predict.pack", prog)
    description = description.replace("python -m sentiment.predict", prog.rpartition(" ")[0] + " predict")
    parser = OneLineParser(prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=path, help="model folder, for instance models/sample")
    parser.add_argument("--output", type=path, required=True, metavar="FILE", help="the archive: mine.zip")
    parser.add_argument("--force", action="store_true", help="replace an existing output")
    arguments = parser.parse_args(argv)
    folder, target = Path(arguments.model), Path(arguments.output)

    def run() -> int:
        require_writable(target, arguments.force)
        pack(folder, target)
        sys.stderr.write(f"pack: {folder}: {target.stat().st_size / 1e6:.1f} MB written to {target}\n")
        return 0

    return run_command(run, "pack", place=arguments.output)


def pack(folder: Path, target: Path) -> None:
    """Write an archive of the model in ``folder``. The write is atomic: ``target`` is never an incomplete file.

    Raises:
        ArtefactError: the model is damaged, was not evaluated, is packed already, or differs from its manifest.
        InputError: ``target`` is inside ``folder``, where only the model's own files belong.
    """
    if folder.resolve() in target.resolve().parents:
        raise InputError(f"--output {target}: is in the model's own folder; give a file in another")
    read_classifier(folder)
    if folder.is_file():
        raise ArtefactError(f"{folder}: is packed already, expected a model folder; copy the file as it is")
    if not (folder / CARD).is_file():
        raise ArtefactError(f"{folder}: has no model card ({CARD}); run `make evaluate` first")
    with open_model(folder) as files:
        contents = {name: files.read(name) for name in [*files.names(), CARD]}
    contents[MANIFEST] = _manifest_of(folder, contents)
    with replacing(target) as temporary:
        _write(temporary, contents)


def _manifest_of(folder: Path, contents: Mapping[str, bytes]) -> bytes:
    """Return the manifest for an archive of ``contents`` (by file name), checked against the model's own manifest."""
    manifest = read_manifest(folder)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
    changed = [name for name, mark in sums.items() if manifest["artefacts"].get(name) != mark]
    if changed:
        raise ArtefactError(f"{folder}: {', '.join(changed)} changed after {MANIFEST}; run `make evaluate` again")
    return f"{json.dumps(manifest | {'artefacts': sums}, indent=2)}\n".encode()


def _write(path: Path, contents: Mapping[str, bytes]) -> None:
    """Write an archive. ``table.npy`` is not compressed, because readers map it into memory; other files are."""
    with path.open("xb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            member = zipfile.ZipInfo(name, _LONG_AGO)
            member.external_attr = 0o644 << 16
            if name == TABLE:
                member.extra = _filling(file.tell() + HEADER_BYTES + len(name))
            else:
                member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)


def _filling(start: int) -> bytes:
    """Return padding (a zip extra field) from byte ``start`` of the archive up to a multiple of ``_ALIGNMENT``."""
    header = 4
    size = -(start + header) % _ALIGNMENT
    return _ALIGNING.to_bytes(2, "little") + size.to_bytes(2, "little") + bytes(size)


if __name__ == "__main__":
    sys.exit(main())
