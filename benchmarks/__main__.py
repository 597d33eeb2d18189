"""`python -m benchmarks [names…]`: runs benchmarks and prints their tables; --write saves them to docs/PERFORMANCE.md."""

import argparse
import sys
import time

from benchmarks import api, machine, report, starts, thumbnails, uploads

BENCHMARKS = {module.NAME: module.measure for module in (thumbnails, api, uploads, starts)}


def main(arguments: list[str] | None = None) -> None:
    """Run the named benchmarks, or all of them, one after the other."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Run benchmarks; only ratios within one run are comparable."
    )
    parser.add_argument("names", nargs="*", help=f"benchmarks to run: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="use tiny sizes, to check that the benchmarks run")
    parser.add_argument("--write", action="store_true", help="write the tables to docs/PERFORMANCE.md")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"benchmark {', '.join(sorted(unknown))} not found; must be one of {', '.join(BENCHMARKS)}")
    if options.quick and options.write:
        parser.error("--quick and --write cannot be combined: its figures are not meaningful")
    # Read before anything is measured: afterwards the load average is that of the benchmarks.
    machine_description = machine.describe()
    _print(machine_description)
    for name in options.names or BENCHMARKS:
        started_at = time.monotonic()
        section = BENCHMARKS[name](quick=options.quick)
        _print(f"## {name} ({time.monotonic() - started_at:.0f} s)", section.markdown())
        if options.write:
            report.write(section, machine_description)


def _print(*paragraphs: str) -> None:
    sys.stdout.write("\n\n".join(paragraphs) + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
