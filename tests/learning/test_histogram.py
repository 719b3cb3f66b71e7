"""Quantiles from buckets lie as near to the sample's own as the page says."""

import math

from hypothesis import given
from hypothesis import strategies as st

from learning.dashboard.histogram import ERROR, GROWTH, TOP_BUCKET, count_up_to, quantile_ms, upper_ms


def _bucket(ms: float) -> int:
    return 0 if ms <= 1 else min(TOP_BUCKET, math.ceil(math.log(ms) / math.log(GROWTH)))


@given(st.lists(st.integers(2, 100_000), min_size=1, max_size=200), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_its_stated_error_of_the_nearest_rank(sample: list[int], share: float) -> None:
    histogram: dict[int, int] = {}
    for ms in sample:
        histogram[_bucket(ms)] = histogram.get(_bucket(ms), 0) + 1
    exact = sorted(sample)[max(1, math.ceil(share * len(sample))) - 1]

    told = quantile_ms(histogram, share)

    assert told is not None
    assert abs(told / exact - 1) <= ERROR + 1e-9


def test_no_quantile_is_told_above_the_largest_that_was_counted() -> None:
    assert quantile_ms({_bucket(1440): 5}, 0.99, most_ms=1440) == 1440


def test_nothing_counted_has_no_quantile() -> None:
    assert quantile_ms({}, 0.5) is None


def test_counts_up_to_a_bucket_include_it() -> None:
    assert [count_up_to({0: 1, 3: 4, 9: 2}, bucket) for bucket in (-1, 0, 3, 8, 9)] == [0, 1, 5, 5, 7]


def test_the_error_is_told_as_half_a_bucket() -> None:
    assert round(ERROR * 100, 1) == 2.5
    assert upper_ms(1) / upper_ms(0) == GROWTH
