-- 失败怎样治好: each failed or returned payment, what has changed at its account since, and its next
-- attempts. An attempt of the same obligation is one more row of payout_payment.
DROP VIEW IF EXISTS cure CASCADE;
CREATE VIEW cure WITH (security_invoker = true) AS
SELECT payment.id, payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       payment.line_id, payment.detail_id, payment.attempt, payment.amount_fen, payment.state,
       coalesce(told.code, '') AS code, coalesce(told.bank_text, '') AS bank_text, told.at AS failed_at,
       person.unit_no AS home_no, account.current_id <> payment.account_version_id AS is_changed,
       EXISTS (SELECT FROM registry_accountverification AS seen WHERE seen.version_id = account.current_id
               AND seen.outcome = 'MATCH' AND seen.verified_at > told.at) AS is_verified,
       coalesce(again.state, '') AS again_state,
       (SELECT min(result.at) FROM payout_payment AS later
        JOIN feedback_paymentresult AS result ON result.payment_id = later.id AND result.result = 'SUCCESS'
        WHERE later.state = 'PAID' AND later.county = payment.county AND later.programme_code = payment.programme_code
          AND later.period = payment.period AND later.obligee_id = payment.obligee_id
          AND later.object_key = payment.object_key AND later.attempt > payment.attempt) AS cured_at,
       draft.number AS draft_number
FROM payout_payment AS payment
JOIN registry_cardaccountversion AS version ON version.id = payment.account_version_id
JOIN registry_cardaccount AS account ON account.id = version.account_id
JOIN registry_person AS person ON person.id = account.person_id
LEFT JOIN LATERAL (
    SELECT result.code, result.bank_text, result.at FROM feedback_paymentresult AS result
    WHERE result.payment_id = payment.id AND result.result IN ('FAILED', 'RETURNED')
    ORDER BY result.id DESC LIMIT 1) AS told ON true
LEFT JOIN LATERAL (
    SELECT later.state FROM payout_payment AS later
    WHERE later.county = payment.county AND later.programme_code = payment.programme_code
      AND later.period = payment.period AND later.obligee_id = payment.obligee_id
      AND later.object_key = payment.object_key AND later.attempt > payment.attempt
    ORDER BY later.attempt DESC LIMIT 1) AS again ON true
LEFT JOIN submission_line AS copy ON copy.origin_id = payment.line_id
LEFT JOIN submission_batch AS draft ON draft.id = copy.batch_id
WHERE payment.state IN ('FAILED', 'RETURNED');
COMMENT ON VIEW cure IS '失败、退汇的每一笔：原因、账户是否已更正、第几次、是否已补发';

-- 治愈天数中位数 (natural days from the failure to the payment that made it good)
DROP VIEW IF EXISTS cure_median CASCADE;
CREATE VIEW cure_median WITH (security_invoker = true) AS
WITH told AS (
    SELECT cure.county, cure.bank_no, cure.home_no - cure.home_no % 1000 AS town_no, cure.cured_at IS NOT NULL AS is_cured,
           (cure.cured_at AT TIME ZONE 'Asia/Shanghai')::date - (cure.failed_at AT TIME ZONE 'Asia/Shanghai')::date AS days
    FROM cure
)
SELECT row_number() OVER (ORDER BY county, kind, key) AS id, county, kind, key, failed, cured, median_days FROM (
    SELECT county, 'BANK' AS kind, bank_no AS key, count(*)::int AS failed, (count(*) FILTER (WHERE is_cured))::int AS cured,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE is_cured) AS median_days
    FROM told GROUP BY county, bank_no
    UNION ALL
    SELECT county, 'TOWN', town_no, count(*)::int, (count(*) FILTER (WHERE is_cured))::int,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY days) FILTER (WHERE is_cured)
    FROM told GROUP BY county, town_no
) AS both_ways;
COMMENT ON VIEW cure_median IS '按银行、按镇街的失败笔数、已补发笔数和治愈天数中位数';
