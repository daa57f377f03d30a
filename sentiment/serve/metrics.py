"""Metrics for Prometheus, combined over all workers.

Prometheus' client library stores the metrics of each process in the folder ``PROMETHEUS_MULTIPROC_DIR``. The library
reads this environment variable when it is first imported, so :class:`ServiceMetrics` imports it late.
"""

import collections
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment.predict.answers import UNKNOWN_TEXT, Answers

if TYPE_CHECKING:
    from sentiment.serve.limits import Admission
    from sentiment.serve.model_store import Export, ModelStore

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class ServiceMetrics:
    """The metrics of this worker process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = registry = CollectorRegistry()
        self.requests = Counter("sentiment_requests", "Requests answered", ["route", "status"], registry=registry)
        self.seconds = Histogram(
            "sentiment_request_seconds", "From headers to answer", ["route"], buckets=_SECONDS, registry=registry
        )
        self.labels = Counter("sentiment_labels", "Tweets by label", ["model", "label"], registry=registry)
        self.tweets = Counter("sentiment_tweets", "Tweets answered", ["model"], registry=registry)
        self.known = Counter("sentiment_known", "Sum of the tweets' known shares", ["model"], registry=registry)
        self.batches = Histogram("sentiment_batch_tweets", "Tweets in a batch", buckets=_SIZES, registry=registry)

        def gauge(name: str, text: str, names: tuple[str, ...], mode: str) -> Gauge:
            return Gauge(name, text, names, registry=registry, multiprocess_mode=mode)  # type: ignore[arg-type]

        model = ("model",)
        self.pending = gauge("sentiment_pending_tweets", "Tweets that wait for their answer", (), "livesum")
        self.reloads = gauge("sentiment_model_reloads", "Exports taken up", model, "livemax")
        self.stale = gauge("sentiment_model_stale", "1: the folder's export cannot be served", model, "livemax")
        self.read_at = gauge("sentiment_model_read_timestamp_seconds", "When the export was read", model, "livemin")

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request by its route and HTTP status, and record the seconds that it took."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def batch(self, export: "Export", answers: Answers) -> None:
        """Count a batch's labels, and sum its texts' shares of tokens that the model knows, to reveal data drift."""
        name, known = export.name, answers.known.tolist()
        self.batches.observe(len(known))
        best = answers.probabilities.argmax(axis=1).tolist()
        labels = collections.Counter(
            export.classes[i] if share else UNKNOWN_TEXT for i, share in zip(best, known, strict=True)
        )
        for label, count in labels.items():
            self.labels.labels(name, label).inc(count)
        self.tweets.labels(name).inc(len(known))
        self.known.labels(name).inc(sum(known))

    def text(self, store: "ModelStore", admission: "Admission") -> bytes:
        """Return the metrics of all workers in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        self.set_gauges(store, admission)
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        _forget_dead_workers()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)

    def set_gauges(self, store: "ModelStore", admission: "Admission") -> None:
        """Set the gauges to the present state of this worker. Whichever worker Prometheus asks reports those of all."""
        self.pending.set(admission.held["texts"])
        for model in store:
            self.reloads.labels(model.name).set(model.reloads)
            self.stale.labels(model.name).set(bool(model.problem))
            self.read_at.labels(model.name).set(model.current.read_at)


def _forget_dead_workers() -> None:
    """Remove the gauges (present values) of workers that have ended. Their counters (totals) stay."""
    from prometheus_client.multiprocess import mark_process_dead

    processes = {path.stem.rpartition("_")[2] for path in Path(os.environ[FOLDER]).glob("gauge_live*.db")}
    for process in processes:
        if not Path("/proc", process).exists():
            mark_process_dead(int(process))
