-- 三方对账 R1–R6 (interfaces.md §7): 国库支付凭证 = 代发专户 = 明细（成功 + 失败 + 在途）.
-- Each check is one view of the differences that stand now; `standing_difference` is all of them.

DROP VIEW IF EXISTS three_way CASCADE;

-- one application: what the treasury vouched for, what came, and what its lines became
CREATE VIEW three_way WITH (security_invoker = true) AS
SELECT request.id, request.county, request.unit_no, request.department_no, request.bank_no, request.batch_id,
       request.number, request.state, request.lines, request.amount_fen AS asked_fen,
       (request.requested_at AT TIME ZONE 'Asia/Shanghai')::date AS asked_on,
       CASE WHEN request.state IN ('VOUCHERED', 'PAID') THEN request.amount_fen ELSE 0 END AS voucher_fen,
       coalesce(money.fen, 0) AS account_fen, coalesce(kept.fen, 0) AS kept_fen, money.last_on,
       coalesce(told.paid_fen, 0) AS paid_fen, coalesce(told.failed_fen, 0) AS failed_fen,
       coalesce(told.in_transit_fen, 0) AS in_transit_fen, coalesce(told.stopped_fen, 0) AS stopped_fen,
       coalesce(told.lines, 0) AS told_lines,
       coalesce(told.paid_fen + told.failed_fen + told.in_transit_fen + told.stopped_fen, 0) AS lines_fen,
       coalesce(refund.refunded_fen, 0) AS refunded_fen, refund.refunded_at
FROM funding_fundingrequest AS request
JOIN submission_batch AS batch ON batch.id = request.batch_id
LEFT JOIN LATERAL (
    SELECT sum(confirmation.amount_fen)::bigint AS fen,
           max((confirmation.at AT TIME ZONE 'Asia/Shanghai')::date) AS last_on
    FROM funding_treasuryconfirmation AS confirmation
    WHERE confirmation.request_id = request.id AND confirmation.is_ours) AS money ON true
LEFT JOIN LATERAL (
    SELECT count(*)::int AS lines,
           coalesce(sum(payment.amount_fen) FILTER (WHERE payment.state = 'PAID'), 0)::bigint AS paid_fen,
           coalesce(sum(payment.amount_fen) FILTER (WHERE payment.state IN ('FAILED', 'RETURNED')), 0)::bigint AS failed_fen,
           coalesce(sum(payment.amount_fen) FILTER (WHERE payment.state IN ('SENT', 'UNKNOWN')), 0)::bigint AS in_transit_fen,
           coalesce(sum(payment.amount_fen) FILTER (WHERE payment.state IN ('STOPPED', 'WITHDRAWN')), 0)::bigint AS stopped_fen
    FROM payout_payment AS payment LEFT JOIN payout_stop AS stop ON stop.payment_id = payment.id
    WHERE payment.batch_id = request.batch_id AND payment.bank_no = request.bank_no
      AND payment.seq BETWEEN request.seq_from AND request.seq_to
      -- what left before the application is no part of it
      AND NOT (payment.state = 'STOPPED' AND stop.confirmed_at < request.requested_at)
      AND NOT (payment.state = 'WITHDRAWN' AND batch.status NOT IN ('RETURNING', 'RECALLING', 'RETURNED'))
) AS told ON true
LEFT JOIN request_refund AS refund ON refund.id = request.id
LEFT JOIN request_kept AS kept ON kept.id = request.id
WHERE request.state NOT IN ('RETURNED', 'WITHDRAWN', 'REFUNDED');
COMMENT ON VIEW three_way IS '每笔拨款申请的国库、代发户、明细三方金额';

-- 无主款: failed, returned, stopped after funding, on a wrong account; not refunded, with its age
DROP VIEW IF EXISTS residue CASCADE;
CREATE VIEW residue WITH (security_invoker = true) AS
SELECT payment.id, payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       payment.detail_id, payment.state AS kind, residue_free(payment.id) AS amount_fen,
       coalesce((SELECT (result.at AT TIME ZONE 'Asia/Shanghai')::date FROM feedback_paymentresult AS result
                 WHERE result.payment_id = payment.id AND result.outcome = payment.state),
                (stop.confirmed_at AT TIME ZONE 'Asia/Shanghai')::date,
                (instruction.at AT TIME ZONE 'Asia/Shanghai')::date) AS since
