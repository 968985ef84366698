"""All workloads, one after the other, each in a process of its own; `make bench`. README.md says what they mean."""

import sys
import time

from benchmarks import measuring

WORKLOADS = (
    ("Decode and extract, one core", "benchmarks.decode", ()),
    ("Files into events in PostgreSQL, one worker", "benchmarks.ingest", ()),
    ("A queue of 2,000 log files, one worker", "benchmarks.queue", ()),
    ("A sweep of 10,000 instances in 20 regions", "benchmarks.sweep", ()),
    ("Stored events into runs into 90 days of usage", "benchmarks.metering", ("1000", "10000", "100000")),
    (
        "The same without the exclusion constraint",
        "benchmarks.metering",
        ("1000", "10000", "100000", "--no-constraint"),
    ),
    ("One late event, 10,000 instances", "benchmarks.late_event", ()),
    ("GET /concurrent/, 90 days of 250 entries", "benchmarks.api", ()),
    ("GET /v3/usage, 10,000 instances over 30 days", "benchmarks.usage_v3", ("1", "30")),
    ("The public API, a customer with 10,000 instances", "benchmarks.api_v2", ()),
    ("Looking into images", "benchmarks.inspect_images", ()),
)


def main() -> None:
    """Run those whose module is named on the command line, or all."""
    for title, module, arguments in WORKLOADS:
        if len(sys.argv) > 1 and module.partition(".")[2] not in sys.argv[1:]:
            continue
        print(f"{title} ({module})", flush=True)
        begun = time.perf_counter()
        measuring.in_process_of_its_own(module, *arguments)
        print(f"  [{time.perf_counter() - begun:.0f} s]\n", flush=True)


if __name__ == "__main__":
    main()
