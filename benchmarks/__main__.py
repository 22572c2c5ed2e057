"""benchmarks/run"""

import argparse
import signal
import sys
from pathlib import Path

from benchmarks import cases, report
from benchmarks.place import Place, say

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Exit code: 1 where the books are wrong, and never because something was slow."""
    asked = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place = Place(quick=asked.quick)
    try:
        place.start()
        rows = [row for name in asked.cases or cases.names() for row in measure(place, name)]
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is stopped already need not be told twice
        place.stop()
    report.write(asked.results, rows, place.wrong, quick=asked.quick)
    sys.stdout.write(report.table(rows))
    sys.stderr.writelines(f"UNTRUE: {promise}\n" for promise in place.wrong)
    return 1 if place.wrong else 0


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks/run", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(cases.names())}; all unless named")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round, to see that it works")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where JSON and chart go")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(cases.names()):
        parser.error(f"there is no case {', '.join(sorted(unknown))}")
    return asked


def measure(place: Place, name: str) -> list[report.Row]:
    """The rows of one case; afterwards nothing of it runs any more."""
    say(f"case {name}")
    rows = cases.case(name)(place)
    place.quiet()
    return rows


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
