"""How we speak to a paying bank: bytes are fixed in the outbox, then sent; what comes is kept,
then archived. No transaction is open while the line is (trust.md §3).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from yikatong.connectors.bank.endpoint import BankEndpoint, load_endpoints
from yikatong.connectors.bank.files import InboundFile, SealedPart, encode
from yikatong.connectors.bank.messages import Message
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Envelope
from yikatong.connectors.bank.refusals import FileRefused
from yikatong.connectors.bank.sftp import SftpChannel
from yikatong.jobs.actions import keep_incoming, keep_outgoing, quarantine, send_again
from yikatong.jobs.models import Outbox
from yikatong.jobs.queries import unanswered, unsent
from yikatong.jobs.queue import defer
from yikatong.kernel.actor import Actor, Scope
from yikatong.organisation.models import PayingBank
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.scoping import acting
from yikatong.vault.wire import WireKeys

TELL_AFTER: Final = 3


def endpoint_of(bank: PayingBank) -> BankEndpoint:
    """Where this bank is. Raises Refused where it is not registered."""
    return load_endpoints(settings.BANK_ENDPOINTS)[bank.code3]


def envelope_of(bank: PayingBank) -> Envelope:
    """Our keys facing this bank's."""
    return WireKeys.load(settings.HOME.keys).facing(endpoint_of(bank).sm2_public)


def post(message: Message, bank: PayingBank, *, actor: Actor) -> None:
    """Fix a message's bytes in the outbox and queue their delivery, in the caller's transaction."""
    parts = encode(message, created=timezone.localtime(), envelope=envelope_of(bank))
    for part in parts:
        keep_outgoing(
            bank_no=bank.bank_no,
            key=part.key,
            kind=message.msg.value,
            name=part.name,
            payload=part.sealed,
            signature=part.signature,
            actor=actor,
        )
    defer("organisation.deliver", bank_no=bank.bank_no, county=bank.county)


def deliver(bank: PayingBank, *, actor: Actor) -> int:
    """Send what the outbox holds for this bank, the same bytes at every try; gives how many.

    Raises:
        Unreachable: the line does not hold; nothing is marked as sent.
    """
    with acting(actor):
        waiting = list(unsent(bank.bank_no, scope=actor.scope))
        Outbox.objects.filter(pk__in=[one.pk for one in waiting]).update(attempts=F("attempts") + 1)
    parts = [
        SealedPart(one.name, bytes(one.payload), bytes(one.signature), one.key, "", 0, 0)
        for one in waiting
    ]
    if parts:
        SftpChannel(endpoint_of(bank)).put(parts)
        with acting(actor):
            Outbox.objects.filter(pk__in=[one.pk for one in waiting]).update(sent_at=timezone.now())
    return len(parts)


def remind(bank: PayingBank, *, actor: Actor) -> int:
    """What a bank has not answered in time is sent again, the same bytes; gives how many files.

    The key makes it one message however often it comes (trust.md §3): a bank that has it answers
    anew. From the third silence on, people are told; the file goes on being sent.
    """
    before = timezone.now() - timedelta(seconds=settings.ANSWER_WAIT_S)
    with acting(actor):
        silent = list(unanswered(bank.bank_no, sent_before=before, scope=actor.scope))
        if not silent:
            return 0
        send_again(silent, actor=actor)
        defer("organisation.deliver", bank_no=bank.bank_no, county=bank.county)
        for one in silent:
            if one.attempts >= TELL_AFTER:
                quarantine(
                    kind="银行无回执",
                    fingerprint=f"silent|{one.key}",
                    sentence=(
                        f"{bank.name}对报文 {one.name} 一直没有回执。系统会继续重发，请联系银行。"
                    ),
                    bank_no=bank.bank_no,
                    actor=actor,
                )
    return len(silent)


def collect(bank: PayingBank, *, actor: Actor) -> int:
    """Fetch the bank's complete files, keep them whole, then archive them; gives how many."""
    channel = SftpChannel(endpoint_of(bank))
    files = channel.fetch()
    good: list[InboundFile] = []
    bad: list[InboundFile] = []
    for file in files:
        try:
            name = PartName.parse(file.name)
        except FileRefused as error:
            bad.append(file)
            _set_aside(file, str(error), bank, actor=actor)
            continue
        # one folder per bank: a file may speak to another county of this home
        addressee = replace(actor, scope=Scope(name.county))
        with acting(addressee):
            known = {one.code3: one for one in paying_banks(scope=addressee.scope).values()}
            kept = keep_incoming(
                bank_no=known[bank.code3].bank_no if bank.code3 in known else bank.bank_no,
                kind=name.msg.value,
                name=file.name,
                payload=file.sealed,
                signature=file.signature,
                actor=addressee,
            )
            if kept is not None:
                defer(
                    "journey.apply_message",
                    lock=f"inbox-{name.county}",
                    inbox_id=kept.pk,
                    county=name.county,
                )
        good.append(file)
    if good:
        channel.archive(good)
    if bad:
        channel.reject(bad)
    return len(files)


def _set_aside(file: InboundFile, why: str, bank: PayingBank, *, actor: Actor) -> None:
    with acting(actor):
        quarantine(
            kind="银行文件无法识别",
            fingerprint=f"file|{bank.code3}|{file.name}",
            sentence=why,
            bank_no=bank.bank_no,
            actor=actor,
        )
