"""Compare speed and memory with other libraries: `python -m pipelines.bench`."""
