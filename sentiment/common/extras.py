"""Which optional part of the package an import belongs to.

The core is what predicting needs: NumPy, PyArrow, threadpoolctl and tqdm. All else comes with extras, declared in
``pyproject.toml``; whoever lacks one is told its name.
"""

# Name that is imported -> extra that brings it.
EXTRAS = {
    "fasttext": "peers",
    "httptools": "serve",
    "jax": "jax",
    "jinja2": "train",
    "keras": "train",
    "markupsafe": "train",
    "matplotlib": "train",
    "onnxruntime": "onnx",
    "orjson": "serve",
    "pandas": "train",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "ray": "ray",
    "scipy": "train",
    "sklearn": "train",
    "spacy": "train",
    "spacy_lookups_data": "train",
    "starlette": "serve",
    "tensorboard": "train",
    "tensorflow": "train",
    "textblob": "peers",
    "tf2onnx": "onnx",
    "torch": "torch",
    "uvicorn": "serve",
    "uvloop": "serve",
    "vaderSentiment": "train",
}


def install_line(error: ModuleNotFoundError) -> str | None:
    """What to install where an import has failed, in one line; nothing if no extra of ours would bring it."""
    package = (error.name or "").split(".")[0]
    extra = EXTRAS.get(package)
    if not extra:
        return None
    return (
        f"{package} is not installed; the extra {extra!r} brings it: "
        f"pip install '.[{extra}]' in a clone of this project"
    )
