"""Run a script with npm packages in Node or in Chromium, and return the answer that it gives."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.runtimes.rows import Rows

_INSTALLED = Path("build/runtimes").absolute()
_PAGE = """<!DOCTYPE html>
<script type="importmap">{"imports": {"@litertjs/wasm-utils": "/node_modules/@litertjs/wasm-utils/dist/index.js"}}</script>
<script type="module">
const { ids, texts } = await (await fetch("/rows.json")).json();
const run = async () => { SCRIPT };
const answer = await run().catch((error) => String(error.stack));
await fetch("/answer", { method: "POST", body: JSON.stringify(answer) });
</script>
"""


def install(*packages: str) -> None:
    """Install packages of npm into `build/runtimes`. Their scripts are left out: one of them downloads a GPU's files."""
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--silent", "--ignore-scripts", "--prefix", str(_INSTALLED), *packages]
    subprocess.run(command, check=True, stdout=sys.stderr)


def in_node(script: str, rows: Rows) -> Any:
    """Return what ``script``, the body of an asynchronous function of ``ids``, ``texts`` and ``folder``, returns."""
    code = (
        "const { ids, texts } = JSON.parse(require('fs').readFileSync(0)); const folder = process.argv[1];"
        f"(async () => {{ {script} }})().then((answer) => process.stdout.write(JSON.stringify(answer)));"
    )
    environment = os.environ | {"NODE_PATH": str(_INSTALLED / "node_modules")}
    command = ["node", "-e", code, str(rows.folder)]
    done = subprocess.run(command, input=_json(rows), capture_output=True, check=True, env=environment)
    return json.loads(done.stdout)


def in_chromium(script: str, rows: Rows) -> Any:
    """Return what ``script``, the body of an asynchronous function of ``ids`` and ``texts``, returns in a page.

    The page's server has the model folder at `/model` and the packages at `/node_modules`.
    """
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "model").symlink_to(rows.folder)
        (root / "node_modules").symlink_to(_INSTALLED / "node_modules")
        (root / "rows.json").write_bytes(_json(rows))
        (root / "index.html").write_text(_PAGE.replace("SCRIPT", script), encoding="utf-8")
        return _answer_of_page(root)


class _Page(SimpleHTTPRequestHandler):
    """Serve files, and take the answer that the page posts."""

    answer: bytes = b""

    def do_POST(self) -> None:
        _Page.answer = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        Thread(target=self.server.shutdown).start()

    def log_message(self, *message: object) -> None:
        """Say nothing."""


def _answer_of_page(root: Path) -> Any:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Page, directory=str(root))) as server:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={root / 'profile'}"]
        address = f"http://127.0.0.1:{server.server_port}/"
        command = [shutil.which("chromium") or "chromium", *options, address]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server.serve_forever()
        finally:
            browser.terminate()
            browser.wait()
    answer = json.loads(_Page.answer)
    if isinstance(answer, str):
        sys.exit(answer)
    return answer


def _json(rows: Rows) -> bytes:
    return json.dumps({"ids": rows.ids.tolist(), "texts": rows.texts}).encode()
