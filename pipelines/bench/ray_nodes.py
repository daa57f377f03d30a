"""Several Ray nodes of one core each, simulated on this machine."""

import contextlib
import os
import signal
from collections.abc import Iterator

_STORE_BYTES = 80 << 20
# No token in the home folder, no report, no metrics: what a cluster that lives for a minute has no use for.
_ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_enable_metrics_collection": "0"}


@contextlib.contextmanager
def nodes(count: int) -> Iterator[str]:
    """The address of a cluster: a head without cores, and ``count`` nodes with one each."""
    os.environ |= _ENVIRONMENT
    from ray.cluster_utils import Cluster

    handler = signal.getsignal(signal.SIGTERM)  # Ray puts its own in its place
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(count):
            cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)
        cluster.wait_for_nodes()
        yield str(cluster.address)
    finally:
        cluster.shutdown()
        signal.signal(signal.SIGTERM, handler)
