"""How we speak to a paying bank: bytes are fixed in the outbox, then sent; what comes is kept,
then archived. No transaction is open while the line is (trust.md §3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from yikatong.connectors.bank.api import ApiChannel
from yikatong.connectors.bank.endpoint import BankEndpoint, load_endpoints
from yikatong.connectors.bank.files import InboundFile, SealedPart, encode
from yikatong.connectors.bank.hours import WAITS, next_window, told
from yikatong.connectors.bank.messages import Message, Msg
from yikatong.connectors.bank.names import PartName
from yikatong.connectors.bank.ports import Channel
from yikatong.connectors.bank.profiles import FILE, HTTP, BankProfile, load_profiles, missing
from yikatong.connectors.bank.refusals import FileRefused, Unreachable
from yikatong.connectors.bank.sftp import SftpChannel
from yikatong.jobs.actions import (
    forget_nonces,
    hold_back,
    keep_incoming,
    keep_outgoing,
    quarantine,
    send_again,
)
from yikatong.jobs.lines import note_broken, note_holds, resting_until
from yikatong.jobs.models import Outbox
from yikatong.jobs.queries import unanswered, unsent
from yikatong.jobs.queue import defer, lane_of
from yikatong.kernel.actor import Actor, Scope
from yikatong.kernel.errors import TryAgain
from yikatong.kernel.points import point
from yikatong.organisation.models import PayingBank
from yikatong.organisation.queries import paying_banks, work_calendar
from yikatong.organisation.scoping import acting
from yikatong.vault.wire import WireEnvelope, WireKeys, key_id

TELL_AFTER: Final = 3
ASKED_FIRST: Final = frozenset({Msg.PAY.value, Msg.REL.value, Msg.CAN.value})
NEVER_HEARD: Final = "UNKNOWN"


def endpoint_of(bank: PayingBank) -> BankEndpoint:
    """Where this bank is. Raises Refused where it is not registered."""
    return load_endpoints(settings.BANK_ENDPOINTS)[bank.code3]


@cache
def _profiles(folder: Path) -> dict[str, BankProfile]:
    return load_profiles(folder)


def profile_of(bank: PayingBank) -> BankProfile:
    """How this bank wants its messages. Raises Refused where it has no profile."""
    known = _profiles(settings.BANK_PROFILES)
    missing({bank.code3: bank.name}, known)
    return known[bank.code3]


def envelope_of(bank: PayingBank) -> WireEnvelope:
    """Our keys facing this bank's."""
    return WireKeys.load(settings.HOME.keys).facing(
        endpoint_of(bank).sm2_public, distid=profile_of(bank).distid
    )


def channel_of(bank: PayingBank, binding: str) -> Channel:
    """The way to this bank: its folders, or its API."""
    endpoint = endpoint_of(bank)
    if binding == FILE:
        return SftpChannel(endpoint)
    return api_of(bank)


def api_of(bank: PayingBank) -> ApiChannel:
    envelope = envelope_of(bank)
    certificate = f"YKT-{key_id(envelope.own.public)}"
    return ApiChannel(endpoint_of(bank), envelope, certificate, profile_of(bank))


def post(message: Message, bank: PayingBank, *, actor: Actor) -> None:
    """Fix a message's bytes in the outbox and queue their delivery, in the caller's transaction."""
    parts = encode(
        message, created=timezone.localtime(), envelope=envelope_of(bank), profile=profile_of(bank)
    )
    for part in parts:
        keep_outgoing(
            bank_no=bank.bank_no,
            key=part.key,
            kind=message.msg.value,
            name=part.name,
            payload=part.sealed,
            signature=part.signature,
            first_seq=part.first,
            last_seq=part.last,
            actor=actor,
        )
    defer("organisation.deliver", bank_no=bank.bank_no, county=bank.county)


def deliver(bank: PayingBank, *, actor: Actor) -> int:
    """Send what the outbox holds for this bank, the same bytes at every try; gives how many.

    Raises:
        Unreachable: the line does not hold, or is left alone; nothing is marked as sent.
    """
    return on_the_line(bank, lambda: _deliver(bank, actor=actor), actor=actor)


def on_the_line(bank: PayingBank, talk: Callable[[], int], *, actor: Actor) -> int:
    """Speak with a bank unless it is left alone; its breaker hears how the line held.

    Raises:
        Unreachable: the line does not hold, or the bank is left alone for a while.
    """
    with acting(actor):
        until = resting_until(bank.bank_no, scope=actor.scope)
    if until is not None:
        when = f"{timezone.localtime(until):%H:%M:%S}"
        raise Unreachable(f"{bank.name}连续多次连接不上，{when} 前暂不联系")
    try:
        given = talk()
    except Unreachable as error:
        with acting(actor):
            note_broken(bank.bank_no, str(error), actor=actor)
        raise
    with acting(actor):
        note_holds(bank.bank_no, actor=actor)
    return given


def _deliver(bank: PayingBank, *, actor: Actor) -> int:
    with acting(actor):
        waiting = _in_hours(list(unsent(bank.bank_no, scope=actor.scope)), bank, actor=actor)
        Outbox.objects.filter(pk__in=[one.pk for one in waiting]).update(attempts=F("attempts") + 1)
    for binding in (FILE, HTTP):
        these = [one for one in waiting if PartName.parse(one.name).is_file == (binding == FILE)]
        if not these:
            continue
        answers = channel_of(bank, binding).put([_part(one) for one in these])
        point("bank-has-it")
        with acting(actor):
            Outbox.objects.filter(pk__in=[one.pk for one in these]).update(sent_at=timezone.now())
            point("reply-read")
        for answer in answers:
            _keep(answer, bank, actor=actor)
    return len(waiting)


