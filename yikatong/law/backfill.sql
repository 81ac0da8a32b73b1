-- 补记台账: a home from before the ledger has movements that nobody posted. What the triggers would
-- have posted is posted now, under the same events; what stands already is left as it is, so that
-- it may run again at any time. Dated today: the books say when they were written.
CREATE OR REPLACE FUNCTION ledger_backfill(of_county text) RETURNS int LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    many record;
    before bigint := (SELECT count(*) FROM accounting_ledgerposting WHERE county = of_county);
BEGIN
    FOR many IN
        SELECT money.*, request.batch_id, request.indicator, item.code AS programme
        FROM funding_treasuryconfirmation AS money
        JOIN funding_fundingrequest AS request ON request.id = money.request_id
        JOIN submission_batch AS batch ON batch.id = request.batch_id
        JOIN catalogue_programme AS item ON item.id = batch.programme_id
        WHERE money.county = of_county ORDER BY money.id
    LOOP
        PERFORM ledger_post(of_county, many.unit_no, many.department_no, many.bank_no, many.programme, many.batch_id,
            'money:' || many.bank_no || ':' || many.bank_serial,
            CASE WHEN many.is_ours THEN 'MONEY_RECEIVED' ELSE 'WRONG_ACCOUNT' END, 1,
            jsonb_build_array(jsonb_build_object('indicator', many.indicator, 'fen', many.amount_fen)));
    END LOOP;

    FOR many IN
        SELECT hold.unit_no, hold.department_no, hold.amount_fen, moved.state, request.number, request.bank_no,
            request.batch_id, request.indicator, item.code AS programme
        FROM funding_indicatorhold AS hold
        JOIN funding_fundingrequest AS request ON request.id = hold.request_id
        JOIN submission_batch AS batch ON batch.id = request.batch_id
        JOIN catalogue_programme AS item ON item.id = batch.programme_id
        CROSS JOIN LATERAL (SELECT DISTINCT state FROM (VALUES ('FROZEN'), (hold.state)) AS one (state)) AS moved
        WHERE hold.county = of_county AND (moved.state = hold.state OR NOT EXISTS (
            SELECT FROM accounting_ledgerposting AS known
            WHERE known.county = of_county AND known.event = 'hold:' || request.number))
        ORDER BY hold.id, moved.state
    LOOP
        PERFORM ledger_post(of_county, many.unit_no, many.department_no, many.bank_no, many.programme, many.batch_id,
            'hold:' || many.number, 'HOLD_' || many.state, 1,
            jsonb_build_array(jsonb_build_object('indicator', many.indicator, 'fen', many.amount_fen)));
    END LOOP;

    -- what was received and not instructed; a payment is stopped only before its release
    FOR many IN
        SELECT share.*, item.code AS programme, (
            SELECT jsonb_agg(jsonb_build_object('indicator', left_over.indicator, 'fen', left_over.fen)) FROM (
                SELECT request.indicator,
                    (SELECT coalesce(sum(money.amount_fen), 0) FROM funding_treasuryconfirmation AS money
                     WHERE money.request_id = request.id AND money.is_ours AND money.at <= instruction.at)
                    - (SELECT coalesce(sum(payment.amount_fen), 0) FROM payout_payment AS payment
                       WHERE payment.share_id = share.id AND payment.state NOT IN ('STOPPED', 'WITHDRAWN')
                         AND payment.seq BETWEEN request.seq_from AND request.seq_to) AS fen
                FROM funding_fundingrequest AS request
                WHERE request.batch_id = share.batch_id AND request.bank_no = share.bank_no
                  AND request.state NOT IN ('RETURNED', 'WITHDRAWN')) AS left_over WHERE left_over.fen > 0) AS parts
        FROM payout_paymentinstruction AS instruction
        JOIN payout_bankshare AS share ON share.id = instruction.share_id
        JOIN submission_batch AS batch ON batch.id = share.batch_id
        JOIN catalogue_programme AS item ON item.id = batch.programme_id
        WHERE instruction.county = of_county ORDER BY instruction.id
    LOOP
        PERFORM ledger_post(of_county, many.unit_no, many.department_no, many.bank_no, many.programme, many.batch_id,
            'release:' || many.batch_no, 'STOP_RESIDUE', 1, coalesce(many.parts, '[]'));
    END LOOP;

    -- one posting per share and kind for all that no posting of theirs holds yet
    FOR many IN
        WITH told AS (
            SELECT payment.*, payment_kind(payment.state, payment.attempt) AS kind FROM payout_payment AS payment
            WHERE payment.county = of_county AND payment.state IN ('PAID', 'FAILED', 'RETURNED', 'STOPPED')
            UNION ALL  -- it was paid before it came back
            SELECT payment.*, payment_kind('PAID', payment.attempt) FROM payout_payment AS payment
            WHERE payment.county = of_county AND payment.state = 'RETURNED'
        ), expected AS (
            SELECT told.unit_no, told.department_no, told.bank_no, told.programme_code, told.batch_id, told.share_id,
                told.kind, coalesce(indicator_of(told.batch_id, told.bank_no, told.seq), '') AS indicator,
                count(*) AS lines, sum(told.amount_fen) AS fen
            FROM told GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        ), booked AS (
            SELECT posting.batch_id, posting.bank_no, posting.kind, sum(posting.lines) AS lines,
                sum(posting.amount_fen) AS fen
            FROM accounting_ledgerposting AS posting WHERE posting.county = of_county GROUP BY 1, 2, 3
        ), by_indicator AS (
            SELECT leg.batch_id, leg.bank_no, posting.kind, leg.indicator, sum(leg.amount_fen) AS fen
            FROM accounting_ledgerleg AS leg JOIN accounting_ledgerposting AS posting ON posting.id = leg.posting_id
            WHERE leg.county = of_county AND leg.is_debit GROUP BY 1, 2, 3, 4
        )
        SELECT expected.unit_no, expected.department_no, expected.bank_no, expected.programme_code, expected.batch_id,
            expected.share_id, expected.kind,
            (sum(expected.lines) - coalesce(max(booked.lines), 0))::int AS lines,
            sum(expected.fen) - coalesce(max(booked.fen), 0) AS missing,
            sum(expected.fen - coalesce(by_indicator.fen, 0)) FILTER (WHERE expected.fen > coalesce(by_indicator.fen, 0)) AS parted,
            jsonb_agg(jsonb_build_object('indicator', expected.indicator, 'fen', expected.fen - coalesce(by_indicator.fen, 0)))
                FILTER (WHERE expected.fen > coalesce(by_indicator.fen, 0)) AS parts
        FROM expected
        LEFT JOIN booked USING (batch_id, bank_no, kind)
        LEFT JOIN by_indicator USING (batch_id, bank_no, kind, indicator)
        GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(expected.fen) > coalesce(max(booked.fen), 0)
        ORDER BY expected.share_id, expected.kind
    LOOP
        PERFORM ledger_post(of_county, many.unit_no, many.department_no, many.bank_no, many.programme_code, many.batch_id,
            'payment:' || many.share_id || ':backfill', many.kind, greatest(many.lines, 1),
            CASE WHEN many.parted = many.missing THEN many.parts
                 ELSE jsonb_build_array(jsonb_build_object('indicator', '', 'fen', many.missing)) END);
    END LOOP;

    FOR many IN
        SELECT refund.*, share.batch_id, item.code AS programme, coalesce(payment.seq, 1) AS place
        FROM feedback_refund AS refund
        JOIN payout_bankshare AS share ON share.id = refund.share_id
        JOIN submission_batch AS batch ON batch.id = share.batch_id
        JOIN catalogue_programme AS item ON item.id = batch.programme_id
        LEFT JOIN payout_payment AS payment ON payment.share_id = share.id AND payment.detail_id = refund.detail_id
        WHERE refund.county = of_county ORDER BY refund.id
    LOOP
        PERFORM ledger_post(of_county, many.unit_no, many.department_no, many.bank_no, many.programme, many.batch_id,
            'refund:' || many.bank_no || ':' || many.refund_no || ':' || many.detail_id,
            CASE WHEN many.reason IN ('STOPPED', 'CANCELLED', 'EXCESS') THEN 'REFUND_' || many.reason
                 ELSE 'REFUND_FAILED' END, 1,
            jsonb_build_array(jsonb_build_object('fen', many.amount_fen,
                'indicator', indicator_of(many.batch_id, many.bank_no, many.place))));
    END LOOP;
    RETURN (SELECT count(*) FROM accounting_ledgerposting WHERE county = of_county) - before;
END $$;
