"""The service: models over HTTP, in the shapes of TensorFlow Serving and the Open Inference Protocol; a page."""
