"""`init`: a home with a county's pack, its posts, and people without passwords."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from yikatong.catalogue.pack import load_calendar, load_card_prefixes, load_pack, load_towns
from yikatong.catalogue.specs import CountyPack
from yikatong.cli import database, session, upgrading
from yikatong.cli.postgres import Server
from yikatong.cli.sample import books
from yikatong.cli.sample.people import SamplePopulation, generate
from yikatong.cli.upgrading import Upgrade
from yikatong.connectors.bank.profiles import load_profiles, missing
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home
from yikatong.vault.access import the_vault
from yikatong.vault.keys import KeyRing
from yikatong.vault.wire import WireKeys

SAMPLE_TOWNS = 3
# made-up rosters give way to any that a county loads, and are not stale yet
SAMPLE_ROSTER_AGE: Final = timedelta(days=30)


def pack_of(slug: str) -> CountyPack:
    """Raises Refused for a county without a pack."""
    known = sorted(path.parent.name for path in session.PACKS.glob("*/pack.toml"))
    if slug not in known:
        raise Refused(f"没有区县包“{slug}”。可用：{'、'.join(known)}。")
    return load_pack(session.PACKS / slug)


def init_county(slug: str, *, people: int, seed: int, admin_url: str | None = None) -> None:
    """Make the home if needed, then the county in it.

    Raises:
        Refused: the county is set up already (the home has then been brought up to this version,
            and the sentence tells what was done), or the database cannot be reached.
    """
    done = init_or_upgrade([slug], people=people, seed=seed, admin_url=admin_url)
    if not done.counties:
        raise Refused(
            f"{pack_of(slug).name}已经初始化过，人员、名单和批次都没有动，也没有重新装入。"
            f"{done.sentence()}可直接运行 ./ykt serve 和 ./ykt run；"
            "若要另建一份，请把 YKT_HOME 指到一个空目录再初始化。"
        )


def init_counties(
    slugs: list[str], *, people: int, seed: int, admin_url: str | None = None
) -> list[str]:
    """Gives the counties that are new in this home."""
    return init_or_upgrade(slugs, people=people, seed=seed, admin_url=admin_url).counties


def init_or_upgrade(
    slugs: list[str], *, people: int, seed: int, admin_url: str | None = None
) -> Upgrade:
    """Each part in the role it needs; counties that are there are brought up to this version."""
    packs = {slug: pack_of(slug) for slug in slugs}
    home = session.home()
    for pack in packs.values():
        make_home(home, pack.code)
    the_vault.cache_clear()  # a vault that was opened before knows no key of a county that is new
    database.bring_up(home)
    prepare_database(home, admin_url)
    done = _as_owner(slugs, admin_url)
    if people and done.counties:
        session.log_in("web")
        for slug in done.counties:
            _register_people(packs[slug], people=people, seed=seed)
    return done


def make_home(home: Home, county: str) -> None:
    """Keys and folders; keys of another county are added to those that are there."""
    home.root.mkdir(parents=True, exist_ok=True)
    for folder in (home.run, home.logs):
        folder.mkdir(parents=True, exist_ok=True)
    if (home.keys / "keys.json").exists():
        KeyRing.open(home.keys).with_county(county)
    else:
        KeyRing.create(home.keys, [county])
    WireKeys.load_or_create(home.keys)
    session_key = home.keys / "session.key"
    if not session_key.exists():
        descriptor = os.open(session_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32))


def prepare_database(home: Home, admin_url: str | None) -> None:
    """Roles by the administrator, then tables and law by the owner, in a process of its own."""
    if database.is_embedded():
        server = Server(home)
        database.make_roles(server.conninfo(), server.dbname)
    elif admin_url:
        database.make_roles_at(admin_url, home)


def _as_owner(slugs: list[str], admin_url: str | None) -> Upgrade:
    """Tables, law and counties, by the owner's login: another process, so this one never holds it.
    Gives what was done.
    """
    environ = {**os.environ, "YKT_PROCESS": "owner", "PYTHONPATH": str(CHECKOUT)}
    if admin_url:
        environ["YKT_ADMIN_URL"] = admin_url
    done = subprocess.run(
        [sys.executable, "-P", "-m", "yikatong.cli.setup", *slugs],
        env=environ,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == session.UNREADABLE:
        raise Refused(done.stderr.strip())
    if done.returncode != 0:
        raise Refused(f"初始化未完成：{done.stderr.strip()[-800:]}")
    return Upgrade(**json.loads(done.stdout))


def _set_up(slug: str) -> None:
    """As the owner: units, banks, posts, catalogue, edges of the journey."""
    from yikatong.catalogue.actions import load_catalogue
    from yikatong.journey.bulk import load_edges
    from yikatong.organisation import actions
    from yikatong.organisation.scoping import acting_as_owner

    pack = pack_of(slug)
    missing({b.bank_no3: b.name for b in pack.banks}, load_profiles(session.PACKS / "banks"))
    actor = session.owner_scope(pack.code)
    with acting_as_owner(actor):
        actions.set_up_county(
            county=pack.code,
            slug=slug,
            name=pack.name,
            short_name=pack.short_name,
            finance=pack.finance,
            settings=_settings(pack),
            departments={department.no: department.name for department in pack.departments},
            banks=[
                actions.Bank(
                    b.no, b.bank_no3, b.name, b.short_name, b.cnaps, b.payout_account, b.note
                )
                for b in pack.banks
            ],
            towns=[
                actions.Place(
                    t.code, t.name, tuple(actions.Place(v.code, v.name) for v in t.villages)
                )
                for t in load_towns(session.PACKS, pack.code)
            ],
            is_sample=False,
            actor=actor,
        )
        actions.keep_calendar(load_calendar(session.PACKS).exceptions, actor=actor)
        load_catalogue(pack, actor=actor)
        actions.post_people(
            county=pack.code,
            slug=slug,
            departments=[department.no for department in pack.departments],
            bank_no=pack.banks[0].no,
            actor=actor,
        )
        load_edges(pack.code, actor=actor)


def _settings(pack: CountyPack) -> dict[str, Any]:
    """What of a pack the running county may change."""
    return {
        "verdict": pack.verdict,
        "residue": pack.residue,
        "correction_by": pack.correction_by,
        "roster_max_age_days": pack.roster_max_age_days,
        "account_change_days": pack.account_change_days,
        "amount_tolerance_fen": pack.amount_tolerance_fen,
        "checks": dict(pack.checks),
        "must_compare": list(pack.must_compare),
        "hotline": pack.hotline,
        "correct_working_days": pack.clocks.correct_working_days,
        "clocks": asdict(pack.clocks),
        "deadlines": {
            step: {"days": limit.days, "is_natural": limit.is_natural}
            for step, limit in pack.deadlines.items()
        },
        "channels": [channel.name for channel in pack.channels],
        "vouchers": [asdict(voucher) for voucher in pack.vouchers],
        "charts": [asdict(chart) for chart in pack.charts],
        **asdict(pack.budget),
        "source": pack.source,
    }


def sample_population(
    pack: CountyPack, *, people: int, seed: int, day: date | None = None
) -> SamplePopulation:
    """The same people for the same seed and day, which is today unless told."""
    towns = load_towns(session.PACKS, pack.code)[:SAMPLE_TOWNS]
    return generate(
        pack,
        towns,
        people=people,
        seed=seed,
        today=day or today(),
        prefixes=load_card_prefixes(session.PACKS),
    )


def _register_people(pack: CountyPack, *, people: int, seed: int) -> None:
    """Made-up people go the way of real ones: through the collection form, marked as samples."""
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting
    from yikatong.registry.actions import register_people
    from yikatong.submission.sheets import read_sheet
    from yikatong.submission.sheets_door import BULK
    from yikatong.submission.sheets_forms import ACCOUNT_COLLECTION

    population = sample_population(pack, people=people, seed=seed)
    clerk = actors_of(f"{pack.slug}-town-clerk", via=session.VIA)[0]
    everywhere = session.whole_county(clerk)
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "账户收集表.xlsx"
        books.write_account_collection(book, population)
        sheet = read_sheet(book, ACCOUNT_COLLECTION, limits=BULK)
        with acting(everywhere):
            *_, troubles = register_people(sheet.frame, is_sample=True, actor=everywhere)
            if troubles:  # all or none, as the transaction has it
                raise Refused(f"样例人员没有全部登记：{troubles[0].sentence}")
    load_sample_rosters(population, list(population.rosters), actor=everywhere)


def load_sample_rosters(
    population: SamplePopulation, kinds: Sequence[str], *, actor: Actor
) -> None:
    """Made-up rosters of these kinds, by the same door as real ones."""
    from yikatong.organisation.scoping import acting
    from yikatong.registry.actions import load_roster
    from yikatong.submission.sheets import read_sheet
    from yikatong.submission.sheets_door import BULK
    from yikatong.submission.sheets_forms import ROSTER

    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            roster = Path(folder) / f"{kind}.xlsx"
            # a roster on which nobody stands is still a roster of that day
            is_empty = books.write_roster(roster, population, kind) == 0
            content = roster.read_bytes()
            frame = (
                pl.DataFrame()
                if is_empty
                else read_sheet(content, ROSTER, name=roster.name, limits=BULK).frame
            )
            with acting(actor):
                load_roster(
                    frame,
                    kind=kind,
                    as_of=today() - SAMPLE_ROSTER_AGE,
                    file_name=roster.name,
                    content=content,
                    actor=actor,
                )


def today() -> date:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def main() -> None:
    """The owner's own process: prints what it did, as JSON."""
    database.setup_django("owner")
    from yikatong.organisation.queries import counties_of_home
    from yikatong.organisation.scoping import acting_as_owner

    with session.refusals():
        done = Upgrade(migrations=upgrading.pending_migrations())
        database.migrate()
        there = []
        for path in sorted(session.PACKS.glob("*/pack.toml")):
            slug = path.parent.name
            with acting_as_owner(session.owner_scope(pack_of(slug).code)):
                there += [slug] if counties_of_home().filter(slug=slug).exists() else []
        for slug in sys.argv[1:]:
            if slug not in there:
                _set_up(slug)
                done.counties.append(slug)
        for slug in there:  # whichever was asked for: the whole home is of one version
            _bring_up(slug, done)
        sys.stdout.write(json.dumps(done.as_json(), ensure_ascii=False))


def _bring_up(slug: str, done: Upgrade) -> None:
    from yikatong.organisation.queries import county_settings
    from yikatong.organisation.scoping import acting_as_owner

    pack = pack_of(slug)
    actor = session.owner_scope(pack.code)
    with acting_as_owner(actor):
        county = county_settings(scope=actor.scope)
        # as they would be read back: what is compared has been through JSON too
        usual = json.loads(json.dumps(_settings(pack), default=str))
        postings, added = upgrading.bring_up_county(county, usual)
    done.postings[county.name], done.settings[county.name] = postings, added


if __name__ == "__main__":
    main()
