"""How the vectors of one index spread, and a question turned by it. Database process only.

All code of a project is near itself in some directions of a model's space: its subject, its
framework, its style. There a cosine says little about which chunk is meant. A question's vector is
shortened along each direction by how much the chunks spread in it, mildly; the chunks stay as they
are. One product of a small matrix a question; nothing is learnt from any question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from wherein.db_worker.codec import Floats
    from wherein.db_worker.vectors import Snapshot

#: A direction with twice the variance counts 2 ** -POWER as much. By the tuning packages of the
#: model, each package its own pool: .1 to .2 are level there, .3 loses (docs/adr/0017).
POWER: Final = 0.15
#: Added to each direction's variance, as a share of their mean: what few chunks tell is uncertain.
_LEVEL: Final = 0.1
#: Chunks that are looked at, evenly taken; 10 ms in all.
_SAMPLE: Final = 2_048
#: Fewer have no spread to speak of.
FEWEST: Final = 64


class Spread:
    """What turns questions about one model's vectors; measured again when their number doubled.

    Any thread may ask; two at once may both measure, and find the same.
    """

    def __init__(self) -> None:
        self._known: tuple[int, Floats] | None = None

    def turned(self, snapshot: Snapshot, question: Floats) -> Floats:
        """Return a question's unit vector as it is compared with this snapshot, again of length 1.

        With few chunks it is the question itself.
        """
        count = snapshot.live
        if count < FEWEST:
            return question
        known = self._known
        if known is None or not known[0] / 2 < count < known[0] * 2:
            known = self._known = (count, turn(_sample(snapshot)))
        turned: Floats = known[1] @ question
        length = float(np.linalg.norm(turned))
        return turned / np.float32(length) if length > 0 else question


def turn(rows: Floats) -> Floats:
    """Return the matrix that shortens a vector along each direction by the spread of these rows."""
    apart = rows - rows.mean(axis=0)
    variances, directions = np.linalg.eigh(apart.T @ apart / len(rows))
    variances = np.maximum(variances, 0)
    strengths = (variances + _LEVEL * max(variances.mean(), 1e-12)) ** -POWER
    found: Floats = ((directions * strengths) @ directions.T).astype(np.float32)
    return found


def _sample(snapshot: Snapshot) -> Floats:
    blocks = [block for block in (snapshot.base, snapshot.tail) if len(block)]
    step = -(-sum(map(len, blocks)) // _SAMPLE)
    return np.concatenate([b.floats(slice(None, None, step))[b.alive[::step]] for b in blocks])
