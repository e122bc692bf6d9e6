"""How many decisions each order of the queue needs: one perfect review per order on copies of a project.

    python tests/benchmarks/bench_queue.py PROJECT LABELS [--box BOX] [--budget N] [--orders gain,affinity]

Prints one JSON object: for each order the curve, and the decisions after which 50 and 90 % of the reachable gain were
reached. The reachable figure is the lowest one of all orders, so that the orders are held against the same goal.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from segmend.core.candidates.queue import ORDERS
from segmend.core.geometry import parse_box
from segmend.core.review import PerfectReviewer, review
from segmend.core.session import Session
from segmend.core.volumes.opening import open_labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("labels")
    parser.add_argument("--box", type=parse_box)
    parser.add_argument("--budget", type=int)
    parser.add_argument("--orders", default=",".join(ORDERS))
    options = parser.parse_args()
    reports = {order: run(options, order) for order in options.orders.split(",")}
    goal = min(report["vi_reachable"] for report in reports.values())
    for report in reports.values():
        for share in (0.5, 0.9):
            report[f"decisions_to_{share:.0%}"] = decisions_to(share, report["curve"], goal)
    print(json.dumps(reports))


def run(options, order):
    labels = open_labels(options.labels)
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copytree(options.project, Path(folder) / options.project.name)
        start = time.perf_counter()
        with Session.open(path, author="benchmark") as session:
            report = review(
                session, PerfectReviewer(labels, options.box), options.budget, order=order
            )
        seconds = time.perf_counter() - start
    print(f"{order}: {report.decisions} decisions in {seconds:.1f} s", file=sys.stderr)
    return asdict(report) | {"seconds": seconds}


def decisions_to(share, curve, goal):
    wanted = curve[0][1] - share * (curve[0][1] - goal)
    return next((decisions for decisions, vi_sum in curve if vi_sum <= wanted), None)


if __name__ == "__main__":
    main()
