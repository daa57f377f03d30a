"""`make fuzz`: many damaged inputs for every reader, the same ones for the same seed.

Counted for each target: inputs, those accepted, those refused, defects (anything but a refusal of one line), and the
slowest. The input of each defect is kept, and its traceback shown. The exit status tells whether there was one.
"""

import argparse
import faulthandler
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sentiment
from sentiment.errors import SentimentError
from sentiment.predict.classifier import SentimentClassifier
from tests.fuzz_service import fuzz as requests_fuzz
from tests.fuzz_service import fuzzed_service, report
from tests.fuzz_targets import Target, make_targets
from tests.model_fixture import shared_model
from tests.mutations import Mutator
from tests.random_tables import check_random_table
from tests.test_structure import tiny_model

SHARES = {"corpus": 25, "glove": 25, "profile": 20, "model": 10, "text": 15, "files": 10}
SERVICE, TABLES = "service", "tables"
HANG_SECONDS = 60.0
_SHOWN = 5


@dataclass
class FuzzTally:
    """What became of one target's inputs."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    defects: Counter[str] = field(default_factory=Counter)


def fuzz(target: Target, inputs: int, seed: int, kept: Path) -> FuzzTally:
    """Try ``inputs`` damaged inputs; keep those that show a defect in ``kept``."""
    mutator, tally = Mutator(target.seeds, seed), FuzzTally()
    for number in range(inputs):
        content, choice = target.make(mutator), mutator.random.randrange(1 << 16)
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)  # a hang ends the run, and shows where
        start = time.perf_counter()
        outcome = attempt(target, content, choice, tally)
        tally.outcomes[outcome] += 1
        tally.slowest = max(tally.slowest, time.perf_counter() - start)
        if outcome == "defect":
            (kept / f"{type(target).__name__}-{number}-{choice}").write_bytes(content)
    faulthandler.cancel_dump_traceback_later()
    return tally


def attempt(target: Target, content: bytes, choice: int, tally: FuzzTally) -> str:
    """``accepted``, ``refused`` or ``defect``."""
    try:
        target.attempt(content, choice)
    except SentimentError as error:
        if "\n" not in str(error) and len(str(error)) < 2000:
            return "refused"
        problem = f"not one clear line: {type(error).__name__}({str(error)[:300]!r})"
    except Exception as error:
        frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        problem = f"{type(error).__name__}({str(error)[:200]!r}) at {' '.join(frames[-5:])}"
    else:
        return "accepted"
    tally.defects[problem] += 1
    return "defect"


def fuzz_service(requests: int, seed: int, kept: Path) -> int:
    """Send damaged requests to a service; the number of problems."""
    with fuzzed_service(tiny_model(kept / "tiny")) as served:
        requests_fuzz(served, requests // 10, seed + 1)  # memory is compared once every kind has been there
        tally = requests_fuzz(served, requests, seed)
        problems = report(tally, served)
    statuses = ", ".join(f"{count} x {status or 'closed'}" for status, count in sorted(tally.statuses.items()))
    memory = f"{tally.memory[0]} to {tally.memory[-1]} MiB"
    sys.stdout.write(f"service: {tally.requests} requests: {statuses}; slowest {tally.slowest:.2f} s; {memory}\n")
    sys.stdout.writelines(f"  {problem}\n" for problem in problems[:_SHOWN])
    return len(problems)


def fuzz_tables(model: SentimentClassifier, tables: int, kept: Path) -> int:
    """Score random tables of every format; the number of those that were not read whole."""
    found = Counter[str]()
    for seed in range(tables):
        folder = kept / f"table-{seed}"
        folder.mkdir()
        try:
            check_random_table(model, folder, seed)
        except Exception as error:
            found[f"{type(error).__name__}({str(error)[:200]!r}), seed {seed}"] += 1
        else:
            shutil.rmtree(folder)
    sys.stdout.write(f"tables: {tables} random tables: {found.total()} defect\n")
    sys.stdout.writelines(f"  {problem}\n" for problem in [*found][:_SHOWN])
    return found.total()


def main() -> int:
    """Fuzz, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=105_000, help="in all (default: 105000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", choices=[*SHARES, SERVICE, TABLES], help="only this one")
    parser.add_argument("--requests", type=int, default=60_000, help="to the service (default: 60000)")
    parser.add_argument("--tables", type=int, default=10_000, help="random tables to score (default: 10000)")
    arguments = parser.parse_args()
    kept = Path(tempfile.mkdtemp(prefix="sentiment-fuzz-"))
    shares = {arguments.target: 1} if arguments.target in SHARES else {} if arguments.target else SHARES
    targets = make_targets(kept / "scratch", shared_model().folder) if shares else {}
    found = fuzz_service(arguments.requests, arguments.seed, kept) if arguments.target in (None, SERVICE) else 0
    if arguments.target in (None, TABLES):
        found += fuzz_tables(sentiment.load(tiny_model(kept / "model-of-tables")), arguments.tables, kept)
    for name, share in shares.items():
        tally = fuzz(targets[name], arguments.inputs * share // sum(shares.values()), arguments.seed, kept)
        found += tally.outcomes["defect"]
        counts = ", ".join(f"{tally.outcomes[kind]} {kind}" for kind in ("accepted", "refused", "defect"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(
            f"{name}: {tally.outcomes.total()} inputs: {counts}; slowest {tally.slowest:.2f} s; peak {peak:.0f} MB\n"
        )
        sys.stdout.writelines(f"  {count} x {problem}\n" for problem, count in tally.defects.most_common(_SHOWN))
        sys.stdout.flush()
    sys.stdout.write(f"inputs that show defects are in {kept}\n" if found else "no defects\n")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
