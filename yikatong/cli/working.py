"""`run`: the worker. Queue, banks and the budget system in turn; one worker per home."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, Final

from yikatong.cli import processes, session
from yikatong.cli.pace import Pace
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused, TryAgain
from yikatong.kernel.points import point

PAUSE_S: Final = 0.2
WHOLE_ROUND_S: Final = 3.0
# those who owe nothing are asked so many times as seldom as those who do
WHOLE_ROUNDS: Final = 4
SOON_S: Final = 20
QUIET_ROUNDS: Final = 40
CONNECTIONS: Final = 2
NAME: Final = "worker"


def run(*, until_idle: bool) -> None:
    """Work until stopped, or until nothing moves that could move by itself.

    Raises:
        Refused: another worker of this home is at it.
    """
    session.log_in("worker")
    with _only_one():
        processes.note(NAME, os.getpid())
        try:
            _requeue_stalled()
            _requeue_failed()
            _forget_headway()
            _work(until_idle=until_idle)
        finally:
            processes.forget(NAME)


def _work(*, until_idle: bool) -> None:
    from django.conf import settings

    ending: list[int] = []
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: ending.append(number))
    quiet = 0
    # who waits for the end of the work counts its quiet rounds: it goes on asking at one pace
    most = PAUSE_S if until_idle else settings.ASK_MOST_S
    owing, everybody = Pace(PAUSE_S, most), Pace(WHOLE_ROUND_S, WHOLE_ROUNDS * most)
    while not ending:
        if _run_jobs():
            owing.hurry(time.monotonic())
            everybody.hurry(time.monotonic())
        moved = _ask(owing, everybody)
        if moved or _queues_ready():
            quiet = 0
            continue
        if until_idle:
            quiet += 1
            if not _awaiting() or quiet > QUIET_ROUNDS:
                _tell_failed()
                return
        time.sleep(PAUSE_S)


def _ask(owing: Pace, everybody: Pace) -> int:
    """Ask those who owe an answer, or everybody, where it is time; gives how many things came."""
    now = time.monotonic()
    everyone = everybody.is_due(now)
    if not everyone and not owing.is_due(now):
        return 0
    if everyone:
        _tell_failed()
    moved = _listen(everyone=everyone)
    owing.asked(now, has_moved=moved > 0)
    if everyone:
        everybody.asked(now, has_moved=moved > 0)
    return moved


def _run_jobs() -> bool:
    """Every job that is due; each failed one is retried by its own strategy. Whether any was."""
    queues = _queues_ready()
    if queues:
        asyncio.run(_work_through(queues))
    return bool(queues)


async def _work_through(queues: Sequence[str]) -> None:
    """The jobs of a queue one after the other, the queues side by side.

    Raises:
        Exception: what ended the first of them that came to no good end; the others have ended too.
    """
    from procrastinate import PsycopgConnector
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.utils import connector_params

    # a queue needs one connection and another for its heartbeat; they are opened as they are asked
    # for, since the pool is a new one in every round
    connector = PsycopgConnector(
        kwargs=connector_params(), min_size=1, max_size=CONNECTIONS * len(queues)
    )
    async with app.with_connector(connector).open_async() as opened:
        ended = await asyncio.gather(
            *(
                opened.run_worker_async(
                    queues=[queue],
                    wait=False,
                    listen_notify=False,
                    install_signal_handlers=False,
                    concurrency=1,
                    delete_jobs="successful",
                )
                for queue in queues
            ),
            return_exceptions=True,
        )
    for error in ended:
        if error is not None:
            raise error


def _listen(*, everyone: bool) -> int:
    """Ask banks and the budget system once; gives how many things came.

    A bank's folder holds the files of all counties, so each bank is asked once. `everyone`: also
    those that owe nothing now and may still send a refund or a return.
    """
    from django.conf import settings

    from yikatong.feedback import jobs as reconciling
    from yikatong.funding import treasury
    from yikatong.organisation import wire
    from yikatong.organisation.queries import counties_of_home
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import banks_awaited

    moved = 0
    asked: set[str] = set()
    for county in counties_of_home():
        actor = session.machine_for(county.county)
        with acting(actor):
            banks = banks_awaited(everyone=everyone, scope=actor.scope)
        for bank in banks if settings.BANK_ENDPOINTS.exists() else []:
            moved += wire.remind(bank, actor=actor)
            if bank.code3 not in asked:
                asked.add(bank.code3)
                moved += _patiently(bank.name, partial(wire.collect, bank, actor=actor))
        if settings.BUDGET_ENDPOINT.exists():
            moved += _patiently("预算系统", partial(treasury.ask, actor=actor))
        if everyone:
            reconciling.run_daily(county.county)
    return moved


def _patiently(name: str, ask: Callable[[], int]) -> int:
    """A party that cannot be reached is said, and asked again in a later round."""
    try:
        return ask()
    except TryAgain as error:
        session.say(f"{name}：{error}")
        return 0


def _queues_ready() -> list[str]:
    """The queues in which a job is due."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT queue_name FROM procrastinate_jobs WHERE status = 'todo'"
            " AND (scheduled_at IS NULL OR scheduled_at <= now()) ORDER BY queue_name"
        )
        return [queue for (queue,) in cursor.fetchall()]


