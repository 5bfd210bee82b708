#!/usr/bin/env bash
# From a fresh clone to text: sets up, builds, fetches Gemma 3 270M, compiles it
# and prints what it writes. Arguments are passed to winnow-run in place of the
# default prompt.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash scripts/setup.sh
{
  cmake --preset release
  cmake --build --preset release --target winnow-compile winnow-run
} >&2
checkpoint=$(.venv/bin/python scripts/fetch_gemma.py)
build/bin/winnow-compile "$checkpoint" -o .cache/gemma
if [ $# -eq 0 ]; then
  set -- --prompt "The three things to see in Paris are" -n 64
fi
build/bin/winnow-run .cache/gemma "$@"
echo
