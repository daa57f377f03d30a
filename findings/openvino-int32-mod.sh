#!/bin/sh
# OpenVINO 2026.4.1, CPU plugin: the remainder of int32 numbers above 2**24 is wrong.
#
# An ONNX graph multiplies int32 numbers by 1109 and takes the remainder by 262144 (operator Mod, opset 17). All
# products fit 31 bits. ONNX Runtime 1.31.1 gives NumPy's numbers. OpenVINO gives NumPy's products, but remainders of
# products above 16,777,216 are off by a few units, as if the product had been rounded to float32 first. There is no
# warning, and the output's type is int32. A graph that hashes, for example n-grams to buckets, reads wrong table rows.
#
# Output seen on 2026-11-29:
#   products    NumPy 16778061 16779170 221801109 290716587   OpenVINO the same
#   remainders  NumPy 845 1954 27285 261035                   ONNX Runtime the same   OpenVINO 844 1954 27280 261024
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1 openvino==2026.4.1
"$folder/venv/bin/python" - "$folder/mod.onnx" <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

FACTOR, BUCKETS = 1109, 262144
graph = helper.make_graph(
    [helper.make_node("Mul", ["x", "factor"], ["product"]), helper.make_node("Mod", ["product", "buckets"], ["rest"])],
    "hash",
    [helper.make_tensor_value_info("x", TensorProto.INT32, [None])],
    [helper.make_tensor_value_info(name, TensorProto.INT32, [None]) for name in ("rest", "product")],
    [helper.make_tensor(n, TensorProto.INT32, [1], [v]) for n, v in (("factor", FACTOR), ("buckets", BUCKETS))],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])

x = np.array([15129, 15130, 200001, 262143], np.int32)
product = x * np.int32(FACTOR)
rest = product % BUCKETS
by_onnxruntime = onnxruntime.InferenceSession(sys.argv[1]).run(["rest", "product"], {"x": x})
answers = openvino.Core().compile_model(sys.argv[1], "CPU")([x])
by_openvino = [answers[name] for name in ("rest", "product")]
print("OpenVINO", openvino.__version__, "ONNX Runtime", onnxruntime.__version__)
print("products    NumPy", product, "OpenVINO", by_openvino[1])
print("remainders  NumPy", rest, "ONNX Runtime", by_onnxruntime[0], "OpenVINO", by_openvino[0])
assert (by_onnxruntime[0] == rest).all() and (by_onnxruntime[1] == product).all()
assert (by_openvino[1] == product).all(), "the products have changed"
assert by_openvino[0].dtype == np.int32 and by_openvino[0].tolist() == [844, 1954, 27280, 261024], "the remainders have changed"
PYTHON
