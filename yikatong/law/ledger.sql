-- 资金台账: every movement of money is posted by the database itself, in the transaction that
-- records it, once per event and kind, in whole fen, debit = credit. Nobody holds INSERT.

-- The accounts that a kind of movement moves: the county's chart of that day, else the usual one.
CREATE OR REPLACE FUNCTION ledger_accounts(of_county text, of_kind text, on_day date, OUT debit text, OUT credit text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public AS $$
BEGIN
    SELECT move ->> 'debit', move ->> 'credit' INTO debit, credit
    FROM organisation_county AS place,
         jsonb_array_elements(coalesce(place.settings -> 'charts', '[]')) AS chart,
         jsonb_array_elements(chart -> 'movements') AS move
    WHERE place.county = of_county AND (chart ->> 'valid_from')::date <= on_day AND move ->> 'kind' = of_kind
    ORDER BY (chart ->> 'valid_from')::date DESC LIMIT 1;
    IF debit IS NULL THEN
        SELECT usual.debit, usual.credit INTO debit, credit FROM (VALUES
            ('MONEY_RECEIVED', '1001', '2001'), ('WRONG_ACCOUNT', '1002', '2005'),
            ('LINE_PAID', '2001', '1001'), ('REISSUE_PAID', '2001', '1001'),
            ('LINE_FAILED', '2001', '2002'), ('LINE_RETURNED', '1001', '2002'),
            ('LINE_STOPPED', '9003', '9103'), ('STOP_RESIDUE', '2001', '2003'),
            ('REFUND_FAILED', '2002', '1001'), ('REFUND_STOPPED', '2003', '1001'),
            ('REFUND_CANCELLED', '2001', '1001'), ('REFUND_EXCESS', '2001', '1001'),
            ('RESIDUE_KEPT', '2002', '2004'), ('STOP_KEPT', '2003', '2004'),
            ('KEPT_RETURNED', '2004', '2002'), ('KEPT_STOP_RETURNED', '2004', '2003'),
            ('RESIDUE_USED', '2004', '2001'), ('RESIDUE_FREED', '2001', '2004'),
            ('HOLD_FROZEN', '9001', '9101'), ('HOLD_RELEASED', '9101', '9001'), ('HOLD_SPENT', '9002', '9001')
        ) AS usual (kind, debit, credit) WHERE usual.kind = of_kind;
    END IF;
    IF debit IS NULL THEN
        RAISE EXCEPTION '台账科目表没有“%”这一种变动', of_kind USING ERRCODE = 'restrict_violation';
    END IF;
END $$;

-- One posting with a debit and a credit per indicator; `parts` are (indicator, fen).
CREATE OR REPLACE FUNCTION ledger_post(of_county text, of_unit int, of_department int, of_bank int,
    of_programme text, of_batch bigint, of_event text, of_kind text, of_lines int, parts jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date;
    total bigint := (SELECT sum((part ->> 'fen')::bigint) FROM jsonb_array_elements(parts) AS part);
    moved record;
    fresh bigint;
BEGIN
    IF coalesce(total, 0) = 0 THEN
        RETURN;
    END IF;
    SELECT * INTO moved FROM ledger_accounts(of_county, of_kind, today);
    INSERT INTO accounting_ledgerposting (county, unit_no, department_no, bank_no, programme_code, batch_id,
        event, kind, lines, amount_fen, posted_on, at)
    VALUES (of_county, of_unit, of_department, of_bank, coalesce(of_programme, ''), of_batch,
        of_event, of_kind, of_lines, total, today, clock_timestamp())
    ON CONFLICT (county, event, kind) DO NOTHING RETURNING id INTO fresh;
    IF fresh IS NULL THEN
        RETURN;  -- told twice, posted once
    END IF;
    INSERT INTO accounting_ledgerleg (posting_id, county, unit_no, department_no, bank_no, programme_code,
        batch_id, indicator, account, is_debit, amount_fen)
    SELECT fresh, of_county, of_unit, of_department, of_bank, coalesce(of_programme, ''), of_batch,
        coalesce(part ->> 'indicator', ''), side.account, side.is_debit, (part ->> 'fen')::bigint
    FROM jsonb_array_elements(parts) AS part,
        (VALUES (moved.debit, true), (moved.credit, false)) AS side (account, is_debit)
    WHERE (part ->> 'fen')::bigint <> 0;
END $$;

-- 借贷相等, per posting, at commit; a posting without legs is none
CREATE OR REPLACE FUNCTION posting_balances() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    posting accounting_ledgerposting;
    debit numeric;
    credit numeric;
BEGIN
    SELECT * INTO posting FROM accounting_ledgerposting
    WHERE id = coalesce((to_jsonb(NEW) ->> 'posting_id')::bigint, NEW.id);
    SELECT coalesce(sum(amount_fen) FILTER (WHERE is_debit), 0), coalesce(sum(amount_fen) FILTER (WHERE NOT is_debit), 0)
        INTO debit, credit FROM accounting_ledgerleg WHERE posting_id = posting.id;
    IF posting.id IS NULL OR debit <> credit OR debit <> posting.amount_fen THEN
        RAISE EXCEPTION '台账借贷不平：借 % 分，贷 % 分', debit, credit USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS posting_balances ON accounting_ledgerposting;
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON accounting_ledgerposting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_balances();
DROP TRIGGER IF EXISTS posting_balances ON accounting_ledgerleg;
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON accounting_ledgerleg
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_balances();

-- 代发明细: paid, failed, returned, stopped. A payment enters each state at most once, so the first
-- of a group names it. One posting per share and state of a statement, its legs by indicator.
CREATE OR REPLACE FUNCTION post_payments(moved jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    many record;
BEGIN
    FOR many IN
        WITH changed AS (
            SELECT one.*, payment_kind(one.state, one.attempt) AS kind
            FROM jsonb_to_recordset(moved) AS one (county text, unit_no int, department_no int,
                bank_no int, programme_code text, batch_id bigint, share_id bigint, state text, attempt int,
                indicator text, first_id bigint, lines int, fen bigint))
        SELECT county, unit_no, department_no, bank_no, programme_code, batch_id, share_id, kind,
            min(first_id) AS first_id, sum(lines)::int AS lines,
            jsonb_agg(jsonb_build_object('indicator', indicator, 'fen', fen) ORDER BY indicator) AS parts
        FROM (SELECT county, unit_no, department_no, bank_no, programme_code, batch_id, share_id, kind, indicator,
                  min(first_id) AS first_id, sum(lines) AS lines, sum(fen) AS fen
              FROM changed WHERE kind IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) AS changed
        GROUP BY county, unit_no, department_no, bank_no, programme_code, batch_id, share_id, kind
    LOOP
        PERFORM ledger_post(many.county, many.unit_no, many.department_no, many.bank_no, many.programme_code,
            many.batch_id, 'payment:' || many.share_id || ':' || many.first_id, many.kind, many.lines, many.parts);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION payment_kind(state text, attempt int) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog AS $$
    SELECT CASE state WHEN 'PAID' THEN CASE WHEN attempt > 1 THEN 'REISSUE_PAID' ELSE 'LINE_PAID' END
        WHEN 'FAILED' THEN 'LINE_FAILED' WHEN 'RETURNED' THEN 'LINE_RETURNED' WHEN 'STOPPED' THEN 'LINE_STOPPED' END
$$;

-- which indicator a payment of this place in its share is paid from: the newest application that
-- covers it, those that ended unfunded last
CREATE OR REPLACE FUNCTION indicator_of(of_batch bigint, of_bank int, of_seq int) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public AS $$
    SELECT request.indicator FROM funding_fundingrequest AS request
    WHERE request.batch_id = of_batch AND request.bank_no = of_bank AND of_seq BETWEEN request.seq_from AND request.seq_to
    ORDER BY request.state IN ('RETURNED', 'WITHDRAWN'), request.id DESC LIMIT 1
$$;

-- Every row shown has just entered its state: `payments_move_forward` lets none be written again
-- as it is. Kinds are told of groups, not of rows; an UPDATE's rows find their indicator by their place.
CREATE OR REPLACE FUNCTION payments_are_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET enable_nestloop = off AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM post_payments((SELECT jsonb_agg(to_jsonb(one)) FROM (
            SELECT after.county, after.unit_no, after.department_no, after.bank_no, after.programme_code,
                after.batch_id, after.share_id, after.state, after.attempt,
                coalesce(place.indicator, '') AS indicator,
                min(after.id) AS first_id, count(*) AS lines, sum(after.amount_fen) AS fen
            FROM after
            LEFT JOIN (SELECT DISTINCT ON (request.batch_id, request.bank_no, request.seq_from) request.*
                FROM funding_fundingrequest AS request
                WHERE request.batch_id IN (SELECT batch_id FROM after) AND request.state NOT IN ('RETURNED', 'WITHDRAWN')
                ORDER BY request.batch_id, request.bank_no, request.seq_from, request.id DESC) AS place
                ON place.batch_id = after.batch_id AND place.bank_no = after.bank_no
                AND after.seq BETWEEN place.seq_from AND place.seq_to
            WHERE after.state IN ('PAID', 'FAILED', 'RETURNED', 'STOPPED')
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) AS one));
    ELSE
        PERFORM post_payments((SELECT jsonb_agg(to_jsonb(one)) FROM (
            SELECT county, unit_no, department_no, bank_no, programme_code, batch_id, share_id,
                state, attempt, '' AS indicator,
                min(id) AS first_id, count(*) AS lines, sum(amount_fen) AS fen
            FROM after WHERE state IN ('PAID', 'FAILED', 'RETURNED', 'STOPPED')
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) AS one));
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS payments_are_posted ON payout_payment;
CREATE TRIGGER payments_are_posted AFTER UPDATE ON payout_payment
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION payments_are_posted();
DROP TRIGGER IF EXISTS payments_born_final_are_posted ON payout_payment;
CREATE TRIGGER payments_born_final_are_posted AFTER INSERT ON payout_payment
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION payments_are_posted();

-- 到账: on the payout account, or on another where it is nobody's funding
CREATE OR REPLACE FUNCTION money_is_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    request funding_fundingrequest;
BEGIN
    SELECT * INTO request FROM funding_fundingrequest WHERE id = NEW.request_id;
    PERFORM ledger_post(NEW.county, NEW.unit_no, NEW.department_no, NEW.bank_no, programme_of(request.batch_id), request.batch_id,
        'money:' || NEW.bank_no || ':' || NEW.bank_serial,
        CASE WHEN NEW.is_ours THEN 'MONEY_RECEIVED' ELSE 'WRONG_ACCOUNT' END, 1,
        jsonb_build_array(jsonb_build_object('indicator', request.indicator, 'fen', NEW.amount_fen)));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS money_is_posted ON funding_treasuryconfirmation;
CREATE TRIGGER money_is_posted AFTER INSERT ON funding_treasuryconfirmation
    FOR EACH ROW EXECUTE FUNCTION money_is_posted();

-- 退库: what a bank sent back to the treasury
CREATE OR REPLACE FUNCTION refund_is_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    share payout_bankshare;
    place int;
BEGIN
    SELECT * INTO share FROM payout_bankshare WHERE id = NEW.share_id;
    SELECT payment.seq INTO place FROM payout_payment AS payment
        WHERE payment.share_id = NEW.share_id AND payment.detail_id = NEW.detail_id;
    PERFORM ledger_post(NEW.county, NEW.unit_no, NEW.department_no, NEW.bank_no, programme_of(share.batch_id), share.batch_id,
        'refund:' || NEW.bank_no || ':' || NEW.refund_no || ':' || NEW.detail_id,
        CASE WHEN NEW.reason IN ('STOPPED', 'CANCELLED', 'EXCESS') THEN 'REFUND_' || NEW.reason
             ELSE 'REFUND_FAILED' END, 1,
        jsonb_build_array(jsonb_build_object('fen', NEW.amount_fen,
            'indicator', indicator_of(share.batch_id, share.bank_no, coalesce(place, 1)))));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS refund_is_posted ON feedback_refund;
CREATE TRIGGER refund_is_posted AFTER INSERT ON feedback_refund
    FOR EACH ROW EXECUTE FUNCTION refund_is_posted();

-- 下达: what was received and is not instructed belongs to lines stopped since the application
CREATE OR REPLACE FUNCTION residue_is_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    share payout_bankshare;
    parts jsonb;
BEGIN
    SELECT * INTO share FROM payout_bankshare WHERE id = NEW.share_id;
    SELECT jsonb_agg(jsonb_build_object('indicator', left_over.indicator, 'fen', left_over.fen)) INTO parts FROM (
        SELECT request.indicator,
            (SELECT coalesce(sum(money.amount_fen), 0) FROM funding_treasuryconfirmation AS money
             WHERE money.request_id = request.id AND money.is_ours)
            + coalesce((SELECT kept.fen FROM request_kept AS kept WHERE kept.id = request.id), 0)
            - (SELECT coalesce(sum(payment.amount_fen), 0) FROM payout_payment AS payment
               WHERE payment.share_id = share.id AND payment.state = 'SENT'
                 AND payment.seq BETWEEN request.seq_from AND request.seq_to) AS fen
        FROM funding_fundingrequest AS request
        WHERE request.batch_id = share.batch_id AND request.bank_no = share.bank_no
          AND request.state NOT IN ('RETURNED', 'WITHDRAWN', 'REFUNDED')) AS left_over WHERE left_over.fen > 0;
    PERFORM ledger_post(share.county, share.unit_no, share.department_no, share.bank_no, programme_of(share.batch_id), share.batch_id,
        'release:' || share.batch_no, 'STOP_RESIDUE', 1, coalesce(parts, '[]'));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS residue_is_posted ON payout_paymentinstruction;
CREATE TRIGGER residue_is_posted AFTER INSERT ON payout_paymentinstruction
    FOR EACH ROW EXECUTE FUNCTION residue_is_posted();

-- 留存待补发: what the memo draft (V2B) tells to have stayed with the bank, and V2BT to have gone back
CREATE OR REPLACE FUNCTION kept_is_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    draft accounting_voucher;
    request funding_fundingrequest;
BEGIN
    SELECT * INTO draft FROM accounting_voucher WHERE id = NEW.voucher_id;
    IF draft.kind NOT IN ('V2B', 'V2BT') THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM funding_fundingrequest WHERE number = split_part(draft.event, '|', 3);
    PERFORM ledger_post(draft.county, draft.unit_no, draft.department_no, request.bank_no, NEW.programme_code,
        draft.batch_id, draft.event,
        CASE draft.kind WHEN 'V2BT' THEN
            CASE split_part(draft.event, '|', 2) WHEN 'STOPPED' THEN 'KEPT_STOP_RETURNED' ELSE 'KEPT_RETURNED' END
        ELSE CASE split_part(draft.event, '|', 2) WHEN 'STOPPED' THEN 'STOP_KEPT' ELSE 'RESIDUE_KEPT' END END, 1,
        jsonb_build_array(jsonb_build_object('indicator', NEW.indicator, 'fen', NEW.amount_fen)));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS kept_is_posted ON accounting_voucherentry;
CREATE TRIGGER kept_is_posted AFTER INSERT ON accounting_voucherentry
    FOR EACH ROW WHEN (NEW.book = 'MEMO' AND NEW.is_debit) EXECUTE FUNCTION kept_is_posted();
