"""Listeners and workers killed with SIGKILL while Sources speaks and is spoken to: is anything lost, doubled, late?

`python -m benchmarks.messages [KILLS [SEED]] [--kafka]`; with `--kafka` on a real broker, which is killed and started
again now and then (wants the jars that `make test-kafka` fetches). The suite does the same with a few kills.
"""

import argparse
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import measuring
from tests import apache_kafka, kafka_broker
from tests.apache_kafka import ApacheKafka
from tests.journeys import effects, judging, messaging
from tests.journeys.messaging import Tally
from tests.kafka_broker import Servers

KILLS, CUSTOMERS = 100, 8


def main() -> None:
    """Kill, judge, and print how it went; an assertion fails where something is not as it must be."""
    given = _arguments()
    begun = time.perf_counter()
    with measuring.database(), _kafka(is_real=given.kafka) as kafka:
        effects.begin()
        scene = messaging.played(kafka, customers=CUSTOMERS, kills=given.kills, seed=given.seed, said=_say)
        judged = judging.judge(scene)
        effects.end()
    broker = "Apache Kafka" if given.kafka else "librdkafka's mock cluster"
    print(f"seed {given.seed}, {broker}: {scene.tally.deaths} killed [{time.perf_counter() - begun:.0f} s]")
    print(f"  {scene.tally}")
    print("  in order, once each: " + ", ".join(f"{name} {value}" for name, value in judged._asdict().items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages")
    parser.add_argument("kills", type=int, nargs="?", default=KILLS)
    parser.add_argument("seed", type=int, nargs="?", default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--kafka", action="store_true", help="on a real broker")
    return parser.parse_args()


@contextmanager
def _kafka(*, is_real: bool) -> Iterator[Servers]:
    if not is_real:
        with kafka_broker.running() as servers:
            yield servers
        return
    with ApacheKafka() as real:
        apache_kafka.current = real
        try:
            with kafka_broker.running() as servers:
                yield servers
        finally:
            apache_kafka.current = None


def _say(tally: Tally) -> None:
    if tally.rounds % 10 == 0:
        print(f"  {tally.deaths} killed in {tally.rounds} rounds", flush=True)


if __name__ == "__main__":
    main()
