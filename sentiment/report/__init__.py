"""Pages about models: the report, the model card, the comparison of models, and the page to try a model."""
