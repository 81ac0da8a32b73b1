-- 指标: no application without its 额度, frozen in the very statement that files it (AM-5), released
-- when it comes back, spent when it is paid. 匹配: money and instruction equal to the fen.

-- What may still be applied for: the newest reading, less what it cannot have counted yet.
-- The formula is the county's (拟): CUR_AMT − PAY_APP_AMT, or CUR_AMT where it is net already.
CREATE OR REPLACE FUNCTION indicator_available(of_indicator bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT CASE WHEN reading.is_open THEN
        reading.balance_fen
        - CASE WHEN place.settings ->> 'indicator_balance' = 'CUR_AMT' THEN 0 ELSE reading.applied_fen END
        - (SELECT coalesce(sum(hold.amount_fen), 0) FROM funding_indicatorhold AS hold
           JOIN funding_fundingrequest AS request ON request.id = hold.request_id
           WHERE hold.indicator_id = of_indicator AND hold.state IN ('FROZEN', 'SPENT')
             AND (request.filed_at IS NULL OR request.filed_at > reading.read_at))
        ELSE 0 END::bigint
    FROM funding_indicatorreading AS reading
    LEFT JOIN organisation_county AS place ON place.county = reading.county
    WHERE reading.indicator_id = of_indicator ORDER BY reading.read_at DESC, reading.id DESC LIMIT 1
$$;

CREATE OR REPLACE FUNCTION request_freezes_its_indicator() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    asked bigint;
    available bigint;
BEGIN
    SELECT id INTO asked FROM funding_indicator WHERE county = NEW.county AND bgt_id = NEW.indicator FOR UPDATE;
    IF asked IS NULL THEN
        RAISE EXCEPTION '没有指标 %，不能申请拨款', NEW.indicator USING ERRCODE = 'restrict_violation';
    END IF;
    available := coalesce(indicator_available(asked), 0);
    IF available < NEW.amount_fen THEN
        RAISE EXCEPTION '指标 % 可用 % 分，申请 % 分，超过可用额度', NEW.indicator, available, NEW.amount_fen
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'indicator_is_never_exceeded';
    END IF;
    INSERT INTO funding_indicatorhold (county, unit_no, department_no, indicator_id, request_id, amount_fen,
        state, frozen_at)
    VALUES (NEW.county, NEW.unit_no, NEW.department_no, asked, NEW.id, NEW.amount_fen,
        CASE WHEN NEW.state IN ('RETURNED', 'WITHDRAWN') THEN 'RELEASED' WHEN NEW.state IN ('PAID', 'REFUNDED') THEN 'SPENT'
             ELSE 'FROZEN' END, clock_timestamp());
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS request_freezes_its_indicator ON funding_fundingrequest;
CREATE TRIGGER request_freezes_its_indicator AFTER INSERT ON funding_fundingrequest
    FOR EACH ROW WHEN (NEW.source = 'TREASURY') EXECUTE FUNCTION request_freezes_its_indicator();

-- the hold follows its application; what was applied for is never another amount or indicator
CREATE OR REPLACE FUNCTION request_moves_its_hold() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    IF (NEW.amount_fen, NEW.indicator, NEW.batch_id, NEW.bank_no, NEW.payee_account, NEW.seq_from, NEW.seq_to, NEW.source)
       IS DISTINCT FROM (OLD.amount_fen, OLD.indicator, OLD.batch_id, OLD.bank_no, OLD.payee_account, OLD.seq_from, OLD.seq_to, OLD.source) THEN
        RAISE EXCEPTION '拨款申请 % 已提交，金额、指标和收款账户不能修改', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state IN ('RETURNED', 'WITHDRAWN') AND OLD.state <> NEW.state THEN
        UPDATE funding_indicatorhold SET state = 'RELEASED', ended_at = clock_timestamp()
        WHERE request_id = NEW.id AND state = 'FROZEN';
    ELSIF NEW.state IN ('PAID', 'REFUNDED') AND OLD.state <> NEW.state THEN
        UPDATE funding_indicatorhold SET state = 'SPENT', ended_at = clock_timestamp()
        WHERE request_id = NEW.id AND state = 'FROZEN';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS request_moves_its_hold ON funding_fundingrequest;
CREATE TRIGGER request_moves_its_hold AFTER UPDATE ON funding_fundingrequest
    FOR EACH ROW EXECUTE FUNCTION request_moves_its_hold();

CREATE OR REPLACE FUNCTION hold_is_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    request funding_fundingrequest;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.state = OLD.state OR OLD.state <> 'FROZEN') THEN
        RETURN NULL;
    END IF;
    SELECT * INTO request FROM funding_fundingrequest WHERE id = NEW.request_id;
    PERFORM ledger_post(NEW.county, NEW.unit_no, NEW.department_no, request.bank_no, programme_of(request.batch_id), request.batch_id,
        'hold:' || request.number, 'HOLD_' || NEW.state, 1,
        jsonb_build_array(jsonb_build_object('indicator', request.indicator, 'fen', NEW.amount_fen)));
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS hold_is_posted ON funding_indicatorhold;
CREATE TRIGGER hold_is_posted AFTER INSERT OR UPDATE ON funding_indicatorhold
    FOR EACH ROW EXECUTE FUNCTION hold_is_posted();

