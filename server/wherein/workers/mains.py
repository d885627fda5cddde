"""Whether the machine runs on its battery. Vectorization worker only."""

from __future__ import annotations

from typing import Final

CHECK_S: Final = 10.0  # how often the plug is looked at while work waits for it
#: A model that embeds fewer documents than this in 10 ms reads a project of 10,000 chunks for more
#: than ten seconds of a core: that is what a battery would notice.
FRUGAL_ITEMS: Final = 10


def on_battery() -> bool:
    """Say whether a battery is all there is; False where there is none, or nobody can say."""
    import psutil  # here: with the model of the package nobody asks

    try:
        battery = psutil.sensors_battery()
    except Exception:  # noqa: BLE001 - psutil has none on some systems; files of the kernel are odd
        return False
    return battery is not None and battery.power_plugged is False
