"""Histograms of milliseconds that add up, and the quantiles they give. Pure.

Bucket 0 holds up to 1 ms, bucket i holds (GROWTH^(i-1), GROWTH^i] ms. A quantile is the nearest rank's bucket, told as
its geometric middle, so it lies within ERROR of the sample's own quantile.
"""

import math
from collections.abc import Mapping
from typing import Final

GROWTH: Final = 1.05
ERROR: Final = math.sqrt(GROWTH) - 1  # 2.5 %: half a bucket, as a ratio
TOP_BUCKET: Final = 360  # about 42 million ms: nothing of ours lasts longer


def upper_ms(bucket: int) -> float:
    """Return the largest milliseconds a bucket holds."""
    return GROWTH**bucket


def quantile_ms(histogram: Mapping[int, int], share: float, *, most_ms: float = math.inf) -> float | None:
    """Return the milliseconds that `share` (0 to 1) of the counted stay at or below, by nearest rank; None if empty.

    most_ms: the largest that was counted, where it is known: no quantile is told above it.
    """
    total = sum(histogram.values())
    if total == 0:
        return None
    rank = max(1, math.ceil(share * total))
    seen = 0
    for bucket in sorted(histogram):
        seen += histogram[bucket]
        if seen >= rank:
            return min(upper_ms(bucket) / math.sqrt(GROWTH), most_ms)
    raise AssertionError("ranks are counted up to the total")


def count_up_to(histogram: Mapping[int, int], bucket: int) -> int:
    """Return how many lie in a bucket or below it."""
    return sum(count for one, count in histogram.items() if one <= bucket)
