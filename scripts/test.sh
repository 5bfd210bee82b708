#!/usr/bin/env bash
# Sets up, builds and runs every test. The last line of output is
# "N passed, N failed"; the exit code is 0 only if nothing failed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash scripts/setup.sh
cmake --preset release
cmake --build --preset release
exec .venv/bin/python scripts/run_tests.py build
