"""`python -m simulators.bank serve`: all banks of a county set until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from simulators.bank import accounts, api, callbacks, faults, keeping, outbox, sftp, treasury
from simulators.bank.books import Books, set_meta
from simulators.bank.control import Control
from simulators.bank.crypto import Crypto, pair, peer_key
from simulators.bank.desk import Desk
from simulators.bank.profiles import STANDARD, read_profiles
from simulators.loopback import HOST, Fault, Json, serve_json, url_of, write_ready

ROUND_S: Final = 0.1
REFUND_S: Final = 0.2
COUNTIES: Final = ("500243", "500104")


class Bank:
    """The running program: books, keys and folders under one directory."""

    def __init__(self, home: Path, peer: Path, profiles: Path | None) -> None:
        self.home = home
        self.profiles = read_profiles(profiles)
        self.folders = home / "sftp"
        self.keys_dir = home / "keys"
        for directory in (home, self.folders, self.keys_dir):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.peer = peer_key(peer)
        self.books = Books(home / "books.sqlite")
        self.keys: dict[str, Crypto] = {}
        self.client_keys: dict[str, Path] = {}
        self.stopping = threading.Event()
        self.keeps_hours = False

    def open(self, asked: argparse.Namespace) -> None:
        """First start, or a list is named: accounts are opened. Every start: folders and keys."""
        self.keeps_hours = asked.keep_hours
        with self.books.write() as db:
            if asked.accounts or not accounts.is_loaded(db):
                lines = _lines(asked.accounts) if asked.accounts not in {"", "-"} else sys.stdin
                accounts.load(
                    db, lines, seed=asked.seed, fail_rate=asked.fail_rate,
                    counties=asked.county or list(COUNTIES),
                )  # fmt: skip
            for county in asked.keep or ():
                keeping.keep(db, county, is_kept=True)
            if asked.budget_url:
                set_meta(db, "budget_url", asked.budget_url)
        for row in self.books.read("SELECT bank FROM bank ORDER BY bank"):
            self._open_bank(str(row["bank"]))

    def _open_bank(self, bank: str) -> None:
        for folder in outbox.FOLDERS:
            (self.folders / bank / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        public, private = pair(self.keys_dir / f"{bank}.sm2")
        self.keys[bank] = Crypto(public, private, self.peer, self.profiles.get(bank, STANDARD))
        self.client_keys[bank] = self.keys_dir / f"client_{bank}"
        sftp.ssh_key(self.client_keys[bank])

    def cut(self, kind: str, bank: str) -> bool:
        with self.books.write() as db:
            return faults.take(db, kind, bank, "") is not None

    @property
    def desk(self) -> Desk:
        return Desk(self.books, self.folders, self.keys)

    def work(self) -> None:
        """The post room's rounds."""
        desk = self.desk
        while not self.stopping.wait(ROUND_S):
            desk.round()
            outbox.flush(self.books, self.folders)

    def refund(self) -> None:
        """Apart from the rounds: the budget system may be slow or away."""
        while not self.stopping.wait(REFUND_S):
            treasury.send_refunds(self.books, self.keys)

    def call(self) -> None:
        """Apart from the rounds: the platform may be slow or away."""
        while not self.stopping.wait(ROUND_S):
            callbacks.call_all(self.books, self.keys)

    def ready(self, sftp_port: int, control_url: str, api_url: str, host_public_key: str) -> Json:
        accounts_of: dict[str, dict[str, str]] = {bank: {} for bank in self.keys}
        for row in self.books.read("SELECT * FROM payout_account"):
            accounts_of[row["bank"]][row["county"]] = row["acct_no"]
        return {
            "pid": os.getpid(),
            "control_url": control_url,
            "sftp": {"host": HOST, "port": sftp_port, "host_public_key": host_public_key},
            "banks": [
                {
                    "bank_no3": bank,
                    "user": bank,
                    "client_key": str(self.client_keys[bank].resolve()),
                    "sm2_public": crypto.public.hex(),
                    "payout_accounts": accounts_of[bank],
                    "api_url": f"{api_url}/{bank}",
                    "always_open": not self.keeps_hours,
                }
                for bank, crypto in self.keys.items()
            ],
        }


async def serve(bank: Bank, asked: argparse.Namespace) -> bool:
    """Listen, work, and stop cleanly on SIGTERM or SIGINT; False: a worker had died."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host_key = bank.keys_dir / "host_key"
    host_public_key = sftp.ssh_key(host_key)
    control = serve_json(Control(bank.books, bank.keys), asked.control_port)
    listener = await sftp.listen(bank.folders, host_key, bank.client_keys, asked.port, bank.cut)
    counter = api.serve(bank.desk, bank.books, asked.api_port)
    workers = [threading.Thread(target=work) for work in (bank.work, bank.refund, bank.call)]
    for worker in workers:
        worker.start()
    facts = bank.ready(listener.get_port(), url_of(control), url_of(counter), host_public_key)
    write_ready(asked.ready, facts)
    watch = asyncio.create_task(_watch(workers, stop))
    await stop.wait()
    watch.cancel()
    is_whole = all(worker.is_alive() for worker in workers)
    bank.stopping.set()
    asked.ready.unlink(missing_ok=True)
    listener.close()
    await listener.wait_closed()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    for server in (control, counter):
        server.shutdown()
        server.server_close()
    return is_whole


async def _watch(workers: list[threading.Thread], stop: asyncio.Event) -> None:
    """A worker that died takes the program with it: better no bank than half a bank."""
    while all(worker.is_alive() for worker in workers):
        await asyncio.sleep(0.5)
    stop.set()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.bank", description="模拟代发银行")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("serve", help="运行到收到停止信号为止")
    run.add_argument("--books", type=Path, required=True, help="账本目录")
    run.add_argument("--peer-pub", type=Path, required=True, help="平台 SM2 公钥文件（十六进制）")
    run.add_argument("--ready", type=Path, required=True, help="就绪后写出的 JSON 文件")
    run.add_argument(
        "--accounts", default="", help="账户清单 JSONL，- 为标准输入；不写则仅首次读标准输入"
    )
    run.add_argument("--seed", type=int, default=20260101, help="故障账户的随机种子")
    run.add_argument("--fail-rate", type=float, default=0.0, help="核验后才出故障的账户比例")
    run.add_argument("--county", action="append", help="区划（6 位），可重复")
    run.add_argument("--keep", action="append", help="失败款留存待补发的区划（6 位），可重复")
    run.add_argument("--port", type=int, default=0, help="SFTP 端口，0 为任选空闲端口")
    run.add_argument("--control-port", type=int, default=0, help="控制端口，0 为任选空闲端口")
    run.add_argument("--api-port", type=int, default=0, help="接口端口，0 为任选空闲端口")
    run.add_argument("--profiles", type=Path, help="各银行接口说明的目录；不写则都用本平台的文本")
    run.add_argument(
        "--keep-hours", action="store_true", help="就绪文件不写全天营业，平台按截止时间送出"
    )
    run.add_argument("--budget-url", default="", help="预算系统地址")
    return parser


def main() -> int:
    asked = arguments().parse_args()
    asked.ready.unlink(missing_ok=True)
    try:
        bank = Bank(asked.books, asked.peer_pub, asked.profiles)
        bank.open(asked)
        sys.stderr.write(f"bank: {len(bank.keys)} banks, seed {asked.seed}\n")
        is_whole = asyncio.run(serve(bank, asked))
    except (Fault, OSError, ValueError) as error:
        sys.stderr.write(f"模拟银行无法运行：{error}\n")
        return 2
    bank.books.close()
    return 0 if is_whole else 1


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    sys.exit(main())
