"""`doctor`: what stands and what does not, in one look; 0 only if nothing is wrong."""

from __future__ import annotations

import hashlib
import shutil
import stat
import sys
from dataclasses import dataclass
from typing import Final

from yikatong.cli import database, processes, session
from yikatong.cli.postgres import Server
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

LEAST_FREE: Final = 2 * 1024**3
PUBLISHED_IN: Final = 11
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing looked at: it is well, it is a warning, or it is wrong."""

    what: str
    word: str
    is_wrong: bool = False


def examine() -> int:
    """Look at everything, print it, and say by the exit code whether something is wrong."""
    signs = []
    for look in LOOKS:
        try:
            signs.extend(look())
        except Refused as error:
            signs.append(Sign(look.__name__.strip("_"), str(error), is_wrong=True))
    for sign in signs:
        sys.stdout.write(f"{'✗' if sign.is_wrong else '✓'} {sign.what}：{sign.word}\n")
    return 1 if any(sign.is_wrong for sign in signs) else 0


def _home() -> list[Sign]:
    root = session.home().root
    inside = root.is_relative_to(CHECKOUT)
    word = (
        f"{root}（在程序目录内，只宜演示；正式使用请设 YKT_HOME 到程序目录之外）"
        if inside
        else str(root)
    )
    return [Sign("数据目录", word)]


def _python() -> list[Sign]:
    has_sm3 = "sm3" in hashlib.algorithms_available
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    return [
        Sign("Python", version),
        Sign("SM3", "可用" if has_sm3 else "本机 Python 不支持", not has_sm3),
    ]


def _disk() -> list[Sign]:
    free = shutil.disk_usage(session.home().root.parent).free
    return [Sign("磁盘剩余", f"{free / 1024**3:.1f} GiB", free < LEAST_FREE)]


def _keys() -> list[Sign]:
    file = session.home().keys / "keys.json"
    if not file.exists():
        return [Sign("密钥", "还没有初始化，请先运行 ./ykt init", is_wrong=True)]
    is_open = bool(file.stat().st_mode & OTHERS)
    return [
        Sign("密钥", "其他用户可读，请改为 0600" if is_open else "0600", is_open),
        Sign("密码模块", "软件实现，非密评"),
    ]


def _database() -> list[Sign]:
    if not database.is_embedded():
        return [Sign("数据库", "外部 PostgreSQL（YKT_DATABASE_URL）")]
    status = Server(session.home()).status()
    word = f"内嵌，进程 {status.pid}" if status.is_running else "内嵌，未启动（办理时自动启动）"
    return [Sign("数据库", word)]


def _login() -> list[Sign]:
    session.log_in("worker")
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user, current_setting('server_version')")
        user, version = cursor.fetchone()
        cursor.execute(
            "SELECT pg_is_in_recovery(), current_setting('fsync'),"
            " current_setting('data_checksums')"
        )
        recovering, fsync, checksums = cursor.fetchone()
    return [
        Sign("登录", f"{user}，PostgreSQL {version}"),
        Sign("落盘", f"fsync {fsync}，校验和 {checksums}", fsync != "on" or bool(recovering)),
    ]


def _schema() -> list[Sign]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from yikatong.organisation.queries import counties_of_home

    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    counties = "、".join(county.name for county in counties_of_home())
    return [
        Sign(
            "表结构",
            f"还有 {len(pending)} 项未升级，请运行 ./ykt init" if pending else "最新",
            bool(pending),
        ),
        Sign("区县", counties or "无", not counties),
    ]


def _parties() -> list[Sign]:
    there = {
        "后台办理": processes.running("worker") is not None,
        "银行连接": (session.home().run / "bank.json").exists(),
        "预算系统连接": (session.home().run / "budget.json").exists(),
    }
    return [Sign(what, "在" if is_there else "未启动或未登记") for what, is_there in there.items()]


def _lines() -> list[Sign]:
    """Banks that could not be reached at the last try, and until when they are left alone."""
    from django.utils import timezone

    from yikatong.jobs.lines import lines_down
    from yikatong.organisation.queries import counties_of_home, paying_banks
    from yikatong.organisation.scoping import acting

    found = []
    for county in counties_of_home():
        with acting(session.machine_for(county.county)) as actor:
            banks = paying_banks(scope=actor.scope)
            for line in lines_down(scope=actor.scope):
                rest = (
                    f"，{timezone.localtime(line.open_until):%H:%M:%S} 前暂不联系"
                    if line.open_until
                    else ""
                )
                word = f"连续 {line.failures} 次不通{rest}：{line.reason}"
                found.append(Sign(f"银行线路 {banks[line.bank_no].name}", word))
    return found or [Sign("银行线路", "都通")]


def _calendar() -> list[Sign]:
    from django.utils import timezone

    from yikatong.organisation.queries import work_calendar
    from yikatong.organisation.scoping import acting

    with acting(session.machine_for("")) as actor:
        years = work_calendar(scope=actor.scope).years
    today = timezone.localdate()
    # the State Council publishes next year's days in November; deadlines reach into it from then on
    wanted = [today.year] if today.month < PUBLISHED_IN else [today.year, today.year + 1]
    missing = [year for year in wanted if year not in years]
    word = (
        f"缺 {missing[0]} 年，其间的期限不作计算，请导入"
        if missing
        else "、".join(str(year) for year in sorted(years))
    )
    return [Sign("节假日表", word, today.year in missing)]


def _fonts() -> list[Sign]:
    from yikatong.feedback.statements import NO_FONT, chinese_fonts

    there = chinese_fonts()
    # only documents need it: the site and the payments work without
    return [Sign("中文字体", there[0] if there else NO_FONT)]


LOOKS: Final = (
    _home, _python, _disk, _keys, _database, _login, _schema, _parties, _lines, _calendar, _fonts,
)  # fmt: skip
