"""A trained network in the forms it ships in: SavedModel, LiteRT, ONNX."""
