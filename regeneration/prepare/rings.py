"""Name the tasks of preparing, where those who ring and those who answer both find them."""

from typing import Final

ARRIVAL_TASK: Final = "regeneration.prepare_arrival"
TYPED_TASK: Final = "regeneration.prepare_typed"
SWEEP_TASK: Final = "regeneration.sweep_prepared"
QUEUE: Final = "prepare"
