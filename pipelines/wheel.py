"""Build `dist/sentiment-*.whl` with a trained model inside, so that the installed package can predict at once."""

import shutil
import tempfile
from pathlib import Path

from pipelines.shared import stage
from sentiment.common.command_line import PACKAGED_MODEL
from sentiment.errors import InputError
from sentiment.predict.pack import pack

SOURCE = Path(__file__).parents[1]
_BESIDE = ("pyproject.toml", "README.md", "LICENSE")  # further files that the build needs


def run(this: stage.Stage) -> None:
    """Copy the sources to a temporary folder, add the packed model, and build the wheel."""
    folder = this.places.model
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source"
        ignored = shutil.ignore_patterns("__pycache__", Path(PACKAGED_MODEL).name)
        shutil.copytree(SOURCE / "sentiment", source / "sentiment", ignore=ignored)
        for part in _BESIDE:
            shutil.copyfile(SOURCE / part, source / part)
        pack(folder, source / "sentiment" / Path(PACKAGED_MODEL).name)
        wheel = build(source, this.arguments.output)
    stage.log.info("%s: %.1f MB, with the model %s", wheel, wheel.stat().st_size / 1e6, folder)


def build(source: Path, output: Path) -> Path:
    """Build the wheel of ``source`` offline, and return its path in ``output``. A failure raises an `InputError`."""
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q"]
    if reason := stage.failure_of("pip", "wheel", *options, "-w", str(source.parent / "built"), str(source)):
        raise InputError(f"pip could not build the wheel: {reason}")
    built = next((source.parent / "built").glob("*.whl"))
    output.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(built, output / built.name))


OPTIONS: stage.Options = {
    "--output": {"type": Path, "default": Path("dist"), "help": "folder for the wheel (default: dist)"}
}

if __name__ == "__main__":
    stage.main(run, __doc__, OPTIONS)
