"""Word vectors: GloVe files are read here, and turned into the frozen embedding matrix."""