def _awaiting() -> bool:
    """Whether a retry is near, or a bank or the treasury still owes an answer."""
    from django.db import connection

    from yikatong.organisation.queries import counties_of_home
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import banks_owing

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo'"
            " AND scheduled_at < now() + make_interval(secs => %s))",
            [SOON_S],
        )
        if cursor.fetchone()[0]:
            return True
    for county in counties_of_home():
        with acting(session.machine_for(county.county)) as actor:
            if banks_owing(scope=actor.scope):
                return True
    return False


def _requeue_stalled() -> None:
    """Jobs of a worker that was killed stand as `doing` for ever (procrastinate #1518). With one
    worker per home, held by the lock, every such job is a dead worker's.
    """
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing'"
        )
        if cursor.rowcount:
            point("mid-sweep")
            session.say(f"重新排队 {cursor.rowcount} 项中断的任务")


def _requeue_failed() -> None:
    """A worker starts after what broke was mended: what had been given up gets its tries anew."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, worker_id = NULL,"
            " scheduled_at = NULL WHERE status = 'failed'"
        )
        if cursor.rowcount:
            session.say(f"重新排队 {cursor.rowcount} 项没有办成的任务")


def _forget_headway() -> None:
    """With one worker per home, what is told of a judgement now was told by one that is dead."""
    from yikatong.organisation.queries import counties_of_home
    from yikatong.organisation.scoping import acting
    from yikatong.validation.given_up import forget_headway

    for county in counties_of_home():
        with acting(session.machine_for(county.county)) as actor:
            forget_headway(actor=actor)


def _tell_failed() -> None:
    """A job that was given up is 异常挂账: somebody must know that its batch stands still. A clerk
    who waits for a check reads in its place that it was given up.
    """
    from django.db import connection

    from yikatong.organisation.scoping import acting
    from yikatong.validation.given_up import give_up_check, give_up_trial

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, task_name, args->>'county', (args->>'batch_id')::bigint,"
            " (args->>'run_id')::bigint, (args->>'trial_id')::bigint"
            " FROM procrastinate_jobs WHERE status = 'failed'"
        )
        failed = cursor.fetchall()
    for job_id, task, county, batch_id, run_id, trial_id in failed:
        with acting(session.machine_for(county)) as actor:
            _set_aside(job_id, task, batch_id, actor=actor)
            if run_id is not None:
                give_up_check(run_id, actor=actor)
            if trial_id is not None:
                give_up_trial(trial_id, actor=actor)


def _set_aside(job_id: int, task: str, batch_id: int | None, *, actor: Actor) -> None:
    from yikatong.jobs.actions import quarantine
    from yikatong.submission.queries import batches

    batch = batches(scope=actor.scope).filter(pk=batch_id or 0).first()
    what = f"批次 {batch.number} " if batch else ""
    quarantine(
        kind="后台任务出错",
        fingerprint=f"job|{job_id}",
        sentence=(
            f"{what}后台任务 {task}（{job_id} 号）多次没有办成，已停下等待处理。"
            "请系统管理员查看 logs 目录下的日志，"
            "排除后重新启动后台办理程序（./ykt run），会接着办。"
        ),
        unit_no=batch.unit_no if batch else 0,
        department_no=batch.department_no if batch else None,
        batch_id=batch_id if batch else None,
        actor=actor,
    )


class _only_one:  # noqa: N801 - reads as a phrase
    """The lock of the home's worker, held until the process ends, however it ends."""

    def __enter__(self) -> None:
        path = session.home().run / "worker.lock"
        self._file: IO[str] = path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise Refused("这个数据目录的后台办理程序已在运行。") from None

    def __exit__(self, *_: object) -> None:
        self._file.close()