FROM payout_payment AS payment
JOIN payout_paymentinstruction AS instruction ON instruction.share_id = payment.share_id
LEFT JOIN payout_stop AS stop ON stop.payment_id = payment.id
WHERE payment.state IN ('FAILED', 'RETURNED', 'STOPPED')
  AND residue_free(payment.id) > 0
  AND (payment.state <> 'STOPPED' OR EXISTS (
      SELECT FROM funding_fundingrequest AS request WHERE request.batch_id = payment.batch_id
        AND request.bank_no = payment.bank_no AND payment.seq BETWEEN request.seq_from AND request.seq_to
        AND request.state NOT IN ('RETURNED', 'WITHDRAWN') AND stop.confirmed_at >= request.requested_at))
UNION ALL
SELECT -money.id, money.county, money.unit_no, money.department_no, money.bank_no, request.batch_id,
       money.bank_serial, 'WRONG', money.amount_fen, (money.at AT TIME ZONE 'Asia/Shanghai')::date
FROM funding_treasuryconfirmation AS money JOIN funding_fundingrequest AS request ON request.id = money.request_id
WHERE NOT money.is_ours;
COMMENT ON VIEW residue IS '还没有退国库、也没有再发出去的款，一笔一行';

-- R1 明细与银行结果: by payment
DROP VIEW IF EXISTS recon_r1 CASCADE;
CREATE VIEW recon_r1 WITH (security_invoker = true) AS
SELECT payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       '明细' AS side, 'R1|' || payment.detail_id || '|' || payment.state AS fingerprint,
       payment.amount_fen, (instruction.at AT TIME ZONE 'Asia/Shanghai')::date AS since, '银行' AS owner,
       CASE WHEN payment.state IN ('SENT', 'UNKNOWN') THEN '下达超过 ' || place.days || ' 天没有结果'
            ELSE '我方为 ' || payment.state || '，没有相应的银行结果或金额不一致' END
       || '：明细 ' || payment.detail_id AS sentence
FROM payout_payment AS payment
JOIN payout_paymentinstruction AS instruction ON instruction.share_id = payment.share_id
CROSS JOIN LATERAL (
    SELECT coalesce((county.settings -> 'clocks' ->> 'credit_working_days')::int, 2) AS days
    FROM organisation_county AS county WHERE county.county = payment.county) AS place
WHERE (payment.state IN ('SENT', 'UNKNOWN')
       AND instruction.at < clock_timestamp() - make_interval(days => place.days))
   OR (payment.state IN ('PAID', 'FAILED', 'RETURNED') AND NOT EXISTS (
       SELECT FROM feedback_paymentresult AS result WHERE result.payment_id = payment.id
         AND result.outcome = payment.state
         AND result.paid_fen = CASE payment.state WHEN 'FAILED' THEN 0 ELSE payment.amount_fen END))
UNION ALL
SELECT payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       '明细', 'R1|' || payment.detail_id || '|SUCCESS', payment.amount_fen,
       (result.at AT TIME ZONE 'Asia/Shanghai')::date, '部门',
       '银行报成功，我方为 ' || payment.state || '：明细 ' || payment.detail_id
FROM feedback_paymentresult AS result JOIN payout_payment AS payment ON payment.id = result.payment_id
WHERE result.result = 'SUCCESS' AND payment.state NOT IN ('PAID', 'RETURNED');

