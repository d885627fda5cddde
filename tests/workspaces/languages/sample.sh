#!/usr/bin/env bash
# Builds and publishes a release.
set -euo pipefail

VERSION="${1:-dev}"
readonly OUT=dist
tmp=$(mktemp -d)

# Prints an error and stops.
die() {
  echo "error: $*" >&2
  exit 1
}

function build_all {
  local target
  for target in linux darwin; do
    GOOS="$target" go build -o "$OUT/$target" || die "build of $target failed"
  done
}

publish() (
  cd "$OUT"
  sha256sum * >checksums
)

cleanup() { rm -rf "$tmp"; }

trap cleanup EXIT
build_all
publish
