# What the commands of hack/ share. Sourced, with bash.
# shellcheck shell=bash

set -euo pipefail

# The project, wherever the command was called from.
HOLDFAST_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
  echo "${0##*/}: $*" >&2
  exit 2
}

# Runs it as root: at once, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for: $*"
  fi
}

jobs_count() { nproc; }
# Most tests wait for something half of their time.
tests_count() { echo $(($(nproc) * 3 / 2)); }

# build PRESET [TARGET…]: configures build/PRESET and builds it; with what is in
# HOLDFAST_CMAKE_OPTIONS, if anything.
build() {
  local preset=$1
  shift
  local targets=()
  [ $# -gt 0 ] && targets=(--target "$@")
  (
    cd "$HOLDFAST_ROOT"
    # shellcheck disable=SC2086 # it is a list
    cmake --preset "$preset" ${HOLDFAST_CMAKE_OPTIONS-} >/dev/null
    cmake --build "build/$preset" -j "$(jobs_count)" "${targets[@]}"
  )
}

# run_ctest PRESET [ARG…]
run_ctest() {
  local preset=$1
  shift
  ctest --test-dir "$HOLDFAST_ROOT/build/$preset" --output-on-failure \
    -j "$(tests_count)" "$@"
}