def _in_hours(waiting: list[Outbox], bank: PayingBank, *, actor: Actor) -> list[Outbox]:
    """What may go now. Payout data past the bank's cut-off waits for its next window, and the
    share's page says so.
    """
    late = [one for one in waiting if one.kind in WAITS]
    if not late or endpoint_of(bank).always_open:
        return waiting
    profile = profile_of(bank)
    opens = next_window(timezone.localtime(), profile, work_calendar(scope=actor.scope))
    if opens is None:
        return waiting
    hold_back(late, opens, actor=actor)
    defer("organisation.deliver", at=opens, bank_no=bank.bank_no, county=bank.county)
    for batch_no in sorted({PartName.parse(one.name).batch_no for one in late}):
        defer(
            "payout.tell_held", batch_no=batch_no, county=bank.county,
            until=opens.isoformat(), why=told(profile.cut_off),
        )  # fmt: skip
    return [one for one in waiting if one not in late]


def _part(one: Outbox) -> SealedPart:
    return SealedPart(one.name, bytes(one.payload), bytes(one.signature), one.key, "", 0, 0)


def remind(bank: PayingBank, *, actor: Actor) -> int:
    """What a bank has not answered in time is sent again, the same bytes; gives how many files.

    The key makes it one message however often it comes (trust.md §3): a bank that has it answers
    anew. From the third silence on, people are told; the file goes on being sent.
    """
    before = timezone.now() - timedelta(seconds=settings.ANSWER_WAIT_S)
    with acting(actor):
        if resting_until(bank.bank_no, scope=actor.scope) is not None:
            return 0  # silent because we do not ask
        silent = list(unanswered(bank.bank_no, sent_before=before, scope=actor.scope))
        if not silent:
            return 0
    known = {one.pk for one in silent if _stands(one, bank)}
    with acting(actor):
        Outbox.objects.filter(pk__in=known).update(sent_at=timezone.now())
        send_again([one for one in silent if one.pk not in known], actor=actor)
        forget_nonces(actor=actor)
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


def _stands(one: Outbox, bank: PayingBank) -> bool:
    """Whether the bank says that it has this message: asked first, where it can be asked.

    A bank that knows the batch offers its answers about it once more, and they are fetched.
    """
    name = PartName.parse(one.name)
    if name.is_file or one.kind not in ASKED_FIRST:
        return False
    try:
        state = api_of(bank).ask(name.batch_no).state
    except (TryAgain, FileRefused):
        return False
    if one.kind == Msg.PAY:
        return state != NEVER_HEARD
    return state in ("PAYING", "DONE") if one.kind == Msg.REL else state == "CANCELLED"


def collect(bank: PayingBank, *, actor: Actor) -> int:
    """Fetch the bank's complete messages, keep them whole, then archive them; gives how many."""
    profile = profile_of(bank)

    def listen() -> int:
        return sum(
            _collected(channel_of(bank, binding), bank, actor=actor)
            for binding in (FILE, HTTP)
            if profile.speaks(binding)
        )

    return on_the_line(bank, listen, actor=actor)


def _collected(channel: Channel, bank: PayingBank, *, actor: Actor) -> int:
    files = channel.fetch()
    if files:
        point("result-fetched")
    good = [file for file in files if _keep(file, bank, actor=actor)]
    bad = [file for file in files if file not in good]
    if good:
        point("inbox-committed")
        channel.archive(good)
    if bad:
        channel.reject(bad)
    return len(files)


def _keep(file: InboundFile, bank: PayingBank, *, actor: Actor) -> bool:
    """Into the inbox, to be applied; False: set aside, its name says nothing to us."""
    try:
        name = PartName.parse(file.name)
    except FileRefused as error:
        _set_aside(file, str(error), bank, actor=actor)
        return False
    # one folder per bank: a file may speak to another county of this home
    addressee = replace(actor, scope=Scope(name.county))
    with acting(addressee):
        known = {one.code3: one for one in paying_banks(scope=addressee.scope).values()}
        keep(file, name, known.get(bank.code3, bank).bank_no, actor=addressee)
    return True


def keep(file: InboundFile, name: PartName, bank_no: int, *, actor: Actor) -> None:
    """Store one message whole and queue its application, in the caller's transaction."""
    kept = keep_incoming(
        bank_no=bank_no,
        kind=name.msg.value,
        name=file.name,
        payload=file.sealed,
        signature=file.signature,
        actor=actor,
    )
    if kept is not None:
        defer(
            "journey.apply_message",
            queue=lane_of(bank_no),
            inbox_id=kept.pk,
            county=name.county,
        )


def _set_aside(file: InboundFile, why: str, bank: PayingBank, *, actor: Actor) -> None:
    with acting(actor):
        quarantine(
            kind="银行文件无法识别",
            fingerprint=f"file|{bank.code3}|{file.name}",
            sentence=why,
            bank_no=bank.bank_no,
            actor=actor,
        )
