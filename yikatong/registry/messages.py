"""What a bank is asked about accounts (VRQ), and how its answer is read (VRS)."""

from __future__ import annotations

from typing import Final

from yikatong.connectors.bank.messages import Message, Msg, VerifyRow
from yikatong.connectors.bank.refusals import Unwritable
from yikatong.registry.models import AccountChange, CardAccountVersion, VerificationRequest
from yikatong.vault.access import the_vault

ID_CARD: Final = "01"
ID_FIELD: Final = "person.id"
NUMBER_FIELD: Final = "card_account_version.number"
CHANGE_FIELD: Final = "account_change.number"
PREFIX: Final = "V"
OF_CHANGE: Final = "C"


def question(request: VerificationRequest) -> Message:
    """One row per account version; `verify_id` names it, so that the answer finds it again."""
    vault = the_vault()
    versions = (
        CardAccountVersion.objects.filter(county=request.county, pk__in=request.versions)
        .select_related("account__person")
        .order_by("id")
    )
    rows = tuple(
        VerifyRow(
            verify_id=f"{PREFIX}{version.pk}",
            seq=place,
            payee_name=version.account_name,
            id_type=ID_CARD,
            id_no=vault.decrypt(
                bytes(version.account.person.id_cipher), county=request.county, field=ID_FIELD
            ).decode(),
            acct_no=vault.decrypt(
                bytes(version.number_cipher), county=request.county, field=NUMBER_FIELD
            ).decode(),
            acct_type=version.kind,
        )
        for place, version in enumerate(versions, start=1)
    )
    return Message(Msg.VRQ, request.batch_no, rows)


def question_of_change(request: VerificationRequest, change: AccountChange) -> Message:
    """The one row of an account as it was just entered; no version stands for it yet."""
    vault, person = the_vault(), change.account.person
    row = VerifyRow(
        verify_id=f"{OF_CHANGE}{change.pk}",
        seq=1,
        payee_name=change.account_name,
        id_type=ID_CARD,
        id_no=vault.decrypt(bytes(person.id_cipher), county=change.county, field=ID_FIELD).decode(),
        acct_no=vault.decrypt(
            bytes(change.number_cipher), county=change.county, field=CHANGE_FIELD
        ).decode(),
        acct_type=change.kind,
    )
    return Message(Msg.VRQ, request.batch_no, (row,))


def unwritable_versions(message: Message, error: Unwritable) -> set[int]:
    """The versions whose rows this bank cannot be told (F12)."""
    rows = [row for row in message.rows if isinstance(row, VerifyRow)]
    return {version_named(rows[problem.row - 1].verify_id) for problem in error.problems}


def version_named(verify_id: str) -> int:
    """The account version that an answer speaks of; 0 for a stranger's."""
    digits = verify_id.removeprefix(PREFIX)
    return int(digits) if verify_id.startswith(PREFIX) and digits.isdecimal() else 0
