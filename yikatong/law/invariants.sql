-- 不变量 I1–I12 (trust.md §1): each view returns the offending rows; empty is sound.
-- Columns of every view: county, batch_id, fen, sentence. I6 and I10 are completed by `verify`,
-- which recomputes SM3 in Python: the server has no SM3.
DROP VIEW IF EXISTS inv_money_conserved, inv_paid_once, inv_bank_agrees, inv_result_once,
    inv_paid_is_final, inv_sent_as_approved, inv_funded, inv_finance_cannot_write, inv_four_eyes,
    inv_audit_linked, inv_reissue_traced, inv_change_is_audited, inv_ledger_balanced, inv_ledger_agrees,
    inv_indicator_held CASCADE;

-- I1 应发 = 成功 + 失败 + 在途 + 停发 (+ 已退出另办)，笔数与金额；每条未通过的明细只另办一次
CREATE VIEW inv_money_conserved WITH (security_invoker = true) AS
WITH due AS (
    SELECT verdict.batch_id, verdict.county, count(*) AS lines, sum(line.amount_fen) AS fen
    FROM validation_lineverdict AS verdict JOIN submission_line AS line ON line.id = verdict.line_id
    WHERE verdict.passed GROUP BY verdict.batch_id, verdict.county
), booked AS (
    SELECT payment.batch_id, count(*) AS lines, sum(payment.amount_fen) AS fen
    FROM payout_payment AS payment GROUP BY payment.batch_id
)
SELECT due.county, due.batch_id, (due.fen - booked.fen)::bigint AS fen,
       '应发 ' || due.lines || ' 笔与代发 ' || booked.lines || ' 笔不一致' AS sentence
FROM due JOIN booked USING (batch_id)
WHERE due.lines <> booked.lines OR due.fen <> booked.fen
UNION ALL
SELECT line.county, line.batch_id, payment.amount_fen, '代发金额与明细金额不一致'
FROM payout_payment AS payment JOIN submission_line AS line ON line.id = payment.line_id
WHERE payment.amount_fen IS DISTINCT FROM line.amount_fen OR payment.batch_id <> line.batch_id
UNION ALL
SELECT verdict.county, verdict.batch_id, line.amount_fen, '未通过的明细没有另起草稿'
FROM validation_lineverdict AS verdict
JOIN submission_line AS line ON line.id = verdict.line_id
LEFT JOIN submission_line AS copy ON copy.origin_id = line.id
WHERE NOT verdict.passed AND copy.id IS NULL
UNION ALL
SELECT payment.county, payment.batch_id, payment.amount_fen, '已退出的代发明细没有另起草稿'
FROM payout_payment AS payment
JOIN submission_batch AS batch ON batch.id = payment.batch_id
LEFT JOIN submission_line AS copy ON copy.origin_id = payment.line_id
WHERE payment.state = 'WITHDRAWN' AND copy.id IS NULL AND batch.status <> 'RECALLING'
UNION ALL
SELECT share.county, share.batch_id, instruction.amount_fen - coalesce(sum(payment.amount_fen), 0)::bigint,
       '代发指令金额与所含明细不一致'
FROM payout_paymentinstruction AS instruction
JOIN payout_bankshare AS share ON share.id = instruction.share_id
LEFT JOIN payout_payment AS payment ON payment.share_id = share.id AND payment.state NOT IN ('STOPPED', 'WITHDRAWN')
GROUP BY share.county, share.batch_id, instruction.id
HAVING instruction.amount_fen <> coalesce(sum(payment.amount_fen), 0) OR instruction.lines <> count(payment.id);

-- I2 同一享受权至多一笔在途或成功
CREATE VIEW inv_paid_once WITH (security_invoker = true) AS
SELECT payment.county, max(payment.batch_id) AS batch_id, sum(payment.amount_fen)::bigint AS fen,
       '同一享受权有 ' || count(*) || ' 笔在途或成功' AS sentence
