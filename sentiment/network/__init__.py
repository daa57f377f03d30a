"""The network: as Keras layers, as equations of its cells, and folded into a table and a few matrices."""