-- R2 日终对账: the newest account of each bank and day, row by row, both ways
DROP VIEW IF EXISTS recon_r2 CASCADE;
CREATE VIEW recon_r2 WITH (security_invoker = true) AS
WITH newest AS (
    SELECT DISTINCT ON (county, bank_no, day) id, county, bank_no, day, opening_fen, in_fen, returned_fen,
           out_fen, refunded_fen, closing_fen
    FROM feedback_dayaccount ORDER BY county, bank_no, day, id DESC
), ours AS (
    SELECT result.county, result.bank_no, (result.at AT TIME ZONE 'Asia/Shanghai')::date AS day,
           CASE result.result WHEN 'SUCCESS' THEN 'OUT' ELSE 'RETURN' END AS kind,
           coalesce(result.bank_serial, '') AS bank_serial, result.paid_fen AS fen,
           payment.unit_no, payment.department_no, payment.batch_id, payment.detail_id
    FROM feedback_paymentresult AS result JOIN payout_payment AS payment ON payment.id = result.payment_id
    WHERE result.result IN ('SUCCESS', 'RETURNED')
    UNION ALL
    SELECT money.county, money.bank_no, (money.at AT TIME ZONE 'Asia/Shanghai')::date, 'IN', money.bank_serial,
           money.amount_fen, money.unit_no, money.department_no, request.batch_id, ''
    FROM funding_treasuryconfirmation AS money JOIN funding_fundingrequest AS request ON request.id = money.request_id
    WHERE money.is_ours
    UNION ALL
    SELECT refund.county, refund.bank_no, (refund.at AT TIME ZONE 'Asia/Shanghai')::date, 'REFUND',
           refund.bank_serial, refund.amount_fen, refund.unit_no, refund.department_no, share.batch_id, refund.detail_id
    FROM feedback_refund AS refund JOIN payout_bankshare AS share ON share.id = refund.share_id
), theirs AS (  -- a serial is one movement of money, of one detail or of several
    SELECT entry.county, entry.bank_no, newest.day, entry.kind,
           coalesce(nullif(entry.bank_serial, ''), entry.detail_id) AS serial, sum(entry.amount_fen)::bigint AS fen
    FROM feedback_dayentry AS entry JOIN newest ON newest.id = entry.account_id GROUP BY 1, 2, 3, 4, 5
), mine AS (
    SELECT ours.county, ours.bank_no, ours.day, ours.kind,
           coalesce(nullif(ours.bank_serial, ''), ours.detail_id) AS serial, sum(ours.fen)::bigint AS fen,
           min(ours.unit_no) AS unit_no, min(ours.department_no) AS department_no, min(ours.batch_id) AS batch_id
    FROM ours JOIN newest USING (county, bank_no, day) GROUP BY 1, 2, 3, 4, 5
)
SELECT coalesce(mine.county, theirs.county) AS county, coalesce(mine.unit_no, 0) AS unit_no, mine.department_no,
       coalesce(mine.bank_no, theirs.bank_no) AS bank_no, mine.batch_id, '代发户' AS side,
       'R2|' || coalesce(mine.bank_no, theirs.bank_no) || '|' || coalesce(mine.day, theirs.day) || '|'
       || coalesce(mine.kind, theirs.kind) || '|' || coalesce(mine.serial, theirs.serial) || '|'
       || coalesce(theirs.fen, 0) || '|' || coalesce(mine.fen, 0) AS fingerprint,
       coalesce(theirs.fen, 0) - coalesce(mine.fen, 0) AS amount_fen, coalesce(mine.day, theirs.day) AS since,
       CASE WHEN theirs.fen IS NULL THEN '银行' ELSE '财政' END AS owner,
       coalesce(mine.day, theirs.day) || ' '
       || CASE coalesce(mine.kind, theirs.kind) WHEN 'IN' THEN '到账' WHEN 'OUT' THEN '代发支出'
              WHEN 'RETURN' THEN '退汇' ELSE '退库' END
       || '流水 ' || coalesce(mine.serial, theirs.serial) || '：'
       || CASE WHEN theirs.fen IS NULL THEN '我方有，银行日终账没有' WHEN mine.fen IS NULL THEN '银行有，我方没有'
              ELSE '两方金额不同' END AS sentence
FROM mine FULL JOIN theirs USING (county, bank_no, day, kind, serial)
WHERE mine.fen IS DISTINCT FROM theirs.fen
UNION ALL
SELECT newest.county, 0, NULL, newest.bank_no, NULL, '代发户',
       'R2|' || newest.bank_no || '|' || newest.day || '|CLOSING|' || newest.closing_fen,
       opening_fen + in_fen + returned_fen - out_fen - refunded_fen - closing_fen, newest.day, '银行',
       newest.day || ' 期初加收入减支出不等于期末'
FROM newest WHERE opening_fen + in_fen + returned_fen - out_fen - refunded_fen <> closing_fen
UNION ALL  -- a day that has passed with payments and no account of it
SELECT ours.county, 0, NULL, ours.bank_no, NULL, '代发户', 'R2|' || ours.bank_no || '|' || ours.day || '|MISSING',
       sum(ours.fen)::bigint, ours.day, '银行', ours.day || ' 有收付 ' || count(*) || ' 笔，没有收到银行的日终对账'
