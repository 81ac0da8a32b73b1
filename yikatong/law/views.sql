-- What downstream and upstream may share by name instead of by import (house.md §2).
-- Views are security_invoker: the reader's own row policies hold.
DROP VIEW IF EXISTS paid CASCADE;
CREATE VIEW paid WITH (security_invoker = true) AS
SELECT payment.county, payment.unit_no, payment.programme_code, payment.period, payment.obligee_id,
       payment.object_key, payment.amount_fen, payment.state, payment.batch_id, payment.line_id,
       payment.beneficiary_id, batch.number AS batch_number, unit.name AS paying_unit
FROM payout_payment AS payment
JOIN submission_batch AS batch ON batch.id = payment.batch_id
LEFT JOIN organisation_unit AS unit ON unit.county = batch.county AND unit.unit_no = batch.unit_no
WHERE payment.state IN ('SENT', 'UNKNOWN', 'PAID')
UNION ALL  -- judged and on its way to the bank: in flight too
SELECT verdict.county, verdict.unit_no, line.programme_code, line.period, verdict.obligee_id,
       line.object_key, line.amount_fen, 'PASSED', verdict.batch_id, verdict.line_id,
       verdict.beneficiary_id, batch.number, unit.name
FROM submission_batch AS batch
JOIN validation_lineverdict AS verdict ON verdict.batch_id = batch.id AND verdict.passed
JOIN submission_line AS line ON line.id = verdict.line_id
LEFT JOIN organisation_unit AS unit ON unit.county = batch.county AND unit.unit_no = batch.unit_no
WHERE batch.status = 'VALIDATED';
COMMENT ON VIEW paid IS '已发放或在途的代发明细';

DROP VIEW IF EXISTS share_due CASCADE;
CREATE VIEW share_due WITH (security_invoker = true) AS
SELECT share.id, share.county, share.unit_no, share.department_no, share.bank_no, share.batch_id,
       share.batch_no, share.state, count(payment.id)::int AS live_lines,
       coalesce(sum(payment.amount_fen), 0)::bigint AS live_fen
FROM payout_bankshare AS share
LEFT JOIN payout_payment AS payment ON payment.share_id = share.id AND payment.state IN ('SENT', 'UNKNOWN')
WHERE share.state IN ('SENT', 'ACKED', 'FUNDED', 'PAYING')
GROUP BY share.id;
COMMENT ON VIEW share_due IS '各银行份额的待发笔数与金额';

DROP VIEW IF EXISTS share_refund CASCADE;
CREATE VIEW share_refund WITH (security_invoker = true) AS
SELECT share.id, share.county, share.unit_no, share.department_no, share.bank_no, share.batch_id,
       sum(refund.amount_fen)::bigint AS refunded_fen
FROM payout_bankshare AS share JOIN feedback_refund AS refund ON refund.share_id = share.id
GROUP BY share.id;
COMMENT ON VIEW share_refund IS '各银行份额已退国库的金额';

-- what is known today of the account that each passed line goes to, while its money has not moved
DROP VIEW IF EXISTS line_outlook CASCADE;
CREATE VIEW line_outlook WITH (security_invoker = true) AS
SELECT verdict.line_id AS id, verdict.county, verdict.unit_no, verdict.department_no, verdict.batch_id,
       line.row_no, line.payee_name,
       CASE WHEN line.payee_index = line.beneficiary_index THEN line.id_masked ELSE '' END AS id_masked,
       line.amount_fen, version.last4, version.bank_no, version.id IS NOT NULL AS is_seen,
       answer.outcome, answer.reason_code, answer.valid_until,
       earlier.state AS earlier_state, told.code AS earlier_code
FROM validation_lineverdict AS verdict
JOIN submission_line AS line ON line.id = verdict.line_id
LEFT JOIN payout_payment AS own ON own.line_id = verdict.line_id
LEFT JOIN registry_cardaccountversion AS version ON version.id = verdict.account_version_id
LEFT JOIN LATERAL (
    SELECT asked.outcome, asked.reason_code, asked.valid_until FROM registry_accountverification AS asked
    WHERE asked.version_id = version.id ORDER BY asked.verified_at DESC, asked.id DESC LIMIT 1
) AS answer ON true
LEFT JOIN LATERAL (  -- the newest payment to this very version that has ended
    SELECT payment.id, payment.state FROM payout_payment AS payment
    WHERE payment.account_version_id = verdict.account_version_id AND payment.line_id <> verdict.line_id
      AND payment.state IN ('PAID', 'FAILED', 'RETURNED') ORDER BY payment.id DESC LIMIT 1
) AS earlier ON true
LEFT JOIN LATERAL (
    SELECT result.code FROM feedback_paymentresult AS result
    WHERE result.payment_id = earlier.id AND result.outcome = earlier.state AND earlier.state <> 'PAID'
) AS told ON true
WHERE verdict.passed AND (own.id IS NULL OR own.state IN ('SENT', 'UNKNOWN'));
COMMENT ON VIEW line_outlook IS '待发明细的账户近况';

