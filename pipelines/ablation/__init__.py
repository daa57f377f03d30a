"""What matters, by training a grid of settings: `python -m pipelines.ablation`."""
