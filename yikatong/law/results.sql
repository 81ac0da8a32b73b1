-- 发放结果: of a payment of its own county and bank, and of a file of theirs, one check for a whole file.
-- A share's payments are numbered without a gap as a rule: where every number of the file's span is one
-- of this bank's, so is every payment that it names, and they are only counted. Else each is looked up,
-- planned each time: three rows and a million are looked up in different ways.
CREATE OR REPLACE FUNCTION results_are_of_their_payments() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    span record;
    is_strange boolean;
BEGIN
    SELECT min(payment_id) AS least, max(payment_id) AS most, count(*) AS lines,
        min(file_row) >> 24 AS first_file, max(file_row) >> 24 AS last_file,
        min(county) AS county, max(county) AS last_county, min(bank_no) AS bank_no, max(bank_no) AS last_bank
        INTO span FROM fresh;
    IF span.first_file = span.last_file AND span.county = span.last_county
        AND span.bank_no = span.last_bank AND span.most - span.least < 2 * span.lines
        AND EXISTS (SELECT FROM feedback_resultfile AS file WHERE file.id = span.first_file
            AND file.county = span.county AND file.bank_no = span.bank_no)
        AND (SELECT count(*) FROM payout_payment AS payment WHERE payment.id BETWEEN span.least AND span.most
            AND payment.county = span.county AND payment.bank_no = span.bank_no) = span.most - span.least + 1
    THEN
        RETURN NULL;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM fresh LEFT JOIN payout_payment AS payment'
        ' ON payment.id = fresh.payment_id AND payment.id BETWEEN $1 AND $2'
        ' LEFT JOIN feedback_resultfile AS file'
        ' ON file.id = fresh.file_row >> 24 AND file.id BETWEEN $3 AND $4'
        ' WHERE payment.county IS DISTINCT FROM fresh.county OR payment.bank_no <> fresh.bank_no'
        ' OR file.county IS DISTINCT FROM fresh.county OR file.bank_no <> fresh.bank_no)'
        INTO is_strange USING span.least, span.most, span.first_file, span.last_file;
    IF is_strange THEN
        RAISE EXCEPTION '发放结果所指的代发明细或结果文件不是这家银行的' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS results_are_of_their_payments ON feedback_paymentresult;
CREATE TRIGGER results_are_of_their_payments AFTER INSERT ON feedback_paymentresult
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION results_are_of_their_payments();
