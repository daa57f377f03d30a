"""Measure how good a model is: metrics, baselines, slices, minimal pairs, and comparisons of models."""
