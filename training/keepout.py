"""What must never be learnt from: the packages that ranking and models are evaluated on.

A package is kept out by name, its vendored copies by the names of folders, and whatever slips
through both by content: code that shares too many runs of seven tokens with an evaluation package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT_OUT = frozenset(
    (
        "flask requests click httpx rich scikit-learn sklearn django aiohttp fastapi starlette "
        "pydantic model2vec tornado networkx paramiko pytest express axios redux trpc zod vitest "
        "rxjs eslint lodash koa chi gin cobra viper x-net gson commons-lang commons-lang3 "
        "jackson-databind okhttp monolog guzzle guzzlehttp symfony laravel illuminate rack rails "
        "railties activesupport activerecord activemodel activejob actionpack actionview sinatra "
        "puma axum serde tokio clap regex ripgrep fmt fmtlib abseil absl nlohmann-json catch2 "
        "libuv libuv1 curl redis sqlite sqlite3 assimp bats nvm bash-it oh-my-zsh xmonad aeson "
        "pandoc phoenix plug ecto ktor exposed kotlinx-coroutines circe cats http4s akka alamofire "
        "snapkit vapor newtonsoft-json dapper messagepack-csharp polly telescope lazy mini zls "
        "zig-clap react-native-vision-camera shunit2 elixir-earmark-parser "
        # parts of ripgrep under names of their own
        "librust-ignore-dev librust-globset-dev"
    ).split()
)
# Parts of a package's name that give it away: librust-serde-json-dev, ruby-rack, golang-x-net.
_IN_NAMES = re.compile(
    r"(?:^|[^a-z0-9])(?:"
    + "|".join(sorted((re.escape(name) for name in KEPT_OUT), key=len, reverse=True))
    + r")\d?(?:$|[^a-z0-9])"
)
# Folders that hold other people's code, or code that is not written by hand or not in English.
_FOREIGN = frozenset(
    (
        "_vendor vendor vendored externals external extern third_party third-party thirdparty "
        "3rdparty 3rd_party node_modules site-packages bower_components deps contrib-src umd _esm5 "
        "esm5 fesm2015 fesm2020 bundles es5 locale locales i18n lang testdata fixtures dist-types "
        "submodules"
    ).split()
)
# Names of folders that are also everyday words of code: only vendored copies go by these, and
# content catches those. "requests" or "rich" as a folder is nearly always a copy of the package.
_EVERYDAY = frozenset(
    ("regex", "plug", "cats", "rack", "mini", "lazy", "rails", "click", "exposed")
)
_FOLDERS = (KEPT_OUT - _EVERYDAY) | _FOREIGN

# A run of this many tokens in a row is compared; a bit of the map is set for each run.
_RUN = 7
_BITS = 30
_STEP = np.uint64(0x9E3779B97F4A7C15)


def package_is_kept_out(name: str) -> bool:
    """Tell whether a package is one of the kept out, or is named after one."""
    return _IN_NAMES.search(name.lower().replace("_", "-")) is not None


def path_is_foreign(path: str) -> bool:
    """Tell whether a file lies in a folder of vendored code, or in a copy of a kept out package."""
    return any(part.lower() in _FOLDERS for part in path.split("/")[:-1])


def runs(ids: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Hash every run of seven tokens to a number of 30 bits."""
    wide = ids.astype(np.uint64)
    count = max(0, len(wide) - _RUN + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for at in range(_RUN):
            hashes = (hashes ^ wide[at : at + count]) * _STEP
            hashes ^= hashes >> np.uint64(29)
    return hashes >> np.uint64(64 - _BITS)


class Fingerprints:
    """Which runs of tokens the evaluation packages have; their text cannot be read from it.

    A map of bits (128 MB) instead of a set: with ten million runs one in a hundred is seen by
    mistake, which the thresholds forgive.
    """

    def __init__(self) -> None:
        self._bits = np.zeros(1 << (_BITS - 3), dtype=np.uint8)

    def add(self, ids: NDArray[np.uint16]) -> None:
        """Remember a text."""
        found = runs(ids)
        np.bitwise_or.at(
            self._bits,
            found >> np.uint64(3),
            np.uint8(1) << (found & np.uint64(7)).astype(np.uint8),
        )

    def share(self, ids: NDArray[np.uint16], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return which part of the runs of each text, `ids[offsets[i] : offsets[i + 1]]`, is known.

        Texts shorter than a run have none: 0.
        """
        found = runs(ids)
        known = (self._bits[found >> np.uint64(3)] >> (found & np.uint64(7)).astype(np.uint8)) & 1
        before = np.concatenate([[0], np.cumsum(known, dtype=np.int64)])
        first = np.minimum(offsets[:-1], len(known))
        last = np.clip(offsets[1:] - _RUN + 1, first, len(known))
        return (before[last] - before[first]) / np.maximum(1, last - first)
