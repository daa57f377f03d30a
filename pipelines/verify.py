"""Check a model folder against its manifest, as `sentiment verify` does."""

import sys

from sentiment.predict.verify import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m pipelines.verify"))
