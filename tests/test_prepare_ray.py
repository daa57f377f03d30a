"""Preparing on Ray: the same bytes as in one process."""

import importlib.util
import os
from pathlib import Path

import pytest

from sentiment.common.ray_engine import RayEngine
from tests.test_prepare import corpora, many_parts, one, prepare, use

__all__ = ["corpora", "many_parts", "one"]  # fixtures
ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray")
pytestmark = [pytest.mark.ray, ray]


def test_ray_gives_the_same(
    corpora: Path, one: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    try:
        with RayEngine(2) as engine:
            use(monkeypatch, engine)
            assert prepare(corpora, tmp_path, "many") == one
    finally:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]
        os.environ |= kept
