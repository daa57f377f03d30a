"""How good a model is: figures, baselines, slices, minimal pairs, and models side by side."""
