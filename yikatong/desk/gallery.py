"""Examples for the gallery page: every component in every state, with invented people only."""

from __future__ import annotations

from typing import Any, Final

MENU: Final = (
    {
        "title": "",
        "items": [
            {"label": "工作台", "url": "#", "icon": "home", "is_current": True, "badge": 12},
        ],
    },
    {
        "title": "发放办理",
        "items": [
            {"label": "名单导入", "url": "#", "icon": "upload"},
            {"label": "发放批次", "url": "#", "icon": "list"},
            {"label": "失败处理", "url": "#", "icon": "refresh", "badge": 3},
        ],
    },
    {
        "title": "对象与账户",
        "items": [
            {"label": "补贴对象", "url": "#", "icon": "users"},
            {"label": "账户变更", "url": "#", "icon": "swap"},
        ],
    },
    {
        "title": "公开查询",
        "items": [
            {"label": "公示公开", "url": "#", "icon": "megaphone"},
            {"label": "统计报表", "url": "#", "icon": "chart"},
        ],
    },
)

SHELL: Final = {
    "system_name": "惠民惠农“一卡通”发放管理平台",
    "county_name": "彭水自治县",
    "user_line": "汉葭街道 · 镇街经办 李霞",
    "menu": MENU,
    "size": "normal",
    "size_url": "#",
    "sign_out_url": "#",
    "help_url": "#",
    "inbox_url": "#",
    "inbox_count": 2,
}

STEPS: Final = [
    {"title": "编制送审", "state": "done", "note": "11-18"},
    {"title": "审核上报", "state": "done", "note": "11-19"},
    {"title": "部门审批", "state": "done", "note": "11-19"},
    {"title": "提交数据", "state": "done", "note": "11-20"},
    {"title": "系统验证", "state": "done", "note": "11-20"},
    {"title": "银行接收", "state": "current", "note": "剩 1 个工作日"},
    {"title": "拨款申请", "state": "todo"},
    {"title": "财政拨付", "state": "todo"},
    {"title": "资金到账", "state": "todo"},
    {"title": "银行代发", "state": "todo"},
    {"title": "公开公示", "state": "todo"},
]

EVENTS: Final = [
    {"title": "财政拨付", "kind": "coming", "by": "财政局", "at": "", "deadline": "3 个工作日内"},
    {
        "title": "退回更正",
        "kind": "returned",
        "by": "财政局 · 财政复核 赵敏",
        "at": "2026-11-20 16:32",
        "remark": "申请单所附文件不是本年度的，请更换后重新申请。",
        "gap": "2 小时 10 分",
    },
    {
        "title": "系统验证",
        "kind": "machine",
        "by": "系统自动",
        "at": "2026-11-20 14:22",
        "remark": "通过 3,241 人，19 人另存草稿。",
        "gap": "1 分钟",
    },
    {
        "title": "提交数据",
        "kind": "person",
        "by": "农业农村委 · 部门经办 孙梅",
        "at": "2026-11-20 14:21",
        "gap": "1 天 4 小时",
        "deadline": "应于 11-23 前办结",
    },
]

TODOS: Final = [
    {"title": "2026年耕地地力保护补贴名单退回修改", "kind": "退回修改", "days": -1},
    {"title": "城乡低保 11 月发放失败 7 人待修正", "kind": "发放失败", "days": 0},
    {"title": "残疾人两项补贴 11 月名单待提交", "kind": "待提交", "days": 1},
    {"title": "冉光荣等 3 人账户变更待复核", "kind": "账户变更", "days": 4},
    {"title": "农机购置补贴（2026 年第 3 批）公示到期", "kind": "公示到期", "days": None},
]

ROW_KEYS: Final = ("no", "name", "village", "area", "fen", "tone", "word")
ROWS: Final = [
    dict(zip(ROW_KEYS, row, strict=True))
    for row in (
        (3, "冉光荣", "滨江社区", "1.20", 11580, "error", "账号户名不符"),
        (10, "谭天菊", "鼓楼社区", "1.57", 15150, "ok", "通过"),
        (17, "麦麦提·吐尔逊", "亭子社区", "1.94", 18721, "warn", "本年已领同类补贴"),
        (24, "向𠮷文", "鼓楼社区", "2.31", 22291, "info", "银行尚未比对"),
    )
]

FACTS: Final = [
    ("批次号", "PS-2026-NY01-0018"),
    ("项目", "耕地地力保护补贴"),
    ("期次", "2026-11"),
    ("编制单位", "汉葭街道"),
    ("主管部门", "农业农村委"),
    ("备注", None),
]

TABS: Final = [
    {"label": "全部", "url": "#", "count": 3268},
    {"label": "待我办", "url": "#", "count": 12, "is_current": True},
    {"label": "有失败", "url": "#", "count": 19},
    {"label": "已完成", "url": "#", "count": None},
]


def examples() -> dict[str, Any]:
    """The context of `gallery.html`."""
    return {
        "shell": SHELL,
        "crumbs": [{"label": "设计", "url": "#"}, {"label": "组件一览", "url": ""}],
        "steps": STEPS,
        "failed_steps": [
            *STEPS[:5],
            {"title": "银行接收", "state": "failed", "note": "各行都拒收"},
        ],
        "events": EVENTS,
        "todos": TODOS,
        "rows": ROWS,
        "facts": FACTS,
        "tabs": TABS,
    }
