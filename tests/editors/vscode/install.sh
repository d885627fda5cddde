#!/usr/bin/env bash
# Installs a real VS Code (code-server) and a headless Chromium: install.sh DEST
# Needs Node 20 with its headers and a C++ compiler; takes from Debian's and npm's registries only.
# Where this machine cannot have them, DEST/unavailable says why, and the tests skip with that sentence.
set -uo pipefail
DEST=$1
VERSION=4.100.3 # Code 1.100.3, the last one for Node 20
mkdir -p "$DEST" && cd "$DEST" || exit 1
[ -e "ready-$VERSION" ] && exit 0
rm -f unavailable

give_up() { echo "$1" >unavailable; echo "VS Code's tests will be skipped: $1" >&2; exit 0; }
run() { "$@" >>install.log 2>&1; }

if ! command -v chromium >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || give_up "no chromium, and no right to install it"
  run apt-get update -q
  run env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    -o DPkg::Lock::Timeout=600 chromium fonts-dejavu-core || give_up "chromium cannot be installed"
fi
command -v node >/dev/null || give_up "no Node"
case $(node --version) in v20.*) ;; *) give_up "code-server $VERSION needs Node 20" ;; esac

npm_config_nodedir=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
export npm_config_nodedir npm_config_audit=false npm_config_fund=false npm_config_loglevel=error
# The next make tries again, so a registry that does not answer is not waited for as long as npm would, nor is
# it asked whether what npm has already is still the newest.
export npm_config_prefer_offline=true npm_config_fetch_retry_mintimeout=1000 npm_config_fetch_retry_maxtimeout=5000
export JOBS=2
echo '{"private":true}' >package.json
# No install scripts: theirs fetch what no registry has. The native modules are built by name below.
run npm install "code-server@$VERSION" --ignore-scripts || give_up "code-server cannot be installed"
CODE=$PWD/node_modules/code-server/lib/vscode
run npm install --omit=dev --ignore-scripts --prefix "$CODE" || give_up "VS Code's packages cannot be installed"
run npm rebuild argon2 --foreground-scripts || give_up "argon2 cannot be built"
(cd "$CODE" && npm rebuild @vscode/spdlog native-watchdog --foreground-scripts) >>install.log 2>&1 ||
  give_up "VS Code's native modules cannot be built"
ln -sfn node_modules "$CODE/node_modules.asar"
(cd "$CODE/bin/remote-cli" && ln -sf code-linux.sh code-server)
(cd "$CODE/bin/helpers" && ln -sf browser-linux.sh browser.sh)
touch "ready-$VERSION"
