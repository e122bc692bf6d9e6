#!/bin/sh
# Prints the first Python that Segmend can use: $PYTHON, else one on PATH that is 3.11 or newer.
usable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}
for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python3.14 python; do
    if usable "$name"; then
        command -v "$name"
        exit 0
    fi
done
echo "Segmend needs Python 3.11 or newer and found none on PATH: install one, or name it: make demo PYTHON=/path/to/python3" >&2
exit 2
