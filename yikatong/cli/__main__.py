"""`./ykt`: the command contract, one function per command; the work stands in the rooms beside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yikatong.cli import session

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="一卡通：惠民惠农财政补贴发放管理平台",
    pretty_exceptions_enable=False,
)
load_app = typer.Typer(no_args_is_help=True, help="导入账户收集表、比对名册")
bank_app = typer.Typer(no_args_is_help=True, help="模拟银行（独立程序）")
budget_app = typer.Typer(no_args_is_help=True, help="模拟预算一体化系统（独立程序）")
app.add_typer(load_app, name="load")
app.add_typer(bank_app, name="bank")
app.add_typer(budget_app, name="budget")

CountyOption = Annotated[str, typer.Option("--county", help="pengshui 或 dadukou")]
AsOption = Annotated[str | None, typer.Option("--as", help="办理人账号，如 pengshui-town-clerk")]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON")]
MapOption = Annotated[
    list[str] | None, typer.Option("--map", help="指定列的对应：列名=字段，可写多次")
]
FileArgument = Annotated[Path, typer.Argument(help="表格文件：.xlsx .xls .csv")]


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="办完即结束，各项核对都通过才返回 0")
    ] = False,
    as_json: JsonOption = False,
    people: Annotated[int, typer.Option("--people", min=300, help="每个区县的人数")] = 3000,
    port: Annotated[int, typer.Option("--port")] = 8000,
) -> None:
    """演示：两个区县用真实表格从清单走到公示，打印资金去向，然后开站。"""
    from yikatong.cli import demo as story

    with session.refusals():
        raise typer.Exit(story.run(once=once, as_json=as_json, people=people, port=port))


@app.command()
def init(
    county: CountyOption,
    people: Annotated[int, typer.Option("--people", min=0, help="样例人员数，0 为没有")] = 0,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    admin_url: Annotated[
        str | None, typer.Option("--admin-url", help="首次建库用的管理员地址")
    ] = None,
) -> None:
    """建立数据目录：区县包、机构、岗位；人员没有口令。"""
    from yikatong.cli import setup

    with session.refusals():
        setup.init_county(county, people=people, seed=seed, admin_url=admin_url)
        session.say(f"{setup.pack_of(county).name}已初始化：{session.home().root}")


@app.command()
def catalogue(
    county: Annotated[str | None, typer.Option("--county")] = None, as_json: JsonOption = False
) -> None:
    """本数据目录的清单。"""
    from yikatong.cli import lists

    with session.refusals():
        lists.catalogue(county, as_json=as_json)


@load_app.command("people")
def load_people(file: FileArgument, county: CountyOption, as_user: AsOption = None) -> None:
    """导入个人一卡通账户收集表。"""
    from yikatong.cli import lists

    with session.refusals():
        raise typer.Exit(lists.load_people(file, county, as_user))


@load_app.command("roster")
def load_roster(
    kind: Annotated[str, typer.Argument(help="deceased disabled … 或 entitled:项目编码")],
    file: FileArgument,
    county: CountyOption,
    as_of: Annotated[str, typer.Option("--as-of", help="名册截止日期 YYYY-MM-DD")],
    as_user: AsOption = None,
) -> None:
    """导入比对名册。"""
    from yikatong.cli import lists

    with session.refusals():
        raise typer.Exit(lists.load_roster(kind, file, county, as_of, as_user))


@app.command()
def check(
    file: FileArgument,
    county: CountyOption,
    programme: Annotated[str, typer.Option("--programme", help="项目编码")],
    period: Annotated[str, typer.Option("--period", help="期次 YYYY-MM")],
    as_json: JsonOption = False,
    marked: Annotated[Path | None, typer.Option("--marked", help="另存标注后的工作簿")] = None,
    mapping: MapOption = None,
) -> None:
    """检查一份名单，不存任何数据。0 没有错误，1 有错误，2 读不了。"""
    from yikatong.cli import lists

    with session.refusals():
        raise typer.Exit(
            lists.check(
                file,
                county,
                programme,
                period,
                as_json=as_json,
                marked=marked,
                mapping=mapping or (),
            )
        )


@app.command()
def submit(
    file: FileArgument,
    county: CountyOption,
    programme: Annotated[str, typer.Option("--programme", help="项目编码")],
    period: Annotated[str, typer.Option("--period", help="期次 YYYY-MM")],
    as_json: JsonOption = False,
    marked: Annotated[Path | None, typer.Option("--marked")] = None,
    as_user: AsOption = None,
    unit: Annotated[str | None, typer.Option("--unit", help="编制单位：区划代码或机构编号")] = None,
    mapping: MapOption = None,
) -> None:
    """检查并存为草稿批次，打印批次号。"""
    from yikatong.cli import lists

    with session.refusals():
        raise typer.Exit(
            lists.submit(
                file,
                county,
                programme,
                period,
                as_json=as_json,
                marked=marked,
                as_user=as_user,
                unit=unit,
                mapping=mapping or (),
            )
        )


@app.command()
def batch(
    number: Annotated[str, typer.Argument(help="批次号")], as_json: JsonOption = False
) -> None:
    """一个批次：现在何处、资金、经过。"""
    from yikatong.cli import batches

    with session.refusals():
        batches.show(number, as_json=as_json)


@app.command()
def step(
    number: Annotated[str, typer.Argument(help="批次号")],
    name: Annotated[str, typer.Argument(metavar="STEP", help="步骤，如 compile")],
    as_user: Annotated[str, typer.Option("--as", help="办理人账号")],
    reason: Annotated[str, typer.Option("--reason", help="原因；审核类步骤写明原因即为退回")] = "",
) -> None:
    """以某人的身份办理一步；不归他办的用一句话拒绝。"""
    from yikatong.cli import batches

    with session.refusals():
        batches.take(number, name, as_user=as_user, reason=reason)


@app.command()
def reissue(
    programme: Annotated[str, typer.Option("--programme", help="项目编码")],
    period: Annotated[str, typer.Option("--period", help="期次 YYYY-MM")],
    as_user: Annotated[str, typer.Option("--as", help="编制单位经办人账号")],
) -> None:
    """把已更正、可补发的失败明细集成一个补发批次；打印批次号。"""
    from yikatong.cli import batches

    with session.refusals():
        batches.reissue(programme, period, as_user=as_user)


@app.command()
def run(
    until_idle: Annotated[bool, typer.Option("--until-idle", help="办完可办的就结束")] = False,
) -> None:
    """后台办理：队列、银行、预算系统。"""
    from yikatong.cli import working

    with session.refusals():
        working.run(until_idle=until_idle)


@app.command()
def serve(port: Annotated[int, typer.Option("--port", help="0 为自选空闲端口")] = 8000) -> None:
    """开站：工作人员的站点和公众的站点。"""
    from yikatong.cli import serving

    with session.refusals():
        serving.serve(port)


@bank_app.command("fault")
def bank_fault(
    kind: str,
    *,
    bank: Annotated[str, typer.Option(help="只对这家银行（三位简码）")] = "",
    times: Annotated[int, typer.Option(help="发生几次")] = 1,
    facts: Annotated[list[str] | None, typer.Option("--set", help="名=值，可重复")] = None,
) -> None:
    """让模拟银行出一种故障。"""
    from yikatong.cli import simulated

    with session.refusals():
        simulated.arm(kind, bank=bank, times=times, facts=facts or [])


@bank_app.command("faults")
def bank_faults(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """故障的种类，各真正发生了几次。"""
    from yikatong.cli import simulated

    with session.refusals():
        simulated.show_faults(as_json=as_json)


@bank_app.command("serve")
def bank_serve(
    seed: Annotated[int, typer.Option("--seed")] = 1,
    fail_rate: Annotated[
        float, typer.Option("--fail-rate", help="发放时才发现的账户问题比例")
    ] = 0.0,
) -> None:
    """启动模拟银行，账户取自本数据目录。"""
    from yikatong.cli import simulated

    with session.refusals():
        raise typer.Exit(simulated.serve_bank(seed=seed, fail_rate=str(fail_rate)))


@budget_app.command("serve")
def budget_serve() -> None:
    """启动模拟预算一体化系统，指标按本数据目录的清单设定。"""
    from yikatong.cli import simulated

    with session.refusals():
        raise typer.Exit(simulated.serve_budget())


@app.command()
def stop() -> None:
    """停止本数据目录的一切进程和数据库。"""
    from yikatong.cli import processes

    with session.refusals():
        processes.stop_all()


@app.command()
def verify(as_json: JsonOption = False) -> None:
    """逐条核对不变量与留痕链；有一处不符返回 1。"""
    from yikatong.cli import proof

    with session.refusals():
        raise typer.Exit(proof.verify(as_json=as_json))


@app.command()
def reconcile(county: CountyOption, as_json: JsonOption = False) -> None:
    """三方对账：国库凭证 = 代发专户 = 明细；有差异返回 1。"""
    from yikatong.cli import proof

    with session.refusals():
        raise typer.Exit(proof.reconcile(county, as_json=as_json))


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="load、batch、xlsx、small、memory")] = "load",
    rows: Annotated[int | None, typer.Option("--rows", min=100, help="不写则为承诺的行数")] = None,
    as_json: JsonOption = False,
) -> None:
    """基准：每个数字都与同一次运行里测得的参照相比。"""
    from yikatong.cli.bench import command

    with session.refusals():
        raise typer.Exit(command.run(name, rows=rows, as_json=as_json))


@app.command()
def faults(
    kills: Annotated[int, typer.Option("--kills", min=1, help="中断几次")] = 60,
    payments: Annotated[int, typer.Option("--payments", min=20, help="代发几笔")] = 600,
    seed: Annotated[int, typer.Option("--seed", help="随机种子，不写则自选并打印")] = 0,
    as_json: JsonOption = False,
) -> None:
    """断点演练：在各断点中断进程、会话、数据库，以模拟银行的账为准逐笔核对。"""
    from yikatong.cli.faults import command as drill

    with session.refusals():
        raise typer.Exit(drill.run(kills=kills, payments=payments, seed=seed, as_json=as_json))


@app.command()
def doctor() -> None:
    """安装与连接的状况。"""
    from yikatong.cli import doctor as ward

    with session.refusals():
        raise typer.Exit(ward.examine())


@app.command()
def docs(
    check_only: Annotated[bool, typer.Option("--check", help="只核对是否最新")] = False,
) -> None:
    """生成 docs/generated/。"""
    from yikatong.cli import docs as pages

    with session.refusals():
        raise typer.Exit(pages.main(check=check_only))


@app.command("test")
def run_tests(long: Annotated[bool, typer.Option("--long", help="也跑长的")] = False) -> None:
    """全部检查和测试。"""
    from yikatong.cli import testing

    with session.refusals():
        raise typer.Exit(testing.run_tests(long=long))


if __name__ == "__main__":
    app()
