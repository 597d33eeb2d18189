"""Starts a program that reads no .pth file (-S) as coverage would have it started:
`python -S measured_start.py PACKAGES PROGRAM ARGUMENT…` or `… PACKAGES -m MODULE ARGUMENT…`.

The program finds its arguments and its import path as if this file had not been there.
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    packages, *sys.argv = sys.argv[1:]
    # Where coverage and its plugin are; once loaded, they find their other modules without it.
    places = [str(Path(__file__).parents[1]), packages]
    sys.path += places
    import coverage  # noqa: PLC0415

    coverage.process_startup()
    sys.path[-len(places) :] = []
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
