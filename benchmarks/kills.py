"""Workers killed with SIGKILL at random steps of ingest, 200 times unless told otherwise: is the answer the same?

`python -m benchmarks.kills [KILLS [SEED]]`; the suite does the same with a few kills. Status 1 if anything differs.
"""

import os
import random
import sys
import time

from benchmarks import measuring
from cloudigrade.clouds.aws import queues
from tests import aws_server
from tests.journeys import killing
from tests.journeys.killing import Tally

KILLS = 200
ENVIRONMENT = "local"
"""As our own settings have it by default."""


def main() -> int:
    """Kill, compare, and print how it went; 0 if nothing differs."""
    given = [int(argument) for argument in sys.argv[1:]]
    kills = given[0] if given else KILLS
    seed = given[1] if len(given) > 1 else random.SystemRandom().randrange(1_000_000)
    begun = time.perf_counter()
    queues.WAIT = 0  # nothing comes while we wait
    with measuring.database(), aws_server.running(environment=ENVIRONMENT) as aws:
        os.environ.update(aws.variables)
        files = killing.files()
        killing.connect(aws)
        expected = killing.undisturbed(aws, files)
        killing.forget()
        tally = killing.disturbed(aws, files, kills=kills, seed=seed, said=_say)
        found = killing.everything()
    wrong = [name for name in expected if found[name] != expected[name]]
    print(
        f"seed {seed}: {tally.deaths} of {tally.lives} workers killed over {tally.rounds} rounds of {len(files)} files,"
        f" {len(found['events'])} events: {'WRONG: ' + ', '.join(wrong) if wrong else 'nothing lost, nothing twice'}"
        f" [{time.perf_counter() - begun:.0f} s]"
    )
    return 1 if wrong else 0


def _say(tally: Tally) -> None:
    if tally.lives % 50 == 0:
        print(f"  {tally.deaths} killed", flush=True)


if __name__ == "__main__":
    sys.exit(main())
