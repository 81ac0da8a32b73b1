"""What the books of a running home say, read by the worker's own login in a process of its own.

Run as `python -m tests.browser.ledger COUNTY`, with YKT_HOME naming the home. Prints one JSON
object: {"stops": [...], "changes": [...], "events": [...], "lines": {number: [row, …]}}.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from yikatong.cli import session
from yikatong.kernel.home import CHECKOUT


def of(hall: dict[str, Any], county: str) -> dict[str, Any]:
    """The books of this county in the home of the hall."""
    kept = {name: word for name, word in os.environ.items() if not name.startswith("YKT_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.browser.ledger", county],
        cwd=CHECKOUT,
        env={**kept, "YKT_HOME": hall["home"], "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main(county: str) -> None:
    session.log_in("worker")
    from yikatong.audit.models import AuditEvent  # noqa: PLC0415 - after log_in
    from yikatong.organisation.scoping import acting  # noqa: PLC0415
    from yikatong.payout.models import Stop  # noqa: PLC0415
    from yikatong.registry.models import AccountChange  # noqa: PLC0415
    from yikatong.submission.models import Line  # noqa: PLC0415

    with acting(session.machine_for(session.county_code(county))) as actor:
        code = actor.scope.county
        stops = Stop.objects.filter(county=code).select_related("payment__batch")
        changes = AccountChange.objects.filter(county=code).select_related("account__current")
        events = AuditEvent.objects.filter(county=code).order_by("seq")
        lines: dict[str, list[int]] = {}
        for number, row in Line.objects.filter(county=code).values_list("batch__number", "row_no"):
            lines.setdefault(number, []).append(row)
        told = {
            "stops": [
                {
                    "batch": one.payment.batch.number,
                    "state": one.payment.state,
                    "detail_id": one.payment.detail_id,
                    "asked_by": one.asked_by,
                    "confirmed_by": one.confirmed_by,
                }
                for one in stops
            ],
            "changes": [
                {
                    "state": one.state,
                    "proposed_by": one.proposed_by,
                    "decided_by": one.decided_by,
                    "last4": one.last4,
                    "in_force": one.account.current.last4,
                }
                for one in changes
            ],
            "events": list(events.values("action", "username", "note", "result")),
            "lines": lines,
        }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