FROM payout_payment AS payment WHERE payment.state IN ('SENT', 'UNKNOWN', 'PAID')
GROUP BY payment.county, payment.programme_code, payment.period, payment.obligee_id, payment.object_key
HAVING count(*) > 1;

-- I3 银行日终账与我方成功一致，每行每日以最后一次对账为准
CREATE VIEW inv_bank_agrees WITH (security_invoker = true) AS
SELECT latest.county, NULL::bigint AS batch_id, latest.out_fen - latest.our_out_fen AS fen,
       latest.day || ' 银行 ' || latest.bank_no || ' 成功 ' || latest.paid_lines || ' 笔，我方 '
       || latest.our_lines || ' 笔，金额或笔数不一致，或期初加减不等于期末' AS sentence
FROM (SELECT DISTINCT ON (county, bank_no, day) * FROM feedback_dayaccount
      ORDER BY county, bank_no, day, id DESC) AS latest
CROSS JOIN LATERAL (  -- 结果晚于对账单到达的，入账后即相符
    SELECT count(*) AS lines, coalesce(sum(result.paid_fen), 0) AS fen FROM feedback_paymentresult AS result
    WHERE result.county = latest.county AND result.bank_no = latest.bank_no AND result.result = 'SUCCESS'
      AND (result.at AT TIME ZONE 'Asia/Shanghai')::date = latest.day::date) AS held
WHERE (latest.out_fen, latest.paid_lines) <> (latest.our_out_fen, latest.our_lines)
      AND (latest.out_fen, latest.paid_lines) <> (held.fen, held.lines)
   OR latest.opening_fen + latest.in_fen + latest.returned_fen
      - latest.out_fen - latest.refunded_fen <> latest.closing_fen;

-- I4 每条银行结果至多应用一次
CREATE VIEW inv_result_once WITH (security_invoker = true) AS
SELECT result.county, max(payment.batch_id) AS batch_id, sum(result.paid_fen)::bigint AS fen,
       '同一结果行应用了 ' || count(*) || ' 次' AS sentence
FROM feedback_paymentresult AS result JOIN payout_payment AS payment ON payment.id = result.payment_id
WHERE result.file_row & 8388608 = 0  -- 不是文件里的行（日终账没有的）不计
GROUP BY result.county, result.file_row HAVING count(*) > 1
UNION ALL
SELECT result.county, max(payment.batch_id), sum(result.paid_fen)::bigint, '同一笔明细两次由结果进入 ' || result.outcome
FROM feedback_paymentresult AS result JOIN payout_payment AS payment ON payment.id = result.payment_id
GROUP BY result.county, result.payment_id, result.outcome HAVING count(*) > 1
UNION ALL
SELECT result.county, max(payment.batch_id), sum(result.paid_fen)::bigint, '同一银行流水应用了多次'
FROM feedback_paymentresult AS result JOIN payout_payment AS payment ON payment.id = result.payment_id
WHERE result.bank_serial IS NOT NULL
GROUP BY result.county, result.bank_no, result.bank_serial HAVING count(*) > 1;

-- I5 成功即终局，其后只能退汇
CREATE VIEW inv_paid_is_final WITH (security_invoker = true) AS
SELECT payment.county, payment.batch_id, payment.amount_fen AS fen,
       '银行已报成功，状态却是 ' || payment.state AS sentence
FROM payout_payment AS payment
JOIN feedback_paymentresult AS result ON result.payment_id = payment.id AND result.result = 'SUCCESS'
WHERE payment.state NOT IN ('PAID', 'RETURNED') OR result.paid_fen <> payment.amount_fen
UNION ALL
SELECT payment.county, payment.batch_id, payment.amount_fen, '状态为成功，却没有银行结果'
FROM payout_payment AS payment
WHERE payment.state = 'PAID' AND NOT EXISTS (
    SELECT FROM feedback_paymentresult AS result
    WHERE result.payment_id = payment.id AND result.result = 'SUCCESS');

