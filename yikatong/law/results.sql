-- 发放结果: of a payment of its own county and bank, and of a file of theirs, one check for a whole file.
-- Planned each time, and within the span of what the file names: three rows and a million are looked up
-- in different ways.
CREATE OR REPLACE FUNCTION results_are_of_their_payments() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    least bigint;
    most bigint;
    is_strange boolean;
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT fresh.county, fresh.bank_no, fresh.id >> 24 AS file_id FROM fresh) AS named
               LEFT JOIN feedback_resultfile AS file ON file.id = named.file_id
               WHERE file.county IS DISTINCT FROM named.county OR file.bank_no <> named.bank_no) THEN
        RAISE EXCEPTION '发放结果不在这家银行的结果文件里' USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT min(payment_id), max(payment_id) INTO least, most FROM fresh;
    EXECUTE 'SELECT EXISTS (SELECT FROM fresh LEFT JOIN payout_payment AS payment'
        ' ON payment.id = fresh.payment_id AND payment.id BETWEEN $1 AND $2'
        ' WHERE payment.county IS DISTINCT FROM fresh.county OR payment.bank_no <> fresh.bank_no)'
        INTO is_strange USING least, most;
    IF is_strange THEN
        RAISE EXCEPTION '发放结果所指的代发明细不在这家银行' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS results_are_of_their_payments ON feedback_paymentresult;
CREATE TRIGGER results_are_of_their_payments AFTER INSERT ON feedback_paymentresult
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION results_are_of_their_payments();