DROP VIEW IF EXISTS live_payment CASCADE;
CREATE VIEW live_payment WITH (security_invoker = true) AS
SELECT payment.id, payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       payment.seq, payment.amount_fen
FROM payout_payment AS payment WHERE payment.state IN ('SENT', 'UNKNOWN');
COMMENT ON VIEW live_payment IS '待发的代发明细，按份额内序号';

CREATE OR REPLACE FUNCTION programme_of(of_batch bigint) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$
    SELECT item.code FROM submission_batch AS batch JOIN catalogue_programme AS item ON item.id = batch.programme_id
    WHERE batch.id = of_batch
$$;

-- whose treasury money a payment was paid from: its own, or what an earlier failed one left
CREATE OR REPLACE FUNCTION origin_of_money(of_payment bigint) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$
    WITH RECURSIVE chain AS (
        SELECT of_payment AS id, 0 AS step
        UNION ALL
        SELECT used.source_id, chain.step + 1 FROM chain JOIN funding_keptresidue AS used
            ON used.payment_id = chain.id AND used.state = 'TAKEN' WHERE chain.step < 50)
    SELECT id FROM chain ORDER BY step DESC LIMIT 1
$$;

DROP VIEW IF EXISTS request_refund CASCADE;
CREATE VIEW request_refund WITH (security_invoker = true) AS
SELECT request.id, request.county, request.unit_no, request.department_no, request.bank_no, request.batch_id,
       sum(refund.amount_fen)::bigint AS refunded_fen, max(refund.at) AS refunded_at
FROM feedback_refund AS refund
JOIN payout_bankshare AS share ON share.id = refund.share_id
LEFT JOIN payout_payment AS payment ON payment.share_id = share.id AND payment.detail_id = refund.detail_id
LEFT JOIN payout_payment AS origin ON origin.id = origin_of_money(payment.id)
JOIN funding_fundingrequest AS request ON request.batch_id = coalesce(origin.batch_id, share.batch_id)
    AND request.bank_no = share.bank_no
WHERE coalesce(origin.seq, 0) BETWEEN request.seq_from AND request.seq_to
  AND request.state NOT IN ('RETURNED', 'WITHDRAWN')
GROUP BY request.id;
COMMENT ON VIEW request_refund IS '各拨款申请已退国库的金额';

-- how much of a failed or returned payment's money lies with its bank and is free: neither sent back
-- to the treasury nor used for a re-issue. A refund of a whole share that is no excess covers it.
CREATE OR REPLACE FUNCTION residue_free(of_payment bigint) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$
    SELECT CASE WHEN payment.state NOT IN ('FAILED', 'RETURNED', 'STOPPED') OR EXISTS (
            SELECT FROM feedback_refund AS refund WHERE refund.share_id = payment.share_id
              AND refund.detail_id = '' AND refund.reason <> 'EXCESS') THEN 0
        ELSE greatest(payment.amount_fen
            - (SELECT coalesce(sum(refund.amount_fen), 0) FROM feedback_refund AS refund
               WHERE refund.share_id = payment.share_id AND refund.detail_id = payment.detail_id)
            - (SELECT coalesce(sum(used.amount_fen), 0) FROM funding_keptresidue AS used
               WHERE used.source_id = payment.id AND used.state = 'TAKEN'), 0) END::bigint
    FROM payout_payment AS payment WHERE payment.id = of_payment
$$;

-- what of it a re-issue may still be paid from: nothing once the bank was told to send it back
CREATE OR REPLACE FUNCTION residue_usable(of_payment bigint) RETURNS bigint LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM feedback_refundorder AS ordered WHERE ordered.payment_id = of_payment)
        THEN 0 ELSE residue_free(of_payment) END
$$;

DROP VIEW IF EXISTS request_kept CASCADE;
CREATE VIEW request_kept WITH (security_invoker = true) AS
SELECT used.request_id AS id, sum(used.amount_fen)::bigint AS fen
FROM funding_keptresidue AS used WHERE used.state = 'TAKEN' GROUP BY used.request_id;
COMMENT ON VIEW request_kept IS '各拨款申请所用的留存款';
