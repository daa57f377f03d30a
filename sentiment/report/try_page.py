"""Render `try.html`: one file that contains a model and JavaScript, and labels tweets without a server."""

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
    """Return an HTML page that contains the model in ``folder``, compressed; ``name`` is shown as the model's name."""
    contents = {file: base64.b64encode(_compressed(folder / file)).decode() for file in (MODEL, *CHECKED)}
    module = Markup(JAVASCRIPT.read_text(encoding="utf-8"))
    return render_page("try.html.j2", name=name, contents=contents, module=module)


def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)  # no timestamp, so that equal models give equal pages
