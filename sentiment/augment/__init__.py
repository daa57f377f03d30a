"""Additional training rows: contrast rows made from tweets, phrases of general English, and words rated by people."""
