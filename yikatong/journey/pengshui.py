"""彭水实施方案 2023-03-28 第三、四节. One table: the whole journey of a batch in this county."""

from __future__ import annotations

from typing import Final

from yikatong.accounting import actions as accounting
from yikatong.disclosure import actions as disclosure
from yikatong.feedback import actions as feedback
from yikatong.funding import actions as funding
from yikatong.kernel.steps import Seat, Step, natural
from yikatong.kernel.steps import Status as S
from yikatong.payout import actions as payout
from yikatong.review import actions as review
from yikatong.submission import actions as submission
from yikatong.validation import actions as validation

UNIT_CLERK = Seat.UNIT_CLERK
UNIT_CHECK = Seat.UNIT_CHECK
DEPT_CLERK = Seat.DEPT_CLERK
DEPT_CHIEF = Seat.DEPT_CHIEF
FINANCE = Seat.FINANCE
SYSTEM = Seat.SYSTEM
BANK = Seat.BANK
TREASURY = Seat.TREASURY
CLOCK = Seat.CLOCK

JOURNEY: Final[tuple[Step, ...]] = (
    # 乡镇双人编制上报，部门审批提交；更正批次由部门编制，同一条路
    Step("compile",  "编制送审", S.DRAFT,      UNIT_CLERK, submission.compile,  S.COMPILED,   "四(一)", 5),
    Step("report",   "审核上报", S.COMPILED,   UNIT_CHECK, submission.report,   S.REPORTED,   "四(一)", 3, back=S.DRAFT, apart="compile"),
    Step("approve",  "部门审批", S.REPORTED,   DEPT_CHIEF, submission.approve,  S.APPROVED,   "四(一)", 5, back=S.DRAFT),
    Step("submit",   "提交数据", S.APPROVED,   DEPT_CLERK, submission.submit,   S.SUBMITTED,  "四(一)", 2, apart="approve"),
    # 系统验证，含银行联网核验；通过即推送各银行并反馈部门；各行都拒收才整批退回
    Step("validate", "开始验证", S.SUBMITTED,  SYSTEM,     validation.begin,    S.VALIDATING, "四(二)", 0),
    Step("conclude", "验证结论", S.VALIDATING, SYSTEM,     validation.conclude, S.VALIDATED,  "四(二)", 1, back=S.RETURNED),
    Step("push",     "推送反馈", S.VALIDATED,  SYSTEM,     payout.send_roster,  S.SENDING,    "四(二)", 0),
    Step("receive",  "银行接收", S.SENDING,    BANK,       payout.received,     S.READY,      "四(二)", 1, back=S.RETURNED),
    # 部门申请；财政拨付，有问题原渠道退回；到账不符挂异常；银行代发
    Step("request",  "拨款申请", S.READY,      DEPT_CLERK, funding.request,     S.REQUESTED,  "四(三)", 5),
    Step("review",   "财政拨付", S.REQUESTED,  FINANCE,    review.decide,       S.RELEASED,   "三", 3, back=S.RETURNING),
    Step("fund",     "资金到账", S.RELEASED,   TREASURY,   funding.confirm,     S.FUNDED,     "四(三)", 3),
    Step("unfunded", "预算退回", (S.REQUESTED, S.RELEASED), TREASURY, funding.returned, S.READY, "三", None),
    Step("pay",      "代发指令", S.FUNDED,     SYSTEM,     payout.instruct,     S.PAYING,     "四(三)", 0),
    # 结果反馈部门和乡镇，失败的另起一批；核算；公示
    Step("settle",   "发放结果", S.PAYING,     BANK,       feedback.settle,     S.SETTLED,    "四(四)", 2),
    Step("book",     "会计核算", S.SETTLED,    SYSTEM,     accounting.draft,    S.BOOKED,     "三", 0),
    Step("publish",  "公开公示", S.BOOKED,     DEPT_CLERK, disclosure.publish,  S.PUBLISHED,  "四(五)", 20),
    Step("close",    "公示期满", S.PUBLISHED,  CLOCK,      disclosure.close,    S.CLOSED,     "四(五)", natural(7)),
    # 撤销、退回：银行确认撤回、已到资金退库后，才另起一批
    Step("cancel",   "撤销发放", (S.READY, S.REQUESTED, S.RELEASED, S.FUNDED), UNIT_CHECK, payout.cancel, S.RETURNING, "house", None),
    Step("recall",   "撤回数据", S.RETURNING,  SYSTEM,     payout.recall,       S.RECALLING,  "三", 0),
    Step("recalled", "撤回确认", S.RECALLING,  BANK,       payout.recalled,     S.RETURNED,   "三", 1),
    Step("drop",     "说明作废", S.DRAFT,      UNIT_CHECK, submission.drop,     S.DROPPED,    "house", None),
    # 更正草稿的明细全部并入补发批次后，随生成补发批次一并作废
    Step("emptied",  "并入作废", S.DRAFT,      UNIT_CLERK, submission.emptied,  S.DROPPED,    "house", None),
)
