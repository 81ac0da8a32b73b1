"""渡财发〔2022〕32号 第三、四节. One table: the whole journey of a batch in this county."""

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
FINANCE = Seat.FINANCE
SYSTEM = Seat.SYSTEM
BANK = Seat.BANK
TREASURY = Seat.TREASURY
CLOCK = Seat.CLOCK

JOURNEY: Final[tuple[Step, ...]] = (
    # 谁发放、谁负责：发放单位（部门或镇街）双人编制提交
    Step("compile",  "编制送审", S.DRAFT,      UNIT_CLERK, submission.compile,  S.COMPILED,   "四(一)", 5),
    Step("submit",   "审核提交", S.COMPILED,   UNIT_CHECK, submission.submit,   S.SUBMITTED,  "四(一)", 3, back=S.DRAFT, apart="compile"),
    Step("validate", "开始验证", S.SUBMITTED,  SYSTEM,     validation.begin,    S.VALIDATING, "四(二)", 0),
    Step("conclude", "验证结论", S.VALIDATING, SYSTEM,     validation.conclude, S.VALIDATED,  "四(二)", 1, back=S.RETURNED),
    # 发放单位发送财政和各银行，各行都拒收才整批退回；财政通过或退回，不能修改
    Step("send",     "发送数据", S.VALIDATED,  UNIT_CLERK, payout.send_roster,  S.SENDING,    "四(三)", 2),
    Step("receive",  "银行接收", S.SENDING,    BANK,       payout.received,     S.IN_REVIEW,  "四(三)", 1, back=S.RETURNED),
    Step("review",   "程序性复核", S.IN_REVIEW,  FINANCE,    review.decide,       S.READY,      "三", 3, back=S.RETURNING),
    # 发放单位申请；国库集中支付；银行代发
    Step("request",  "拨款申请", S.READY,      UNIT_CLERK, funding.request,     S.REQUESTED,  "四(四)", 5),
    Step("fund",     "资金到账", S.REQUESTED,  TREASURY,   funding.confirm,     S.FUNDED,     "四(四)", 3),
    Step("unfunded", "预算退回", S.REQUESTED,  TREASURY,   funding.returned,    S.READY,      "house", None),
    Step("pay",      "代发指令", S.FUNDED,     SYSTEM,     payout.instruct,     S.PAYING,     "四(四)", 0),
    # 结果反馈发放单位，失败的另起一批；核算；公示
    Step("settle",   "发放结果", S.PAYING,     BANK,       feedback.settle,     S.SETTLED,    "四(五)", 2),
    Step("book",     "会计核算", S.SETTLED,    SYSTEM,     accounting.draft,    S.BOOKED,     "house", 0),
    Step("publish",  "公开公示", S.BOOKED,     UNIT_CLERK, disclosure.publish,  S.PUBLISHED,  "四(六)", 20),
    Step("close",    "公示期满", S.PUBLISHED,  CLOCK,      disclosure.close,    S.CLOSED,     "四(六)", natural(7)),
    # 撤销、退回：银行确认撤回、已到资金退库后，才另起一批
    Step("cancel",   "撤销发放", (S.READY, S.REQUESTED, S.FUNDED), UNIT_CHECK, payout.cancel, S.RETURNING, "house", None),
    Step("recall",   "撤回数据", S.RETURNING,  SYSTEM,     payout.recall,       S.RECALLING,  "三", 0),
    Step("recalled", "撤回确认", S.RECALLING,  BANK,       payout.recalled,     S.RETURNED,   "三", 1),
    Step("drop",     "说明作废", S.DRAFT,      UNIT_CHECK, submission.drop,     S.DROPPED,    "house", None),
    # 更正草稿的明细全部并入补发批次后，随生成补发批次一并作废
    Step("emptied",  "并入作废", S.DRAFT,      UNIT_CLERK, submission.emptied,  S.DROPPED,    "house", None),
)
