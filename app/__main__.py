"""``python -m segmend.app`` is the ``segmend`` command."""

import sys

from segmend.app.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
