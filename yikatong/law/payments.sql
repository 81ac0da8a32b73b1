-- What PostgreSQL itself refuses of payments, of their release and of their results.

-- 代发明细: states move forward only; a next attempt waits for the one before (I2, I5). A bank's file
-- moves a million at once, so nothing is called per row: what an UPDATE names is judged once, and
-- the move of each row by the condition of a trigger that never fires on a good one. What has ended
-- may not even be written again as it is: `payments_are_posted` counts every row it is shown.
CREATE OR REPLACE FUNCTION payment_is_settled() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    RAISE EXCEPTION '代发明细的结果已定，不能改写' USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER IF EXISTS payments_move_forward ON payout_payment;
CREATE TRIGGER payments_move_forward AFTER UPDATE ON payout_payment
    FOR EACH ROW WHEN (NOT (
        OLD.state = 'SENT' AND NEW.state IN ('PAID', 'FAILED', 'UNKNOWN', 'STOPPED', 'WITHDRAWN', 'SENT')
        OR OLD.state = 'UNKNOWN' AND NEW.state IN ('PAID', 'FAILED', 'UNKNOWN')
        OR OLD.state = 'PAID' AND NEW.state = 'RETURNED'
        OR OLD.state = 'WITHDRAWN' AND NEW.state = 'WITHDRAWN'))
    EXECUTE FUNCTION payment_is_settled();
DROP FUNCTION IF EXISTS payments_move_forward();

CREATE OR REPLACE FUNCTION payment_is_never_edited() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    RAISE EXCEPTION '代发明细生成后不能修改' USING ERRCODE = 'restrict_violation';
END $$;
DROP TRIGGER IF EXISTS payment_is_never_edited ON payout_payment;
DO $$ BEGIN
    EXECUTE (SELECT 'CREATE TRIGGER payment_is_never_edited BEFORE UPDATE OF '
        || string_agg(quote_ident(attname), ', ' ORDER BY attnum)
        || ' ON payout_payment FOR EACH STATEMENT EXECUTE FUNCTION payment_is_never_edited()'
        FROM pg_attribute WHERE attrelid = 'payout_payment'::regclass AND attnum > 0
            AND NOT attisdropped AND attname <> 'state');
END $$;
-- results point at payments without a foreign key
DROP TRIGGER IF EXISTS payment_is_never_removed ON payout_payment;
CREATE TRIGGER payment_is_never_removed BEFORE DELETE ON payout_payment
    FOR EACH STATEMENT EXECUTE FUNCTION payment_is_never_edited();
-- and payments at their batch, share and line: none of these goes, nor gets another number
DROP TRIGGER IF EXISTS batch_is_never_removed ON submission_batch;
CREATE TRIGGER batch_is_never_removed BEFORE DELETE ON submission_batch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER IF EXISTS share_is_never_removed ON payout_bankshare;
CREATE TRIGGER share_is_never_removed BEFORE DELETE ON payout_bankshare
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE FUNCTION sent_line_is_never_removed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM gone JOIN payout_payment AS payment ON payment.line_id = gone.id) THEN
        RAISE EXCEPTION '这些明细已有代发记录，不能删除' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS line_keeps_its_number ON submission_line;
CREATE TRIGGER line_keeps_its_number BEFORE UPDATE OF id ON submission_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
DROP TRIGGER IF EXISTS sent_line_is_never_removed ON submission_line;
CREATE TRIGGER sent_line_is_never_removed AFTER DELETE ON submission_line
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION sent_line_is_never_removed();

-- Batch, line and share of a payment have no foreign key: they are looked up together once for all that
-- an INSERT makes, and must be of one another. Planned each time, as one payment and a million are
-- looked up in different ways.
CREATE OR REPLACE FUNCTION payments_wait_their_turn() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    is_early boolean;
    is_strange boolean;
    is_other boolean;
