"""Measure speed and memory beside the alternatives: `python -m pipelines.bench`."""
