"""Which models the engine may ask: what every floor asks from (``jarvish_regen.llm.active``)."""

from jarvish_regen.llm.active import active_targets, forget_targets, pool_for, warm_targets

__all__ = ["active_targets", "forget_targets", "pool_for", "warm_targets"]