-- I6 所发 ⊆ 所批: 审批留有摘要，所发明细都在验证通过之列 (摘要值由 verify 重算)
CREATE VIEW inv_sent_as_approved WITH (security_invoker = true) AS
SELECT payment.county, payment.batch_id, payment.amount_fen AS fen, '所发明细未经审批或未通过验证' AS sentence
FROM payout_payment AS payment
LEFT JOIN validation_lineverdict AS verdict ON verdict.line_id = payment.line_id
WHERE verdict.passed IS DISTINCT FROM true
   OR NOT EXISTS (SELECT FROM submission_approval AS approval
                  WHERE approval.batch_id = payment.batch_id AND approval.kind = 'APPROVED')
   OR NOT EXISTS (SELECT FROM submission_approval AS approval
                  WHERE approval.batch_id = payment.batch_id AND approval.kind = 'PASSING');

-- I7 到账与所用留存款不少于下达；留存款出自同一享受权、同一银行的失败款，不超过它
CREATE VIEW inv_funded WITH (security_invoker = true) AS
SELECT share.county, share.batch_id, (instruction.amount_fen - money.fen - kept.fen)::bigint AS fen,
       '下达金额超过到账与所用留存款' AS sentence
FROM payout_paymentinstruction AS instruction
JOIN payout_bankshare AS share ON share.id = instruction.share_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(confirmation.amount_fen), 0) AS fen FROM funding_fundingrequest AS request
    JOIN funding_treasuryconfirmation AS confirmation ON confirmation.request_id = request.id AND confirmation.is_ours
    WHERE request.batch_id = share.batch_id AND request.bank_no = share.bank_no) AS money
CROSS JOIN LATERAL (
    SELECT coalesce(sum(used.fen), 0) AS fen FROM funding_fundingrequest AS request
    JOIN request_kept AS used ON used.id = request.id
    WHERE request.batch_id = share.batch_id AND request.bank_no = share.bank_no) AS kept
WHERE money.fen + kept.fen < instruction.amount_fen
UNION ALL
SELECT source.county, source.batch_id, (coalesce(sum(used.amount_fen), 0) + coalesce(max(back.fen), 0) - source.amount_fen)::bigint,
       '失败款用于补发和退库的合计超过失败金额，或用给了别人、别的银行'
FROM funding_keptresidue AS used
JOIN payout_payment AS source ON source.id = used.source_id
JOIN payout_payment AS again ON again.id = used.payment_id
LEFT JOIN LATERAL (SELECT sum(refund.amount_fen) AS fen FROM feedback_refund AS refund
    WHERE refund.share_id = source.share_id AND refund.detail_id = source.detail_id) AS back ON true
WHERE used.state = 'TAKEN'
GROUP BY source.id
HAVING coalesce(sum(used.amount_fen), 0) + coalesce(max(back.fen), 0) > source.amount_fen OR count(*) > 1
    OR source.state NOT IN ('FAILED', 'RETURNED')
    OR bool_or((again.county, again.bank_no, again.programme_code, again.period, again.obligee_id, again.object_key, used.bank_no)
        IS DISTINCT FROM (source.county, source.bank_no, source.programme_code, source.period, source.obligee_id,
            source.object_key, source.bank_no));

-- I8 财政、审计对明细、人员、账户、金额没有写权限，读自数据库目录
CREATE VIEW inv_finance_cannot_write WITH (security_invoker = true) AS
SELECT NULL::text AS county, NULL::bigint AS batch_id, NULL::bigint AS fen,
       supervisor || ' 对 ' || guarded || ' 有写权限' AS sentence
FROM unnest(ARRAY['submission_line', 'registry_person', 'registry_household', 'registry_cardaccount',
    'registry_cardaccountversion', 'registry_accountchange', 'payout_payment', 'payout_bankshare',
    'catalogue_benefitstandard', 'funding_fundingrequest', 'feedback_paymentresult']) AS guarded,
     unnest(ARRAY['ykt_finance', 'ykt_audit']) AS supervisor