-- 匹配 is made only of equal sums: each live application of the share has exactly its money
CREATE OR REPLACE FUNCTION match_is_equal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    asked bigint;
    unequal int;
BEGIN
    SELECT coalesce(sum(request.amount_fen + coalesce(kept.fen, 0)), 0),
           count(*) FILTER (WHERE request.amount_fen <> received.fen OR (request.source = 'RESIDUE') <> (kept.fen IS NOT NULL))
        INTO asked, unequal
        FROM funding_fundingrequest AS request
        LEFT JOIN request_kept AS kept ON kept.id = request.id
        CROSS JOIN LATERAL (SELECT coalesce(sum(money.amount_fen), 0) AS fen FROM funding_treasuryconfirmation AS money
            WHERE money.request_id = request.id AND money.is_ours) AS received
        WHERE request.batch_id = NEW.batch_id AND request.bank_no = NEW.bank_no
          AND request.state NOT IN ('RETURNED', 'WITHDRAWN', 'REFUNDED');
    IF asked <> NEW.amount_fen OR unequal > 0 THEN
        RAISE EXCEPTION '申请 % 分，匹配 % 分，有 % 笔申请与到账不相等，不能匹配', asked, NEW.amount_fen, unequal
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS match_is_equal ON funding_fundingmatch;
CREATE TRIGGER match_is_equal BEFORE INSERT ON funding_fundingmatch
    FOR EACH ROW EXECUTE FUNCTION match_is_equal();

CREATE OR REPLACE FUNCTION release_needs_a_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM payout_bankshare AS share
        JOIN funding_fundingmatch AS match ON match.batch_id = share.batch_id AND match.bank_no = share.bank_no
        WHERE share.id = NEW.share_id AND match.amount_fen >= NEW.amount_fen) THEN
        RAISE EXCEPTION '资金与指令尚未匹配，不能下达' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS release_needs_a_match ON payout_paymentinstruction;
CREATE TRIGGER release_needs_a_match BEFORE INSERT ON payout_paymentinstruction
    FOR EACH ROW EXECUTE FUNCTION release_needs_a_match();

-- 一笔明细只申请一次: live applications of one bank's share cover different places of it
ALTER TABLE funding_fundingrequest DROP CONSTRAINT IF EXISTS no_place_is_asked_for_twice;
ALTER TABLE funding_fundingrequest ADD CONSTRAINT no_place_is_asked_for_twice
    EXCLUDE USING gist (batch_id WITH =, bank_no WITH =, int8range(seq_from, seq_to, '[]') WITH &&)
    WHERE (state NOT IN ('RETURNED', 'WITHDRAWN', 'REFUNDED'));
