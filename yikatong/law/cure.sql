-- 失败怎样治好: each failed or returned payment, what has changed at its account since, and its next
-- attempts. An attempt of the same obligation is one more row of payout_payment.
DROP VIEW IF EXISTS cure CASCADE;
CREATE VIEW cure WITH (security_invoker = true) AS
SELECT payment.id, payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       payment.programme_code, payment.period, payment.line_id, payment.detail_id, payment.attempt, payment.amount_fen, payment.state,
       coalesce(told.code, '') AS code, coalesce(told.bank_text, '') AS bank_text, told.at AS failed_at,
       person.unit_no AS home_no, account.current_id <> payment.account_version_id AS is_changed,
       EXISTS (SELECT FROM registry_accountverification AS seen WHERE seen.version_id = account.current_id
               AND seen.outcome = 'MATCH' AND seen.verified_at > told.at) AS is_verified,
       coalesce(again.state, '') AS again_state,
       (SELECT min(result.at) FROM payout_payment AS later
        JOIN feedback_paymentresult AS result ON result.payment_id = later.id AND result.outcome = 'PAID'
        WHERE later.state = 'PAID' AND later.county = payment.county AND later.programme_code = payment.programme_code
          AND later.period = payment.period AND later.obligee_id = payment.obligee_id
          AND later.object_key = payment.object_key AND later.attempt > payment.attempt) AS cured_at,
       draft.number AS draft_number, draft.status AS draft_status, coalesce(draft.is_gathered, false) AS is_gathered
FROM payout_payment AS payment
JOIN registry_cardaccountversion AS version ON version.id = payment.account_version_id
JOIN registry_cardaccount AS account ON account.id = version.account_id
JOIN registry_person AS person ON person.id = account.person_id
LEFT JOIN LATERAL (
    SELECT result.code, result.bank_text, result.at FROM feedback_paymentresult AS result
    WHERE result.payment_id = payment.id AND result.outcome = payment.state) AS told ON true
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

-- 更正: a successor of a failed payment is for the same person, item, period and object, and for no
-- more than failed; between the two may stand lines that never became a payment, or were withdrawn
CREATE OR REPLACE FUNCTION successor_is_of_the_failed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM changed WHERE origin_id IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (
        -- each successor carries what is compared: `changed` has no index to come back to it by
        WITH RECURSIVE chain AS (
            SELECT changed.origin_id AS at, changed.amount_fen, changed.beneficiary_index, changed.programme_code,
                changed.period, changed.object_key
            FROM changed WHERE changed.origin_id IS NOT NULL
            UNION ALL
            SELECT line.origin_id, chain.amount_fen, chain.beneficiary_index, chain.programme_code, chain.period,
                chain.object_key
            FROM chain JOIN submission_line AS line ON line.id = chain.at
            WHERE line.origin_id IS NOT NULL AND NOT EXISTS (SELECT FROM payout_payment AS failed
                WHERE failed.line_id = line.id AND failed.state IN ('FAILED', 'RETURNED')))
        SELECT FROM chain
        JOIN payout_payment AS failed ON failed.line_id = chain.at AND failed.state IN ('FAILED', 'RETURNED')
        JOIN submission_line AS origin ON origin.id = chain.at
        WHERE chain.amount_fen > failed.amount_fen
           OR (chain.beneficiary_index, chain.programme_code, chain.period, chain.object_key)
              IS DISTINCT FROM (origin.beneficiary_index, origin.programme_code, origin.period, origin.object_key)) THEN
        RAISE EXCEPTION '补发只能给原来的人、原来的项目期次和标的，金额不超过失败的金额' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS successors_added ON submission_line;
CREATE TRIGGER successors_added AFTER INSERT ON submission_line
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION successor_is_of_the_failed();
DROP TRIGGER IF EXISTS successors_changed ON submission_line;
CREATE TRIGGER successors_changed AFTER UPDATE ON submission_line
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION successor_is_of_the_failed();
