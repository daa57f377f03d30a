"""Speed and memory beside the alternatives: `python -m pipelines.bench`; on a GPU, `python -m pipelines.bench.gpu`."""
