"""PostgreSQL slow, Valkey gone, workers killed: no rejection is lost, and each comes to an end people can use."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.embedded.waiting import wait_until
from tests.faults.conftest import Faults

pytestmark = pytest.mark.loop

# RELIABILITY's FLT-20.
SLOW_QUERY_SECONDS = 0.3


def test_workers_killed_with_many_answers_under_way_lose_none_of_them(faults: Faults) -> None:
    ready_before = faults.world.log_of("answers").count(" ready.")
    faults.provider.switch("hang")
    asked = len(faults.provider.log)
    attempts = [faults.reject() for _ in range(4)]
    wait_until(lambda: len(faults.provider.log) > asked, what="a model is asked")

    pid = faults.world.kill("answers", signal.SIGKILL)
    rows = [faults.world.wait_until_settled_unread(attempt) for attempt in attempts]

    assert {(row["state"], row["rung"]) for row in rows} == {("answered", "repair")}
    assert max(row["claims"] for row in rows) <= 3
    assert [len(faults.world.versions(content_id)) for _advisor, content_id in faults.rejected[:4]] == [2] * 4
    faults.provider.switch("instant")
    faults.world.wait_until_replaced("answers", pid)
    faults.world.wait_until_worker_ready("answers", times=ready_before + 1)


@pytest.mark.parametrize("how", ["cut", pytest.param("swallow", marks=pytest.mark.slow)])
def test_with_valkey_gone_rejections_are_taken_and_answered_and_when_it_is_back_workers_answer(
    faults: Faults, how: str
) -> None:
    getattr(faults.valkey, how)()

    rows = [faults.answered() for _ in range(2)]
    page = faults.rejected[0][0].http.get("/accounts/login/")

    assert page.status_code == 200
    assert {row["state"] for row in rows} == {"answered"}
    faults.valkey.heal()
    wait_until(lambda: faults.answered()["claims"] != 0, what="a worker answers again")


def test_with_a_database_at_300_ms_a_query_every_rejection_is_answered(faults: Faults) -> None:
    advisors = [faults.world.advisor() for _ in range(3)]
    faults.postgres.slow_down(SLOW_QUERY_SECONDS)

    with ThreadPoolExecutor(len(advisors)) as threads:
        rows = list(threads.map(faults.answered, advisors))

    assert {row["state"] for row in rows} == {"answered"}
    # Claimed once and taken over once at most: nobody fights for a row because everything takes long.
    assert max(row["fence"] for row in rows) <= 2


@pytest.mark.slow
def test_with_everything_out_at_once_an_advisor_still_gets_an_answer(faults: Faults) -> None:
    faults.provider.switch("hang")
    faults.valkey.cut()
    faults.postgres.slow_down(SLOW_QUERY_SECONDS / 3)

    row = faults.answered()

    assert (row["state"], row["rung"]) == ("answered", "repair")