BEGIN
    EXECUTE 'SELECT EXISTS (SELECT FROM fresh'
        ' LEFT JOIN payout_payment AS earlier ON earlier.county = fresh.county'
        ' AND earlier.programme_code = fresh.programme_code AND earlier.period = fresh.period'
        ' AND earlier.obligee_id = fresh.obligee_id AND earlier.object_key = fresh.object_key'
        ' AND earlier.attempt = fresh.attempt - 1'
        ' WHERE fresh.attempt > 1'
        ' AND (earlier.id IS NULL OR earlier.state NOT IN (''FAILED'', ''RETURNED'', ''WITHDRAWN'')))'
        INTO is_early;
    IF is_early THEN
        RAISE EXCEPTION '上一次发放尚无失败结论，不能再次发放' USING ERRCODE = 'restrict_violation';
    END IF;
    EXECUTE 'SELECT bool_or((line.batch_id, line.county) IS DISTINCT FROM (fresh.batch_id, fresh.county)'
        ' OR (share.batch_id, share.county, share.bank_no)'
        ' IS DISTINCT FROM (fresh.batch_id, fresh.county, fresh.bank_no)),'
        ' bool_or(line.amount_fen IS DISTINCT FROM fresh.amount_fen OR verdict.passed IS DISTINCT FROM true'
        ' OR coalesce(fresh.amount_fen > failed.amount_fen, false))'
        ' FROM fresh LEFT JOIN payout_bankshare AS share ON share.id = fresh.share_id'
        ' LEFT JOIN submission_line AS line ON line.id = fresh.line_id'
        ' LEFT JOIN validation_lineverdict AS verdict ON verdict.line_id = line.id'
        ' LEFT JOIN payout_payment AS failed ON failed.line_id = line.origin_id'
        INTO is_strange, is_other;
    IF is_strange THEN
        RAISE EXCEPTION '代发明细所指的批次、明细、份额不是同一批、同一家银行的' USING ERRCODE = 'foreign_key_violation';
    END IF;
    IF is_other THEN
        RAISE EXCEPTION '代发金额与验证通过的明细不符，或超过原失败金额' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS payments_wait_their_turn ON payout_payment;
CREATE TRIGGER payments_wait_their_turn AFTER INSERT ON payout_payment
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION payments_wait_their_turn();

-- 两线会合: an instruction equals its live payments and the money received or kept, under row lock (I7)
CREATE OR REPLACE FUNCTION two_legs_meet() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    share payout_bankshare;
    live_fen bigint;
    received_fen bigint;
    stopped_fen bigint;
BEGIN
    SELECT * INTO share FROM payout_bankshare WHERE id = NEW.share_id FOR UPDATE;
    SELECT coalesce(sum(amount_fen) FILTER (WHERE state = 'SENT'), 0),
           coalesce(sum(amount_fen) FILTER (WHERE state = 'STOPPED'), 0)
        INTO live_fen, stopped_fen FROM payout_payment WHERE share_id = NEW.share_id;
    SELECT coalesce(sum(confirmation.amount_fen), 0) INTO received_fen
        FROM funding_treasuryconfirmation AS confirmation
        JOIN funding_fundingrequest AS request ON request.id = confirmation.request_id
        WHERE request.batch_id = share.batch_id AND request.bank_no = share.bank_no AND confirmation.is_ours
          AND request.state NOT IN ('RETURNED', 'WITHDRAWN', 'REFUNDED');
    received_fen := received_fen + (SELECT coalesce(sum(kept.fen), 0) FROM request_kept AS kept
        JOIN funding_fundingrequest AS request ON request.id = kept.id
        WHERE request.batch_id = share.batch_id AND request.bank_no = share.bank_no);
    IF NEW.amount_fen <> live_fen OR received_fen < live_fen OR received_fen > live_fen + stopped_fen THEN
        RAISE EXCEPTION '指令 % 分，待发 % 分，到账 % 分，不相等，不能下达', NEW.amount_fen, live_fen, received_fen
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS two_legs_meet ON payout_paymentinstruction;
CREATE TRIGGER two_legs_meet BEFORE INSERT ON payout_paymentinstruction
    FOR EACH ROW EXECUTE FUNCTION two_legs_meet();

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
