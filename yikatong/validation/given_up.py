"""放弃的检查: what a clerk reads where the worker has given a check up, or was killed at it."""

from __future__ import annotations

from typing import Final

from yikatong.kernel.actor import Actor
from yikatong.validation.models import CheckRun, Headway, Trial

GIVEN_UP: Final = (
    "后台多次没有办成这次检查，已停下，没有存下任何结果。"
    "请重新上传再检查一次；仍不行请联系系统管理员查看日志。"
)


def give_up_check(run_id: int, *, actor: Actor) -> None:
    """A check whose job was given up is over and says so; one that ended otherwise stays so."""
    CheckRun.objects.filter(
        county=actor.scope.county, pk=run_id, state=CheckRun.State.QUEUED
    ).update(state=CheckRun.State.FAILED, trouble=GIVEN_UP)


def give_up_trial(trial_id: int, *, actor: Actor) -> None:
    """The same of a trial of a definition."""
    Trial.objects.filter(
        county=actor.scope.county, pk=trial_id, state=CheckRun.State.QUEUED
    ).update(state=CheckRun.State.FAILED, trouble=GIVEN_UP)


def forget_headway(*, actor: Actor) -> int:
    """No judge is at work yet: what is told of one is a killed one's; gives how many there were."""
    forgotten, _ = Headway.objects.filter(county=actor.scope.county).delete()
    return int(forgotten)
