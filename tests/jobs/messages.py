"""Messages of banks as they are kept, and the round of the worker that takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from tests.validation.cast import HERE
from yikatong.cli import working
from yikatong.connectors.bank.files import InboundFile
from yikatong.connectors.bank.names import PartName
from yikatong.jobs.models import Inbox
from yikatong.organisation import wire
from yikatong.organisation.machines import machine
from yikatong.organisation.scoping import acting


def received(serial: int, bank_no: int = 1) -> int:
    """One message of a bank, kept by the very call that keeps them all; gives its number."""
    name = f"YKT_RES_{HERE}_20261122_ABC{HERE}20261122{serial:06d}_001of001.txt"
    with acting(machine(HERE)) as actor:
        wire.keep(InboundFile(name, name.encode(), b""), PartName.parse(name), bank_no, actor=actor)
        return int(Inbox.objects.get(name=name).pk)


def jobs_run() -> None:
    """In a thread of its own: a browser's test may have left an event loop in this one."""

    def run() -> None:
        try:
            working._run_jobs()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(run).result()
