"""Events are read alike however the network cuts their bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.llm.event_stream import EventStream

SENT = (
    b': ping\n\ndata: {"a": 1}\n\nid: 7\r\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\n'
    b"data: \xe0\xa4\x95\r\rdata: unfinished"
)
READ = [b'{"a": 1}', b"two\nlines", b"\xe0\xa4\x95"]


@given(cuts=st.lists(st.integers(0, len(SENT)), max_size=12).map(sorted))
def test_events_do_not_depend_on_how_they_arrive(cuts: list[int]) -> None:
    stream = EventStream()
    ends = [*cuts, len(SENT)]

    events = [event for start, end in zip([0, *cuts], ends, strict=True) for event in stream.feed(SENT[start:end])]

    assert events == READ


@pytest.mark.parametrize("sent", [b"", b"\n\n\n", b"event: x\n\n", b"data", b"data: never ended\n"])
def test_what_is_no_whole_event_gives_nothing(sent: bytes) -> None:
    assert EventStream().feed(sent) == []


def test_two_events_in_one_packet_come_in_order() -> None:
    assert EventStream().feed(b"data: 1\n\ndata: 2\n\n") == [b"1", b"2"]
