-- 退库: what stayed with a bank and pays no re-issue there any more is called back by ourselves.

DROP VIEW IF EXISTS kept_in_vain CASCADE;
CREATE VIEW kept_in_vain WITH (security_invoker = true) AS
SELECT left_over.id, left_over.county, left_over.unit_no, left_over.department_no, left_over.bank_no,
       payment.share_id, payment.detail_id, left_over.amount_fen,
       CASE WHEN place.keeps THEN '补发已另向国库申请' ELSE '区县规定失败款退国库' END AS reason
FROM residue AS left_over
JOIN payout_payment AS payment ON payment.id = left_over.id
CROSS JOIN LATERAL (SELECT coalesce(county.settings ->> 'residue', '') = 'keep' AS keeps
    FROM organisation_county AS county WHERE county.county = left_over.county) AS place
WHERE residue_usable(left_over.id) > 0 AND CASE WHEN place.keeps THEN
    -- a later attempt is paid by new money: it moved to another bank, or stands behind lines that did
    EXISTS (SELECT FROM payout_payment AS again
        JOIN funding_fundingrequest AS request ON request.batch_id = again.batch_id AND request.bank_no = again.bank_no
            AND again.seq BETWEEN request.seq_from AND request.seq_to
        WHERE again.county = payment.county AND again.programme_code = payment.programme_code
          AND again.period = payment.period AND again.obligee_id = payment.obligee_id
          AND again.object_key = payment.object_key AND again.attempt > payment.attempt
          AND again.state <> 'WITHDRAWN' AND request.source = 'TREASURY'
          AND request.state NOT IN ('RETURNED', 'WITHDRAWN', 'REFUNDED'))
ELSE -- the county kept it before; or the bank has not sent it by itself on the day
    left_over.since < (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date
    OR EXISTS (SELECT FROM accounting_ledgerposting AS posting WHERE posting.county = left_over.county
        AND posting.batch_id = left_over.batch_id AND posting.bank_no = left_over.bank_no
        AND posting.kind IN ('RESIDUE_KEPT', 'STOP_KEPT'))
END;
COMMENT ON VIEW kept_in_vain IS '不再用于补发、要通知银行退国库的留存款';

-- 退库通知: of money that is still there and pays nothing; under the lock that a re-issue takes too
CREATE OR REPLACE FUNCTION refund_is_ordered_of_what_stayed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    source payout_payment;
BEGIN
    SELECT * INTO source FROM payout_payment AS payment WHERE payment.id = NEW.payment_id FOR NO KEY UPDATE;
    IF source.share_id IS DISTINCT FROM NEW.share_id OR source.county <> NEW.county
       OR residue_free(NEW.payment_id) <> NEW.amount_fen THEN
        RAISE EXCEPTION '明细 % 没有这么多留存款可退库', source.detail_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS refund_is_ordered_of_what_stayed ON feedback_refundorder;
CREATE TRIGGER refund_is_ordered_of_what_stayed BEFORE INSERT ON feedback_refundorder
    FOR EACH ROW EXECUTE FUNCTION refund_is_ordered_of_what_stayed();
