"""Runs the steps of the pipeline: `python -m training [--work DIR] [--seeds N]`.

Each step keeps what it made under the work folder and is not done again, but for the last, `fit`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# One thread for numpy: runs are repeatable. Before numpy is loaded.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "true"

from training import steps  # noqa: E402 - after the environment

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Read the arguments and run the steps."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build/model")
    parser.add_argument("--seeds", type=int, default=3, help="how many tables to train and join")
    parser.add_argument(
        "--until", choices=steps.NAMES, default=steps.NAMES[-1], help="the last step to run"
    )
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    steps.run(arguments.work, arguments.seeds, arguments.until)


if __name__ == "__main__":
    sys.exit(main())
