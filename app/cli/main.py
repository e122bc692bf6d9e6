"""The ``segmend`` command: parses, calls one command, and turns every error into an exit status.

Exit status: 0 done, 1 a bug in Segmend, 2 bad input (one line on stderr), 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from segmend.app.cli.answer import Answer, write_answer
from segmend.app.cli.arguments import OneLineParser, add_output_options
from segmend.core.errors import Cancelled, SegmendError

COMMANDS = (
    "open",
    "new",
    "run",
    "review",
    "edit",
    "adopt",
    "reapply",
    "team",
    "check",
    "export",
    "evaluate",
    "report",
    "train",
    "models",
    "demo",
    "bench",
)
HIDDEN = ("picture",)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = build_parser().parse_args(arguments)
    if threading.current_thread() is threading.main_thread():
        signal.signal(
            signal.SIGTERM, signal.default_int_handler
        )  # ends like Ctrl+C: nothing is left behind
    logging.captureWarnings(True)
    if options.debug:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    else:
        warnings.simplefilter("ignore")
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        return _execute(options)
    except Cancelled as error:
        return _complain(str(error), 130)
    except KeyboardInterrupt:
        return _complain("interrupted; what was finished is kept", 130)
    except BrokenPipeError:
        # The reader of stdout has gone (`segmend ... | head`): nothing is left to say, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except SegmendError as error:
        if options.debug:
            traceback.print_exc()
            sys.stderr.write(error.details)
        return _complain(str(error), 2)
    except Exception as error:  # noqa: BLE001 - the last stop: whatever it is, it becomes one line
        return _unexpected(error, debug=options.debug)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = OneLineParser(
        prog="segmend",
        description="Proofread connectomics segmentations. Without a command: opens the window.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.set_defaults(command=None, json=False, debug=False)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=OneLineParser)
    for name in (*COMMANDS, *HIDDEN):
        module = import_module(f"segmend.app.cli.{name}")
        shown = {} if name in HIDDEN else {"help": module.HELP}
        command = commands.add_parser(name, description=module.HELP, **shown)
        add_output_options(command)
        module.add_arguments(command)
        command.set_defaults(command=name)
    return parser


def _execute(options: argparse.Namespace) -> int:
    if options.version:
        from importlib.metadata import version

        answer = Answer(text=f"segmend {version('segmend')}")
    else:
        answer = import_module(f"segmend.app.cli.{options.command or 'open'}").execute(options)
    write_answer(answer, as_json=options.json)
    return answer.code


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"segmend: {' '.join(message.split())}\n")
    return status


def _unexpected(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    log = _keep_traceback()
    where = f"the details are in {log}" if log else "run it again with --debug for the details"
    return _complain(f"unexpected {type(error).__name__}: {error}; {where}", 1)


def _keep_traceback() -> Path | None:
    """Write the traceback where a bug report can find it; only the last one is kept."""
    import tempfile

    try:
        folder = Path(tempfile.mkdtemp(prefix="segmend-"))
        (folder / "error.log").write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return None
    return folder / "error.log"
