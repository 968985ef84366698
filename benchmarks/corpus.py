"""Every disk of the corpus through the sandbox, as an inspection in service does it, and the confusion matrix.

`python -m benchmarks.corpus [PART-OF-A-NAME]`; the suite has those that need no program, and some of the others.
Status 1 if a verdict is not the one that its case declares.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.inspector.corpus import running
from tests.inspector.corpus.case import Case, Workshop
from tests.inspector.corpus.running import Outcome

_SLOWEST = 3


def main() -> int:
    """Inspect all that this machine can make, and print how it went; 0 if every verdict is as declared."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    cases = [case for case in running.all_cases() if wanted in case.name]
    possible = [case for case in cases if case.is_possible]
    outcomes = list(_outcomes(possible))
    wrong = [outcome for outcome in outcomes if outcome.faults]
    for outcome in wrong:
        print(f"WRONG  {outcome.case.name}: {'; '.join(outcome.faults)}")
    print(running.matrix(outcomes))
    _print_figures(outcomes)
    lacking = sorted({tool for case in cases if not case.is_possible for tool in case.tools})
    if lacking:
        print(f"{len(cases) - len(possible)} cases left out for want of {', '.join(lacking)}")
    print("every verdict as declared" if not wrong else f"{len(wrong)} WRONG")
    return 1 if wrong or not outcomes else 0


def _outcomes(cases: list[Case]) -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        try:
            return [running.run(case, workshop, running.sandboxed) for case in cases]
        finally:
            workshop.close()


def _print_figures(outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    times = [outcome.seconds * 1000 for outcome in outcomes]
    print(f"{len(outcomes)} images, {median(times):.0f} ms each (median), {max(times):.0f} ms at most")
    most = max(outcomes, key=lambda outcome: outcome.bytes_read)
    print(f"{most.bytes_read / (1 << 20):.1f} MiB read at most ({most.case.name})")
    for outcome in sorted(outcomes, key=lambda outcome: -outcome.seconds)[:_SLOWEST]:
        print(f"  {outcome.seconds * 1000:.0f} ms  {outcome.case.name}")


if __name__ == "__main__":
    sys.exit(main())
