"""Word vectors: reading GloVe files, and the frozen matrix made of them."""
