"""The edges of both counties' journeys, for the trigger that is the last judge of a status."""

from __future__ import annotations

from django.db import models


class JourneyEdge(models.Model):
    id = models.BigAutoField(primary_key=True, db_comment="编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    step = models.CharField(max_length=20, db_comment="步骤")
    from_status = models.CharField(max_length=12, db_comment="原状态")
    to_status = models.CharField(max_length=12, db_comment="新状态")

    is_check = models.BooleanField(default=False, db_comment="是否审核环节：编制人不得办理")

    class Meta:
        db_table = "journey_edge"
        db_table_comment = "办理流程的边"
        constraints = (
            models.UniqueConstraint(
                fields=["county", "step", "from_status", "to_status"], name="one_edge_once"
            ),
        )
