"""The made-up people of a home, as they were made on the day of their registration."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from yikatong.catalogue.specs import CountyPack
from yikatong.cli import session, setup
from yikatong.cli.sample.people import SamplePopulation
from yikatong.kernel.errors import Refused

A_DAY: Final = timedelta(days=1)


def registered(pack: CountyPack, *, seed: int) -> SamplePopulation:
    """The same people again: their birthdays hang on the day on which they were made up.

    Raises:
        Refused: this home has none, or others: no demo among the people of a real county.
    """
    session.log_in("worker")
    from django.utils import timezone

    from yikatong.organisation.scoping import acting
    from yikatong.registry.queries import person_by_index, sample_people
    from yikatong.vault.access import the_vault

    with acting(session.machine_for(pack.code)) as actor:
        count, since = sample_people(scope=actor.scope)
        if since is not None:
            day = timezone.localdate(since)
            for made_on in (day, day - A_DAY):  # midnight may lie between the two
                found = setup.sample_population(pack, people=count, seed=seed, day=made_on)
                first = [found.people[0].id_number]
                (index,) = the_vault().blind_indexes(pack.code, first, kind="id")
                if person_by_index(index, scope=actor.scope) is not None:
                    return found
    raise Refused(
        f"这个数据目录里的{pack.name}没有演示用的样例人员，可能是正式数据，没有导入任何名单。"
        "请把 YKT_HOME 指到一个空目录再演示。"
    )


def keep_rosters_fresh(population: SamplePopulation) -> None:
    """A roster that has grown too old since is loaded anew, as a clerk would; others stay."""
    pack = population.pack
    session.log_in("web")
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting
    from yikatong.registry.queries import newest_roster

    clerk = actors_of(f"{pack.slug}-town-clerk", via=session.VIA)[0]
    everywhere = session.whole_county(clerk)
    oldest = setup.today() - timedelta(days=pack.roster_max_age_days)
    with acting(everywhere):
        stale = [
            kind
            for kind in population.rosters
            if (newest := newest_roster(kind, scope=everywhere.scope)) is None or newest < oldest
        ]
    setup.load_sample_rosters(population, stale, actor=everywhere)
