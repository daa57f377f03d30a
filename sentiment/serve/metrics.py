"""What Prometheus is told; over several workers, their sum.

The client library keeps the figures of each process in files of one folder and adds them up when asked. It looks for
that folder when it is first imported, so :func:`share` comes before this module's class is used.
"""

import collections
import os
from typing import TYPE_CHECKING

from sentiment.predict.answers import UNKNOWN_TEXT, Answers

if TYPE_CHECKING:
    from sentiment.serve.admission import Admission
    from sentiment.serve.store import Store

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def share(folder: str) -> None:
    """Let all processes that are forked from this one count in files of ``folder``."""
    os.environ[FOLDER] = folder


class Metrics:
    """Counters and histograms of this process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = registry = CollectorRegistry()
        self.requests = Counter("sentiment_requests", "Requests answered", ["route", "status"], registry=registry)
        self.seconds = Histogram(
            "sentiment_request_seconds", "From headers to answer", ["route"], buckets=_SECONDS, registry=registry
        )
        self.labels = Counter("sentiment_labels", "Tweets by label", ["model", "label"], registry=registry)
        self.tweets = Counter("sentiment_tweets", "Tweets answered", ["model"], registry=registry)
        self.known = Counter(
            "sentiment_known", "Sum over tweets of the share of known tokens", ["model"], registry=registry
        )
        self.batches = Histogram("sentiment_batch_tweets", "Tweets in a batch", buckets=_SIZES, registry=registry)
        self.pending = Gauge(
            "sentiment_pending_tweets", "Taken on, not answered", registry=registry, multiprocess_mode="livesum"
        )
        self.reloads = Gauge(
            "sentiment_model_reloads", "Exports taken up", ["model"], registry=registry, multiprocess_mode="livemax"
        )
        self.problem = Gauge(
            "sentiment_model_stale", "1: the folder holds what cannot be served", ["model"], registry=registry,
            multiprocess_mode="livemax",
        )  # fmt: skip
        self.read_at = Gauge(
            "sentiment_model_read_timestamp_seconds", "When the export was read", ["model"], registry=registry,
            multiprocess_mode="livemin",
        )  # fmt: skip

        self._counted: dict[
            tuple[str, int], tuple[Counter, Histogram]
        ] = {}  # looking them up takes longer than counting

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        counted = self._counted.get((route, status))
        if counted is None:
            counted = self._counted[route, status] = (
                self.requests.labels(route, str(status)),
                self.seconds.labels(route),
            )
        counted[0].inc()
        counted[1].observe(seconds)

    def batch(self, name: str, classes: tuple[str, ...], answers: Answers) -> None:
        """Count the answers of a batch, for drift: labels, what is unknown, how much is known."""
        known = answers.known.tolist()
        self.batches.observe(len(known))
        best = answers.probabilities.argmax(axis=1).tolist()
        labels = collections.Counter(
            classes[i] if share else UNKNOWN_TEXT for i, share in zip(best, known, strict=True)
        )
        for label, count in labels.items():
            self.labels.labels(name, label).inc(count)
        self.tweets.labels(name).inc(len(known))
        self.known.labels(name).inc(sum(known))

    def text(self, store: "Store", admission: "Admission") -> bytes:
        """All of it, in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        self.note(store, admission)
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)

    def note(self, store: "Store", admission: "Admission") -> None:
        """Set the gauges, so that the other workers can tell this one's."""
        self.pending.set(admission.texts)
        for model in store:
            self.reloads.labels(model.name).set(model.reloads)
            self.problem.labels(model.name).set(bool(model.problem))
            self.read_at.labels(model.name).set(model.current.read_at)