WHERE has_table_privilege(supervisor, guarded, 'INSERT, UPDATE, DELETE, TRUNCATE')
   OR has_any_column_privilege(supervisor, guarded, 'INSERT, UPDATE');

-- I9 经办与审核分离
CREATE VIEW inv_four_eyes WITH (security_invoker = true) AS
SELECT event.county, event.batch_id, NULL::bigint AS fen,
       event.person_name || ' 既参与编制又办理 ' || event.action AS sentence
FROM audit_auditevent AS event
JOIN batch_makers AS maker ON maker.batch_id = event.batch_id AND maker.username = event.username
JOIN (SELECT DISTINCT county, step FROM journey_edge WHERE is_check) AS edge
    ON edge.county = event.county AND 'batch.' || edge.step = event.action
WHERE event.result = 'passed' AND event.username <> ''
UNION ALL
SELECT change.county, NULL, NULL, '账户变更由同一人申请和复核'
FROM registry_accountchange AS change WHERE change.decided_by = change.proposed_by
UNION ALL
SELECT stop.county, NULL, NULL, '停发由同一人申请和复核'
FROM payout_stop AS stop WHERE stop.confirmed_by = stop.asked_by;

-- I10 留痕不断号、前值相接 (哈希由 verify 重算)
CREATE VIEW inv_audit_linked WITH (security_invoker = true) AS
SELECT event.county, event.batch_id, NULL::bigint AS fen,
       '留痕第 ' || event.seq || ' 号断号或前值不符' AS sentence
FROM (SELECT seq, prev, hash, county, batch_id, lag(seq) OVER chain AS seq_before, lag(hash) OVER chain AS hash_before
      FROM audit_auditevent WINDOW chain AS (ORDER BY seq)) AS event
WHERE event.seq <> coalesce(event.seq_before, 0) + 1
   OR event.prev <> coalesce(event.hash_before, decode(repeat('00', 32), 'hex'));

-- I11 补发指向失败明细，同一享受权，不超过原失败金额，只有一个后继
CREATE VIEW inv_reissue_traced WITH (security_invoker = true) AS
SELECT again.county, again.batch_id, again.amount_fen AS fen, '补发与原失败明细的享受权不同，或超过原失败金额' AS sentence
FROM payout_payment AS again
JOIN submission_line AS line ON line.id = again.line_id
JOIN payout_payment AS failed ON failed.line_id = line.origin_id
WHERE failed.state NOT IN ('FAILED', 'RETURNED', 'WITHDRAWN') OR again.amount_fen > failed.amount_fen
   OR (again.obligee_id, again.object_key, again.programme_code, again.period)
      IS DISTINCT FROM (failed.obligee_id, failed.object_key, failed.programme_code, failed.period)
UNION ALL
SELECT payment.county, payment.batch_id, payment.amount_fen, '第 ' || payment.attempt || ' 次发放没有指向来源明细'
FROM payout_payment AS payment JOIN submission_line AS line ON line.id = payment.line_id
WHERE payment.attempt > 1 AND line.origin_id IS NULL
UNION ALL
SELECT max(line.county), max(line.batch_id), sum(line.amount_fen)::bigint, '一条明细有多个后继'
FROM submission_line AS line WHERE line.origin_id IS NOT NULL GROUP BY line.origin_id HAVING count(*) > 1;

