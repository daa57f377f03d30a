"""The HTTP service: TensorFlow Serving's interface, the Open Inference Protocol, a plain protocol, and a web page."""
