"""Needs `pip install MNN==3.6.1` (20 MB) in an environment of its own: its converter calls pip, which removes packages."""

import subprocess
import sys
import tempfile
from pathlib import Path

import MNN.nn
import MNN.numpy

from tests.runtimes.rows import read_rows

rows = read_rows()
with tempfile.TemporaryDirectory() as folder:
    target = Path(folder) / "model.mnn"
    convert = [sys.executable, "-m", "MNN.tools.mnnconvert", "-f", "ONNX", "--bizCode", "sentiment"]
    files = ["--modelFile", str(rows.folder / "model.onnx"), "--MNNModel", str(target)]
    subprocess.run([*convert, *files], check=True, stdout=subprocess.DEVNULL)
    net = MNN.nn.load_module_from_file(str(target), ["ids"], ["probabilities"])
answers = net.forward([MNN.numpy.array(rows.ids)])[0]
rows.compare("MNN", answers.read())
