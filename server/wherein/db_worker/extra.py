"""What one question has made for it: vectors that its candidates lack, and a second opinion.

Both cost a model's time, so they share one budget, counted from the question's arrival. Database
process only.
"""

from __future__ import annotations

import concurrent.futures
import time

import apsw

from wherein.db_worker import missing
from wherein.db_worker.clock import Clock
from wherein.db_worker.meaning import Cancelled, Sense
from wherein.db_worker.missing import Maker
from wherein.domain import Mode, Quality, QueryVector, SearchQuery
from wherein.ranking.fusion import Candidate
from wherein.ranking.query import Question


class Extra:
    """The extras of one question; without a maker there are none. `made` counts new vectors."""

    def __init__(
        self,
        maker: Maker | None,
        q: SearchQuery,
        question: Question,
        conn: apsw.Connection,
        cancelled: Cancelled,
    ) -> None:
        self.made = 0
        self.notes: list[str] = []
        self._maker = maker
        self._q = q
        self._question = question
        self._conn = conn
        self._cancelled = cancelled
        self._until = time.monotonic() + q.embed_ms / 1_000
        self._opinion: concurrent.futures.Future[QueryVector] | None = None

    def ask_second(self, pending: int) -> None:
        """Ask the second model for the question's vector if its opinion is wanted.

        `pending` is how much there is to embed. Of names it knows nothing.
        """
        second = self._maker.second if self._maker else None
        wanted = self._q.quality is Quality.ON or (self._q.quality is Quality.IDLE and pending == 0)
        sentence = bool(self._question.terms) and not self._question.symbol_like
        if second and wanted and sentence and self._q.mode is Mode.HYBRID:
            self._opinion = second.ask(self._question.text)

    def complete(
        self, candidates: list[Candidate], sense: Sense, alpha: float, chunks: int
    ) -> Sense:
        """Have vectors made for the likeliest candidates, and take over how near they are.

        `alpha` is the share of meaning with what is known by now, `chunks` how many there are.
        """
        if self._maker is None or sense.vector is None or not self._q.embed_ms:
            return sense
        likely = missing.likely(self._question, candidates, alpha, sense.floor or 0.0)
        left = max(1, int((self._until - time.monotonic()) * 1_000))
        made = self._maker.complete(self._conn, likely, sense.vector, left, self._cancelled)
        self.made += made.made
        if not made.apply(candidates):
            return sense
        scanned = len(sense.scanned) if sense.scanned else 0
        trusted = sense.floor is not None and scanned >= missing.TRUSTED * chunks
        return sense._replace(floor=sense.floor if trusted else made.floor(), absent="")

    def reorder(self, best: list[Candidate], clock: Clock) -> list[Candidate]:
        """Return the candidates in the order that both models give, where the second is asked."""
        if self._opinion is None or self._maker is None or self._maker.second is None:
            return best
        clock.stage("rules")
        said = self._maker.second.reorder(
            self._conn, best, self._opinion, self._until, self._cancelled
        )
        self.made += said.made
        self.notes += [said.note] if said.note else []
        clock.stage("second")
        return said.best
