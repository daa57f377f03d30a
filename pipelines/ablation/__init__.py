"""Find out which settings matter by training a grid of them: `python -m pipelines.ablation`."""
