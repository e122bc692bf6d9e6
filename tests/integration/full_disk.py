"""What `test_full_disk` runs inside a small file system: edit until it is full, look, make room, edit again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def segmend(*arguments: object, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "segmend.app", *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def main(project: Path, edits: Path) -> None:
    ballast = project.parent / "ballast"
    ballast.write_bytes(b"\0" * 100_000)
    edited = segmend("edit", project, "--stdin", given=edits.read_text())
    answers = [json.loads(line) for line in edited.stdout.splitlines()]
    operations = [answer["operation"] for answer in answers if "operation" in answer]
    errors = sorted({answer["error"] for answer in answers if "error" in answer})
    full = segmend("check", project, "--json")
    ballast.unlink()
    after = segmend("edit", project, "--stdin", given=json.dumps({"kind": "undo"}) + "\n")
    clean = segmend("check", project, "--json")
    log = json.loads(segmend("edit", project, "log", "--json").stdout.splitlines()[-1])
    there = {operation["operation"] for operation in log["operations"]}
    report = {
        "acknowledged": len(operations),
        "refused": sum("error" in answer for answer in answers),
        "errors": [*errors, edited.stderr],
        "lost": sorted(set(operations) - there),
        "clean_while_full": full.returncode == 0,
        "clean_afterwards": clean.returncode == 0,
        "edit_afterwards": '"operation"' in after.stdout,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
