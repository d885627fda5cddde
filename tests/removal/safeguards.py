"""The safeguards that are taken out, one at a time, and the test that must turn red for each.

An edit replaces one exact text of one file; where the text is not there any more, once, the run
fails loudly. A new safeguard is a row in one of the three lists.
"""

from __future__ import annotations

import at_the_door
import at_work
import inside

from removal import Removal as Removal  # noqa: PLC0414 - for who reads the rows

REMOVALS = (*at_the_door.REMOVALS, *at_work.REMOVALS, *inside.REMOVALS)
