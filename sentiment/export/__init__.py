"""Export a trained network in three formats: SavedModel, LiteRT and ONNX."""