-- I12 每次状态变化恰有一个留痕事件，反之亦然
CREATE VIEW inv_change_is_audited WITH (security_invoker = true) AS
WITH moved AS (
    SELECT county, batch_id, from_status, to_status, count(*) AS times
    FROM submission_batchmove GROUP BY county, batch_id, from_status, to_status
), recorded AS (
    SELECT event.county, event.batch_id, event.from_status, event.to_status, count(*) AS times
    FROM audit_auditevent AS event JOIN submission_batch AS batch ON batch.id = event.batch_id
    WHERE event.from_status <> event.to_status
    GROUP BY event.county, event.batch_id, event.from_status, event.to_status
)
SELECT coalesce(moved.county, recorded.county) AS county, coalesce(moved.batch_id, recorded.batch_id) AS batch_id,
       NULL::bigint AS fen,
       '状态 ' || coalesce(moved.from_status, recorded.from_status) || '→' || coalesce(moved.to_status, recorded.to_status)
       || ' 变化 ' || coalesce(moved.times, 0) || ' 次，留痕 ' || coalesce(recorded.times, 0) || ' 次' AS sentence
FROM moved FULL JOIN recorded USING (batch_id, from_status, to_status)
WHERE moved.times IS DISTINCT FROM recorded.times;

-- I13 资金台账每笔借贷相等
CREATE VIEW inv_ledger_balanced WITH (security_invoker = true) AS
SELECT posting.county, posting.batch_id,
       (coalesce(sum(leg.amount_fen) FILTER (WHERE leg.is_debit), 0)
        - coalesce(sum(leg.amount_fen) FILTER (WHERE NOT leg.is_debit), 0))::bigint AS fen,
       '台账 ' || posting.kind || ' ' || posting.event || ' 借贷不平' AS sentence
FROM accounting_ledgerposting AS posting LEFT JOIN accounting_ledgerleg AS leg ON leg.posting_id = posting.id
GROUP BY posting.id
HAVING count(leg.id) < 2
    OR coalesce(sum(leg.amount_fen) FILTER (WHERE leg.is_debit), 0) <> posting.amount_fen
    OR coalesce(sum(leg.amount_fen) FILTER (WHERE NOT leg.is_debit), 0) <> posting.amount_fen;

-- I14 每笔变动恰好入账一次：台账各种变动 = 到账、代发结果、退库；代发专户余额 = 到账 − 成功 − 退库
CREATE VIEW inv_ledger_agrees WITH (security_invoker = true) AS
WITH told AS (
    SELECT money.county, request.batch_id, money.bank_no,
           CASE WHEN money.is_ours THEN 'MONEY_RECEIVED' ELSE 'WRONG_ACCOUNT' END AS kind, money.amount_fen AS fen
    FROM funding_treasuryconfirmation AS money JOIN funding_fundingrequest AS request ON request.id = money.request_id
    UNION ALL
    SELECT payment.county, payment.batch_id, payment.bank_no, payment_kind(payment.state, payment.attempt), payment.amount_fen
    FROM payout_payment AS payment WHERE payment_kind(payment.state, payment.attempt) IS NOT NULL
    UNION ALL  -- it was paid before it came back
    SELECT payment.county, payment.batch_id, payment.bank_no, payment_kind('PAID', payment.attempt), payment.amount_fen
    FROM payout_payment AS payment WHERE payment.state = 'RETURNED'
    UNION ALL
    SELECT refund.county, share.batch_id, refund.bank_no,
           CASE WHEN refund.reason IN ('STOPPED', 'CANCELLED', 'EXCESS') THEN 'REFUND_' || refund.reason
                ELSE 'REFUND_FAILED' END, refund.amount_fen
    FROM feedback_refund AS refund JOIN payout_bankshare AS share ON share.id = refund.share_id
    UNION ALL  -- 留存款: taken by a request, and given back by one that was withdrawn
    SELECT used.county, request.batch_id, used.bank_no, moved.kind, used.amount_fen
    FROM funding_keptresidue AS used JOIN funding_fundingrequest AS request ON request.id = used.request_id
    JOIN (VALUES ('RESIDUE_USED', 'TAKEN'), ('RESIDUE_USED', 'RELEASED'), ('RESIDUE_FREED', 'RELEASED')) AS moved (kind, state)
        ON moved.state = used.state
), expected AS (
    SELECT county, batch_id, bank_no, kind, sum(fen) AS fen FROM told GROUP BY county, batch_id, bank_no, kind
), booked AS (
    SELECT county, batch_id, bank_no, kind, sum(amount_fen) AS fen FROM accounting_ledgerposting
    WHERE kind IN ('MONEY_RECEIVED', 'WRONG_ACCOUNT', 'LINE_PAID', 'REISSUE_PAID', 'LINE_FAILED', 'LINE_RETURNED',
        'LINE_STOPPED', 'REFUND_FAILED', 'REFUND_STOPPED', 'REFUND_CANCELLED', 'REFUND_EXCESS',
        'RESIDUE_USED', 'RESIDUE_FREED')
    GROUP BY county, batch_id, bank_no, kind
)
SELECT coalesce(expected.county, booked.county) AS county, coalesce(expected.batch_id, booked.batch_id) AS batch_id,
       (coalesce(booked.fen, 0) - coalesce(expected.fen, 0))::bigint AS fen,
       '银行 ' || coalesce(expected.bank_no, booked.bank_no) || ' 的 ' || coalesce(expected.kind, booked.kind)
       || '：业务 ' || coalesce(expected.fen, 0) || ' 分，台账 ' || coalesce(booked.fen, 0) || ' 分' AS sentence
