"""What the service is compared with, on the same framework, event loop and parser: an echo, and a call a request.

python -m pipelines.bench.http_peers echo
python -m pipelines.bench.http_peers direct --model models/sample
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from sentiment.predict.classifier import SentimentClassifier


def application(kind: str, model: "SentimentClassifier | None") -> "Starlette":
    """``echo`` sends the JSON back that it gets; ``direct`` asks ``model`` at each request, as whole batches are."""
    import numpy as np
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def echo(request: Request) -> Response:
        return JSONResponse(await request.json())

    async def direct(request: Request) -> Response:
        assert model is not None
        texts = (await request.json())["texts"]
        probabilities = model.probabilities_of(batch_encode(model, texts))
        return JSONResponse({"labels": model.classes_[np.argmax(probabilities, axis=1)].tolist()})

    return Starlette(routes=[Route("/predict", {"echo": echo, "direct": direct}[kind], methods=["POST"])])


def batch_encode(model: "SentimentClassifier", texts: list[str]) -> Any:
    """Ids by the path of batches, which was the only one before few texts got a path of their own."""
    from sentiment.common.ragged import Ragged
    from sentiment.text.tokens import tokenise

    preprocessor = model.preprocessor
    types, codes = tokenise(texts, preprocessor.rules)
    return preprocessor.shorten(Ragged(preprocessor.lexicon.lookup(types)[codes.values], codes.lengths))


def main() -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("echo", "direct"))
    parser.add_argument("--model")
    arguments = parser.parse_args()
    import uvicorn

    import sentiment
    from sentiment.serve.connection import at_several
    from sentiment.serve.supervisor import listen

    model = sentiment.load(arguments.model) if arguments.model else None
    (sock,) = listen("127.0.0.1", 0, 1)
    config = uvicorn.Config(
        application(arguments.kind, model),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
    )
    sys.stderr.write(f"serve: http://127.0.0.1:{sock.getsockname()[1]} ready: {arguments.kind}\n")
    sys.stderr.flush()
    uvicorn.Server(config).run(at_several(sock))
    return 0


if __name__ == "__main__":
    sys.exit(main())
