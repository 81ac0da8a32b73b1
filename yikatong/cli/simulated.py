"""`bank serve`, `budget serve`: the simulators as programs of their own, fed from this home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import httpx

from yikatong.cli import processes, session
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

BANK, BUDGET = "bank", "budget"
INDICATOR_FEN = 100_000_000_000


def bank_command(accounts: Path, *, seed: int, fail_rate: str) -> list[str]:
    home = session.home()
    counties = [word for county in _counties() for word in ("--county", county)]
    keeping = [word for county in _counties() if _keeps(county) for word in ("--keep", county)]
    return processes.python(
        "simulators.bank", "serve", "--books", str(home.simulators / BANK), "--seed", str(seed),
        "--fail-rate", fail_rate, "--peer-pub", str(home.keys / "wire.pub"),
        "--ready", str(home.run / "bank.json"), "--accounts", str(accounts),
        "--profiles", str(session.PACKS / "banks"), *counties, *keeping,
    )  # fmt: skip


def budget_command(indicators: Path) -> list[str]:
    home = session.home()
    return processes.python(
        "simulators.budget", "serve", "--books", str(home.simulators / BUDGET),
        "--ready", str(home.run / "budget.json"), "--bank-ready", str(home.run / "bank.json"),
        "--indicators", str(indicators), "--files", str(home.root / "exchange" / BUDGET),
    )  # fmt: skip


def serve_bank(*, seed: int, fail_rate: str) -> int:
    """In the foreground, until stopped."""
    session.log_in("worker")
    accounts = write_accounts()
    try:
        return _foreground(BANK, bank_command(accounts, seed=seed, fail_rate=fail_rate))
    finally:
        accounts.unlink(missing_ok=True)


def serve_budget() -> int:
    session.log_in("worker")
    indicators = write_indicators()
    try:
        return _foreground(BUDGET, budget_command(indicators))
    finally:
        indicators.unlink(missing_ok=True)


def start_both(*, seed: int) -> tuple[dict[str, object], dict[str, object]]:
    """Beside us, for the demo and the tests: what both say of themselves once they listen."""
    home = session.home()
    session.log_in("worker")
    accounts, indicators = write_accounts(), write_indicators()
    try:
        for name, ready, command in (
            (BANK, home.run / "bank.json", bank_command(accounts, seed=seed, fail_rate="0")),
            (BUDGET, home.run / "budget.json", budget_command(indicators)),
        ):
            if processes.running(name) is None:
                ready.unlink(missing_ok=True)
                processes.start(name, command)
            processes.wait_for(ready, name)
    finally:
        accounts.unlink(missing_ok=True)
        indicators.unlink(missing_ok=True)
    return (
        json.loads((home.run / "bank.json").read_text("utf-8")),
        json.loads((home.run / "budget.json").read_text("utf-8")),
    )


def arm(kind: str, *, bank: str, times: int, facts: list[str]) -> None:
    """Have the running bank simulator fail in one way. Raises Refused in its own words."""
    asked: dict[str, object] = {"kind": kind, "times": times} | ({"bank_no3": bank} if bank else {})
    for fact in facts:
        name, _, value = fact.partition("=")
        asked[name] = int(value) if value.isdecimal() else value
    _control("POST", "/control/faults", asked)
    session.say(f"模拟银行将出故障 {kind}，{times} 次")


def show_faults(*, as_json: bool) -> None:
    """Every kind by group, and how often each was really hit."""
    hits: dict[str, int] = {}
    for one in _control("GET", "/control/faults")["faults"]:
        hits[one["kind"]] = hits.get(one["kind"], 0) + one["hits"]
    groups = _control("GET", "/control/faults/kinds")["groups"]
    if as_json:
        session.show_json({"groups": groups, "hits": hits})
        return
    for group, kinds in groups.items():
        for kind, what in kinds.items():
            sys.stdout.write(f"{group:<13}{kind:<24}{hits.get(kind, 0):>4}  {what}\n")


def _control(method: str, path: str, content: object = None) -> dict[str, Any]:
    try:
        ready = json.loads((session.home().run / "bank.json").read_text("utf-8"))
        told = httpx.request(
            method, ready["control_url"] + path, json=content, timeout=5, trust_env=False
        )
        answer: dict[str, Any] = told.json()
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        raise Refused("模拟银行没有运行，请先运行 ./ykt bank serve。") from None
    if told.is_error:
        raise Refused(str(answer.get("reason", "模拟银行没有接受这个要求。")))
    return answer


def write_accounts() -> Path:
    """The home's accounts in clear, for the simulator that plays their banks: a 0600 file that the
    caller removes. Only a home of made-up people has a simulator.
    """
    from yikatong.organisation.queries import paying_banks
    from yikatong.organisation.scoping import acting
    from yikatong.registry.messages import ID_FIELD, NUMBER_FIELD
    from yikatong.registry.queries import versions_with_secrets
    from yikatong.vault.access import the_vault

    vault = the_vault()
    with _private_file() as stream:
        for county in _counties():
            with acting(session.machine_for(county)) as actor:
                banks = paying_banks(scope=actor.scope)
                for bank in banks.values():
                    agreed = {
                        "bank_no3": bank.code3, "acct_no": bank.payout_account,
                        "acct_type": "PAYOUT", "county": county,
                    }  # fmt: skip
                    stream.write(json.dumps(agreed) + "\n")
                for version in versions_with_secrets(scope=actor.scope).iterator(chunk_size=2000):
                    person = version.account.person
                    row = {
                        "bank_no3": banks[version.bank_no].code3,
                        "acct_no": vault.decrypt(
                            bytes(version.number_cipher), county=county, field=NUMBER_FIELD
                        ).decode(),
                        "name": version.account_name,
                        "id_no": vault.decrypt(
                            bytes(person.id_cipher), county=county, field=ID_FIELD
                        ).decode(),
                        "acct_type": version.kind,
                        "status": "NORMAL",
                        "class": "I",
                        "is_household_public": False,
                    }
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return Path(stream.name)


def write_indicators() -> Path:
    """One indicator per county, year and programme, with room enough for a demo."""
    from django.utils import timezone

    from yikatong.catalogue.queries import programmes
    from yikatong.organisation.scoping import acting

    this_year = timezone.localdate().year
    with _private_file() as stream:
        for county in _counties():
            with acting(session.machine_for(county)) as actor:
                for year in (this_year - 1, this_year, this_year + 1):
                    for programme in programmes(scope=actor.scope):
                        row = {
                            "bgt_id": f"ZB{county}{year}{programme.code}",
                            "mof_div_code": f"{county}000",
                            "fiscal_year": str(year),
                            "agency_code": f"{county}{programme.department_no:03d}",
                            "pro_code": programme.code,
                            "pro_name": programme.name,
                            "amount_fen": INDICATOR_FEN,
                        }
                        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return Path(stream.name)


def _private_file() -> IO[str]:
    session.home().run.mkdir(parents=True, exist_ok=True)
    return tempfile.NamedTemporaryFile(
        "w", dir=session.home().run, suffix=".jsonl", delete=False, encoding="utf-8"
    )


def _counties() -> list[str]:
    from yikatong.organisation.queries import counties_of_home

    return [county.county for county in counties_of_home()]


def _keeps(county: str) -> bool:
    from yikatong.organisation.queries import county_settings
    from yikatong.organisation.scoping import acting

    with acting(session.machine_for(county)) as actor:
        return bool(county_settings(scope=actor.scope).settings.get("residue") == "keep")


def _foreground(name: str, command: list[str]) -> int:
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environ, stdout=sys.stderr) as process:
        processes.note(name, process.pid)
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return 0
        finally:
            processes.forget(name)
