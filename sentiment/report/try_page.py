"""The page `try.html`: a model and the JavaScript module in one file, which answers and explains without a server."""

import base64
import gzip
from pathlib import Path

from markupsafe import Markup

import sentiment.export
from sentiment.predict.model_folder import CHECKED, MODEL
from sentiment.report.templating import render_page

TRY_PAGE = "try.html"
JAVASCRIPT = Path(sentiment.export.__file__).with_name("sentiment.mjs")


def render_try_page(folder: Path, name: str) -> str:
    """Return the page for the files of prediction in ``folder``, which it contains compressed; ``name`` is shown."""
    contents = {file: base64.b64encode(_compressed(folder / file)).decode() for file in (MODEL, *CHECKED)}
    module = Markup(JAVASCRIPT.read_text(encoding="utf-8"))
    return render_page("try.html.j2", name=name, contents=contents, module=module)


def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)  # without the time, so that the same model gives the same page
