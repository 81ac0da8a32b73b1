"""A whole home for the clicking tests: both counties, a bank, a treasury, a worker and two sites.

Run as `python -m tests.browser.town_hall FOLDER`, with YKT_HOME naming an empty home. Prints one
JSON line, {"site", "public", "passwords", "lists"}, and serves until its stdin closes. What it
started it ends itself; the lists it wrote into FOLDER have made-up people and planted faults.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from yikatong.catalogue.pack import load_towns
from yikatong.cli import demo, processes, session, setup, simulated
from yikatong.cli.sample import books
from yikatong.cli.sample.lists import disbursement_list
from yikatong.cli.serving import LOOPBACK, free_port
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.period import Period

COUNTIES = ("pengshui", "dadukou")
PEOPLE = 300
SEED = 7
PROGRAMME = "P01"
PATIENCE_S = 30.0


def open_home(folder: Path) -> dict[str, object]:
    setup.init_counties(list(COUNTIES), people=PEOPLE, seed=SEED)
    lists = {slug: write_list(slug, folder) for slug in COUNTIES}
    passwords = demo.give_passwords()
    simulated.start_both(seed=SEED)
    quick = {"YKT_ASK_MOST_S": "1"}
    processes.start("worker", processes.python("yikatong.cli", "run"), environ=quick)
    site, public = serve("web"), serve("public")
    return {"site": site, "public": public, "passwords": passwords, "lists": lists}


def write_list(slug: str, folder: Path) -> str:
    """The 发放清册 of one town, for the last month that has passed."""
    pack = setup.pack_of(slug)
    population = setup.sample_population(pack, people=PEOPLE, seed=SEED)
    today = setup.today()
    listed = disbursement_list(
        population,
        PROGRAMME,
        period=Period(today.year, today.month).previous,
        seed=SEED,
        town_code=load_towns(session.PACKS, pack.code)[0].code,
        most_lines=30,
    )
    path = folder / f"{slug}.xlsx"
    books.write_disbursement(path, listed, filled_on=today)
    return str(path)


def serve(process: str) -> str:
    """One site, as its own login; ready when it answers."""
    port = free_port()
    environ = {"YKT_PROCESS": process, "DJANGO_SETTINGS_MODULE": "config.settings"}
    processes.start(
        process,
        processes.python(
            "gunicorn", "config.wsgi:application", "--bind", f"{LOOPBACK}:{port}",
            "--workers", "1", "--threads", "4", "--no-control-socket",
        ),
        environ=environ,
    )  # fmt: skip
    address = f"http://{LOOPBACK}:{port}"
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/", timeout=PATIENCE_S)  # noqa: S310 - loopback
            return address
        time.sleep(0.2)
    raise TimeoutError(f"{process}: {session.home().logs}")


def main() -> None:
    try:
        facts = open_home(Path(sys.argv[1]))
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        # this process knows the database through Django; a fresh one ends everything
        subprocess.run(
            processes.python("yikatong.cli", "stop"),
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            check=False,
        )


if __name__ == "__main__":
    main()
