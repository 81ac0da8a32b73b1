-- 留存款: what a failed or returned payment left with its bank may pay its own re-issue, once.

-- a live payment that makes a failed one good, and what of that one's money is still with its bank
DROP VIEW IF EXISTS reissue CASCADE;
CREATE VIEW reissue WITH (security_invoker = true) AS
SELECT payment.id, payment.county, payment.unit_no, payment.department_no, payment.bank_no, payment.batch_id,
       payment.share_id, payment.seq, payment.amount_fen, payment.attempt,
       source.id AS source_id, source.detail_id AS source_detail_id, source.bank_no AS source_bank_no,
       residue_usable(source.id) AS free_fen,
       coalesce(indicator_of(source.batch_id, source.bank_no, source.seq), '') AS indicator
FROM payout_payment AS payment
JOIN LATERAL (
    SELECT earlier.id, earlier.detail_id, earlier.bank_no, earlier.batch_id, earlier.seq FROM payout_payment AS earlier
    WHERE earlier.county = payment.county AND earlier.programme_code = payment.programme_code
      AND earlier.period = payment.period AND earlier.obligee_id = payment.obligee_id
      AND earlier.object_key = payment.object_key AND earlier.attempt < payment.attempt
      AND earlier.state IN ('FAILED', 'RETURNED')
    ORDER BY earlier.attempt DESC LIMIT 1) AS source ON true
WHERE payment.attempt > 1 AND payment.state IN ('SENT', 'UNKNOWN');
COMMENT ON VIEW reissue IS '待发的补发明细，和它所补的失败明细、可用的留存款';

-- 用留存款: the request takes, for each live payment of its places, the money that this payment's own
-- failed attempt left with the same bank. All of it under a lock on the failed payments, or none.
CREATE OR REPLACE FUNCTION request_takes_what_stayed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    live int;
    taken int;
    parts jsonb;
BEGIN
    PERFORM 1 FROM payout_payment AS source WHERE source.id IN (
        SELECT again.source_id FROM reissue AS again WHERE again.batch_id = NEW.batch_id
          AND again.bank_no = NEW.bank_no AND again.seq BETWEEN NEW.seq_from AND NEW.seq_to)
    ORDER BY source.id FOR NO KEY UPDATE;
    SELECT count(*) INTO live FROM payout_payment AS payment
    WHERE payment.batch_id = NEW.batch_id AND payment.bank_no = NEW.bank_no AND payment.state = 'SENT'
      AND payment.seq BETWEEN NEW.seq_from AND NEW.seq_to;
    INSERT INTO funding_keptresidue (county, unit_no, department_no, bank_no, request_id, payment_id, source_id,
        indicator, amount_fen, state, taken_at)
    SELECT NEW.county, source.unit_no, source.department_no, NEW.bank_no, NEW.id, again.id, again.source_id,
        again.indicator, again.amount_fen, 'TAKEN', clock_timestamp()
    FROM reissue AS again JOIN payout_payment AS source ON source.id = again.source_id
    WHERE again.batch_id = NEW.batch_id AND again.bank_no = NEW.bank_no AND again.county = NEW.county
      AND again.seq BETWEEN NEW.seq_from AND NEW.seq_to AND source.bank_no = NEW.bank_no
      AND residue_usable(source.id) >= again.amount_fen
    ORDER BY again.seq;
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken = 0 OR taken <> live OR taken <> NEW.lines THEN
        RAISE EXCEPTION '留存款已不足：申请 % 笔，待发 % 笔，有款可用 % 笔', NEW.lines, live, taken
            USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT jsonb_agg(jsonb_build_object('indicator', used.indicator, 'fen', used.fen)) INTO parts FROM (
        SELECT indicator, sum(amount_fen) AS fen FROM funding_keptresidue WHERE request_id = NEW.id GROUP BY indicator) AS used;
    PERFORM ledger_post(NEW.county, NEW.unit_no, NEW.department_no, NEW.bank_no, programme_of(NEW.batch_id), NEW.batch_id,
        'kept:' || NEW.number, 'RESIDUE_USED', taken, parts);
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS request_takes_what_stayed ON funding_fundingrequest;
CREATE TRIGGER request_takes_what_stayed AFTER INSERT ON funding_fundingrequest
    FOR EACH ROW WHEN (NEW.source = 'RESIDUE') EXECUTE FUNCTION request_takes_what_stayed();

-- 撤回: what a request took goes back to where it came from
CREATE OR REPLACE FUNCTION request_gives_back_what_stayed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    parts jsonb;
BEGIN
    IF EXISTS (SELECT FROM payout_paymentinstruction AS instruction JOIN payout_bankshare AS share ON share.id = instruction.share_id
               WHERE share.batch_id = NEW.batch_id AND share.bank_no = NEW.bank_no) THEN
        RAISE EXCEPTION '已下达代发指令，留存款不能放回' USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT jsonb_agg(jsonb_build_object('indicator', used.indicator, 'fen', used.fen)) INTO parts FROM (
        SELECT indicator, sum(amount_fen) AS fen FROM funding_keptresidue
        WHERE request_id = NEW.id AND state = 'TAKEN' GROUP BY indicator) AS used;
    UPDATE funding_keptresidue SET state = 'RELEASED', ended_at = clock_timestamp()
    WHERE request_id = NEW.id AND state = 'TAKEN';
    PERFORM ledger_post(NEW.county, NEW.unit_no, NEW.department_no, NEW.bank_no, programme_of(NEW.batch_id), NEW.batch_id,
        'kept:' || NEW.number, 'RESIDUE_FREED', 1, coalesce(parts, '[]'));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS request_gives_back_what_stayed ON funding_fundingrequest;
CREATE TRIGGER request_gives_back_what_stayed AFTER UPDATE ON funding_fundingrequest
    FOR EACH ROW WHEN (NEW.source = 'RESIDUE' AND NEW.state = 'WITHDRAWN' AND OLD.state <> NEW.state)
    EXECUTE FUNCTION request_gives_back_what_stayed();

-- 退库: money that pays a re-issue cannot go back to the treasury as well
CREATE OR REPLACE FUNCTION refund_is_not_used_already() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    source payout_payment;
BEGIN
    SELECT * INTO source FROM payout_payment AS payment
    WHERE payment.share_id = NEW.share_id AND payment.detail_id = NEW.detail_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM funding_keptresidue WHERE source_id = source.id AND state = 'TAKEN')
       AND residue_free(source.id) < NEW.amount_fen THEN
        RAISE EXCEPTION '明细 % 的款已用于补发，不能再退库', NEW.detail_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS refund_is_not_used_already ON feedback_refund;
CREATE TRIGGER refund_is_not_used_already BEFORE INSERT ON feedback_refund
    FOR EACH ROW WHEN (NEW.detail_id <> '') EXECUTE FUNCTION refund_is_not_used_already();
