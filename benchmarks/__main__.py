"""`python -m benchmarks [names…]`: measures, shows the tables, and with --write keeps them in docs/PERFORMANCE.md."""

import argparse
import sys
import time

from benchmarks import api, machine, report, starts, thumbnails, uploads

BENCHMARKS = {module.NAME: module.measure for module in (thumbnails, api, uploads, starts)}


def main(arguments: list[str] | None = None) -> None:
    """Runs the named benchmarks, or all of them, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures ratios within one run.")
    parser.add_argument("names", nargs="*", help=f"which ones: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: that it runs, no figure that counts")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/PERFORMANCE.md")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    if chosen.quick and chosen.write:
        parser.error("--quick measures nothing that is worth keeping")
    # Asked before anything is measured: afterwards the load is our own.
    circumstances = machine.circumstances()
    _say(circumstances)
    for name in chosen.names or BENCHMARKS:
        began = time.monotonic()
        section = BENCHMARKS[name](quick=chosen.quick)
        _say(f"## {name} ({time.monotonic() - began:.0f} s)", section.markdown())
        if chosen.write:
            report.write(section, circumstances)


def _say(*paragraphs: str) -> None:
    sys.stdout.write("\n\n".join(paragraphs) + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
