"""`python -m simulators.budget serve`: the budget system until it is told to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Final

from simulators.budget.books import Books, load
from simulators.budget.files import FileDesk
from simulators.budget.office import Office
from simulators.budget.web import Web
from simulators.loopback import CLIENT_ERROR, Fault, ask, serve_json, url_of, write_ready

ROUND_S: Final = 0.05
NOWHERE: Final = "http://127.0.0.1:1"
INTRODUCE_S: Final = 2.0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.budget", description="模拟预算管理一体化系统")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("serve", help="运行到收到停止信号为止")
    run.add_argument("--books", type=Path, required=True, help="账本目录")
    run.add_argument("--ready", type=Path, required=True, help="就绪后写出的 JSON 文件")
    run.add_argument("--indicators", default="", help="指标清单 JSONL；- 为标准输入")
    run.add_argument("--port", type=int, default=0, help="端口，0 为任选空闲端口")
    run.add_argument("--tick", type=float, default=0.2, help="每个状态停留的秒数")
    run.add_argument("--files", type=Path, help="文件交换目录：读 out/，写 in/")
    bank = run.add_mutually_exclusive_group(required=True)
    bank.add_argument("--bank-url", default="", help="模拟银行的控制地址")
    bank.add_argument("--bank-ready", type=Path, help="模拟银行的就绪文件（每次读取）")
    return parser


def bank_address(asked: argparse.Namespace) -> Callable[[], str]:
    """Where the bank is now: a bank that was started again has another port."""

    def found() -> str:
        if asked.bank_url:
            return str(asked.bank_url)
        try:
            return str(json.loads(asked.bank_ready.read_text(encoding="utf-8"))["control_url"])
        except (OSError, ValueError, KeyError):
            return NOWHERE

    return found


def introduce(address: Callable[[], str], own_url: str) -> bool:
    """Tell the bank where its refunds go; False where it does not answer yet."""
    told = ask(address(), "/control/budget", {"url": own_url})
    return told is not None and told[0] < CLIENT_ERROR


def work(office: Office, desk: FileDesk | None, own_url: str, stopping: threading.Event) -> None:
    """Rounds of the clerks; every now and then a word to the bank."""
    waited = INTRODUCE_S
    while not stopping.wait(ROUND_S):
        waited += ROUND_S
        if waited >= INTRODUCE_S:
            introduce(office.bank_url, own_url)
            waited = 0.0
        office.round()
        if desk is not None:
            desk.round()


def main() -> int:
    asked = arguments().parse_args()
    asked.ready.unlink(missing_ok=True)
    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        asked.books.mkdir(mode=0o700, parents=True, exist_ok=True)
        books = Books(asked.books / "books.sqlite")
        with books.write() as db:
            load(db, _lines(asked.indicators))
        office = Office(books, bank_address(asked), asked.tick)
        desk = FileDesk(books, asked.files, asked.tick) if asked.files else None
        server = serve_json(Web(books, office, desk), asked.port)
    except (Fault, OSError) as error:
        sys.stderr.write(f"模拟预算系统无法运行：{error}\n")
        return 2
    own_url = url_of(server)
    introduce(office.bank_url, own_url)
    worker = threading.Thread(target=work, args=(office, desk, own_url, stopping))
    worker.start()
    folder = {"folder": str(asked.files)} if asked.files else {}
    write_ready(asked.ready, {"pid": os.getpid(), "url": own_url} | folder)
    while not stopping.wait(0.5) and worker.is_alive():
        pass
    is_whole = worker.is_alive()
    stopping.set()
    asked.ready.unlink(missing_ok=True)
    worker.join()
    server.shutdown()
    server.server_close()
    books.close()
    return 0 if is_whole else 1


def _lines(source: str) -> Iterable[str]:
    if not source:
        return []
    if source == "-":
        return sys.stdin
    return Path(source).read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    sys.exit(main())