FROM expected FULL JOIN booked USING (county, batch_id, bank_no, kind)
WHERE expected.fen IS DISTINCT FROM booked.fen
UNION ALL
SELECT held.county, NULL, (held.fen - should.fen)::bigint,
       '银行 ' || held.bank_no || ' 代发专户台账余额 ' || held.fen || ' 分，应为 ' || should.fen || ' 分'
FROM (SELECT leg.county, leg.bank_no,
             sum(CASE WHEN leg.is_debit THEN leg.amount_fen ELSE -leg.amount_fen END) AS fen
      FROM accounting_ledgerleg AS leg
      WHERE (leg.county, leg.account) IN (
          SELECT cash.county, cash.account FROM accounting_ledgerleg AS cash
          JOIN accounting_ledgerposting AS received ON received.id = cash.posting_id
          WHERE received.kind = 'MONEY_RECEIVED' AND cash.is_debit)
      GROUP BY leg.county, leg.bank_no) AS held
JOIN (SELECT county, bank_no, sum(CASE WHEN kind IN ('MONEY_RECEIVED', 'LINE_RETURNED') THEN fen
             WHEN kind IN ('LINE_PAID', 'REISSUE_PAID') OR kind LIKE 'REFUND%' THEN -fen ELSE 0 END) AS fen
      FROM expected GROUP BY county, bank_no) AS should USING (county, bank_no)
WHERE held.fen <> should.fen;

-- I15 指标额度：有额度记录的申请，冻结、释放、支出与申请状态一致；冻结金额即申请金额
CREATE VIEW inv_indicator_held WITH (security_invoker = true) AS
SELECT hold.county, request.batch_id, (hold.amount_fen - request.amount_fen)::bigint AS fen,
       '申请 ' || request.number || ' 为 ' || request.state || '，额度却是 ' || hold.state AS sentence
FROM funding_indicatorhold AS hold JOIN funding_fundingrequest AS request ON request.id = hold.request_id
WHERE hold.amount_fen <> request.amount_fen
   OR hold.state <> CASE WHEN request.state IN ('RETURNED', 'WITHDRAWN') THEN 'RELEASED'
                         WHEN request.state IN ('PAID', 'REFUNDED') THEN 'SPENT' ELSE 'FROZEN' END
UNION ALL
SELECT instruction.county, share.batch_id, instruction.amount_fen, '下达的指令没有匹配的资金'
FROM payout_paymentinstruction AS instruction JOIN payout_bankshare AS share ON share.id = instruction.share_id
LEFT JOIN funding_fundingmatch AS match ON match.batch_id = share.batch_id AND match.bank_no = share.bank_no
WHERE match.amount_fen IS NULL OR match.amount_fen < instruction.amount_fen;