FROM ours LEFT JOIN newest USING (county, bank_no, day)
WHERE newest.id IS NULL AND ours.day < (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date
GROUP BY ours.county, ours.bank_no, ours.day;

-- R3 资金: application = voucher = money in the account = lines
DROP VIEW IF EXISTS recon_r3 CASCADE;
CREATE VIEW recon_r3 WITH (security_invoker = true) AS
SELECT county, unit_no, department_no, bank_no, batch_id, '代发户' AS side,
       'R3|' || number || '|' || voucher_fen || '|' || account_fen AS fingerprint, account_fen - asked_fen AS amount_fen,
       coalesce(last_on, asked_on) AS since, '财政' AS owner,
       '拨款申请 ' || number || '：国库凭证与代发户到账不相等' AS sentence
FROM three_way WHERE (state = 'PAID' OR account_fen > 0) AND (account_fen <> asked_fen OR voucher_fen <> asked_fen)
UNION ALL
SELECT county, unit_no, department_no, bank_no, batch_id, '明细',
       'R3|' || number || '|lines|' || account_fen + kept_fen || '|' || lines_fen, lines_fen - account_fen - kept_fen,
       coalesce(last_on, asked_on),
       '部门', '拨款申请 ' || number || '：代发户到账与明细之和（成功、失败、在途、停发）不相等'
FROM three_way WHERE account_fen + kept_fen > 0 AND lines_fen <> account_fen + kept_fen AND account_fen = asked_fen;

-- R4 国库: the treasury's own last word (B15) of each application. A refund passes through the bank:
-- that one side has booked it and the other not yet is no difference on the first day
DROP VIEW IF EXISTS recon_r4 CASCADE;
CREATE VIEW recon_r4 WITH (security_invoker = true) AS
WITH told AS (
    SELECT DISTINCT ON (county, tracking_id) entry.*,
           min(at) OVER (PARTITION BY county, tracking_id, refunded_fen) AS refund_told_at
    FROM funding_treasuryentry AS entry ORDER BY county, tracking_id, id DESC
), compared AS (
    SELECT told.county, told.tracking_id, told.asked_fen, told.paid_fen, told.refunded_fen, told.at,
           ours.id, ours.unit_no, ours.department_no, ours.bank_no, ours.batch_id,
           ours.asked_fen AS our_asked_fen, ours.account_fen, ours.refunded_fen AS our_refunded_fen,
           told.refunded_fen > ours.refunded_fen
               AND told.refunded_fen <= ours.failed_fen + ours.stopped_fen
                                        + greatest(ours.account_fen - ours.lines_fen, 0)
               AND told.refund_told_at > clock_timestamp() - interval '1 day'
           OR told.refunded_fen < ours.refunded_fen AND told.at < ours.refunded_at AS is_on_its_way
    FROM told LEFT JOIN three_way AS ours ON ours.county = told.county AND ours.number = told.tracking_id
)
SELECT county, coalesce(unit_no, 0) AS unit_no, department_no, bank_no, batch_id, '国库' AS side,
       'R4|' || tracking_id || '|' || asked_fen || '|' || paid_fen || '|' || refunded_fen AS fingerprint,
       paid_fen - refunded_fen - coalesce(account_fen - our_refunded_fen, 0) AS amount_fen,
       (at AT TIME ZONE 'Asia/Shanghai')::date AS since, '财政' AS owner,
       '支付申请 ' || tracking_id || '：'
       || CASE WHEN id IS NULL THEN '国库有，我方没有'
               WHEN asked_fen <> our_asked_fen THEN '申请金额不同'
               WHEN paid_fen <> account_fen THEN '国库支付与代发户到账不同'
               ELSE '国库收到的退款与银行退库不同' END AS sentence
FROM compared
WHERE (id IS NULL AND paid_fen <> refunded_fen)
   OR asked_fen <> our_asked_fen OR paid_fen <> account_fen
   OR (refunded_fen <> our_refunded_fen AND NOT is_on_its_way);

-- R5 明细表: the list that went with an application ↔ its payments, one to one, in count and fen
DROP VIEW IF EXISTS recon_r5 CASCADE;
CREATE VIEW recon_r5 WITH (security_invoker = true) AS
SELECT county, unit_no, department_no, bank_no, batch_id, '国库' AS side,
       'R5|' || number || '|' || lines || '|' || told_lines AS fingerprint,
       lines_fen - asked_fen - kept_fen AS amount_fen,
       asked_on AS since, '部门' AS owner,
       '拨款申请 ' || number || ' 附明细 ' || lines || ' 笔，代发明细 ' || told_lines || ' 笔，不是一一对应' AS sentence
FROM three_way WHERE lines <> told_lines OR lines_fen <> asked_fen + kept_fen;

-- R6 无主款: past a threshold of days
DROP VIEW IF EXISTS recon_r6 CASCADE;
CREATE VIEW recon_r6 WITH (security_invoker = true) AS
SELECT left_over.county, left_over.unit_no, left_over.department_no, left_over.bank_no, left_over.batch_id,
       '代发户' AS side, 'R6|' || left_over.detail_id || '|' || left_over.kind || '|' || max(limit_of.days) AS fingerprint,
       left_over.amount_fen, left_over.since,
       CASE left_over.kind WHEN 'WRONG' THEN '财政' ELSE '部门' END AS owner,
       CASE left_over.kind WHEN 'WRONG' THEN '误入他户的款' WHEN 'STOPPED' THEN '停发的款' WHEN 'RETURNED' THEN '退汇的款'
            ELSE '失败的款' END
       || '满 ' || max(limit_of.days) || ' 天没有退库或补发：' || left_over.detail_id AS sentence
FROM residue AS left_over
JOIN organisation_county AS place ON place.county = left_over.county
CROSS JOIN LATERAL (SELECT day::int AS days FROM jsonb_array_elements_text(
    coalesce(place.settings -> 'clocks' -> 'ageing_natural_days', '[10, 15, 30]')) AS day) AS limit_of
WHERE (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date - left_over.since >= limit_of.days
GROUP BY left_over.county, left_over.unit_no, left_over.department_no, left_over.bank_no, left_over.batch_id,
         left_over.detail_id, left_over.kind, left_over.amount_fen, left_over.since;

DROP VIEW IF EXISTS standing_difference CASCADE;
CREATE VIEW standing_difference WITH (security_invoker = true) AS
SELECT 'R1' AS rule, county, unit_no, department_no, bank_no, batch_id, side, fingerprint, amount_fen, since, owner, sentence FROM recon_r1
UNION ALL SELECT 'R2', county, unit_no, department_no, bank_no, batch_id, side, fingerprint, amount_fen, since, owner, sentence FROM recon_r2
UNION ALL SELECT 'R3', county, unit_no, department_no, bank_no, batch_id, side, fingerprint, amount_fen, since, owner, sentence FROM recon_r3
UNION ALL SELECT 'R4', county, unit_no, department_no, bank_no, batch_id, side, fingerprint, amount_fen, since, owner, sentence FROM recon_r4
UNION ALL SELECT 'R5', county, unit_no, department_no, bank_no, batch_id, side, fingerprint, amount_fen, since, owner, sentence FROM recon_r5
UNION ALL SELECT 'R6', county, unit_no, department_no, bank_no, batch_id, side, fingerprint, amount_fen, since, owner, sentence FROM recon_r6;
COMMENT ON VIEW standing_difference IS '此刻存在的对账差异，一行一条';

-- 销号: answered first, and by somebody else; a closed difference is not spoken of again
CREATE OR REPLACE FUNCTION difference_is_closed_by_another() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.said_by = '' AND NEW.kind IN ('ANSWER', 'CLOSE') THEN
        RAISE EXCEPTION '答复和销号要有办理人' USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM 1 FROM feedback_difference WHERE id = NEW.difference_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM feedback_differenceword WHERE difference_id = NEW.difference_id AND kind = 'CLOSE') THEN
        RAISE EXCEPTION '差异已销号，不能再写' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.kind = 'CLOSE' THEN
        IF NOT EXISTS (SELECT FROM feedback_differenceword
                       WHERE difference_id = NEW.difference_id AND kind = 'ANSWER') THEN
            RAISE EXCEPTION '差异还没有答复，不能销号' USING ERRCODE = 'restrict_violation';
        END IF;
        IF EXISTS (SELECT FROM feedback_differenceword
                   WHERE difference_id = NEW.difference_id AND kind = 'ANSWER' AND said_by = NEW.said_by) THEN
            RAISE EXCEPTION '答复和销号不能是同一人' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS difference_is_closed_by_another ON feedback_differenceword;
CREATE TRIGGER difference_is_closed_by_another BEFORE INSERT ON feedback_differenceword
    FOR EACH ROW EXECUTE FUNCTION difference_is_closed_by_another();
