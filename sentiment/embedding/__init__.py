"""Read word vectors from GloVe files, and build the frozen embedding matrix."""
