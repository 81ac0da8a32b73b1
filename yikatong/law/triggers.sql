-- What PostgreSQL itself refuses (trust.md §2). Every function pins its search_path.

CREATE SEQUENCE IF NOT EXISTS batch_number_seq;
CREATE SEQUENCE IF NOT EXISTS bank_batch_seq;

-- 只增不改: UPDATE, DELETE and TRUNCATE are refused to everyone, the owner included.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    RAISE EXCEPTION '%只能追加，不能修改或删除', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- 明细只在草稿时可写
CREATE OR REPLACE FUNCTION lines_only_in_draft() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM changed LEFT JOIN submission_batch AS batch ON batch.id = changed.batch_id
               WHERE batch.status IS DISTINCT FROM 'DRAFT' OR batch.county <> changed.county
                  OR batch.unit_no <> changed.unit_no) THEN
        RAISE EXCEPTION '批次已送审，明细不能再增改' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS lines_added_in_draft ON submission_line;
CREATE TRIGGER lines_added_in_draft AFTER INSERT ON submission_line
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION lines_only_in_draft();
DROP TRIGGER IF EXISTS lines_changed_in_draft ON submission_line;
CREATE TRIGGER lines_changed_in_draft AFTER UPDATE ON submission_line
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION lines_only_in_draft();
-- a line of a draft may not be carried into a batch that has been sent up either
DROP TRIGGER IF EXISTS lines_moved_in_draft ON submission_line;
CREATE TRIGGER lines_moved_in_draft AFTER UPDATE ON submission_line
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION lines_only_in_draft();
DROP TRIGGER IF EXISTS lines_removed_in_draft ON submission_line;
CREATE TRIGGER lines_removed_in_draft AFTER DELETE ON submission_line
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION lines_only_in_draft();

-- 结论: of a line of its own batch, one check for all that were judged together. The lines of a list are
-- numbered without a gap as a rule: where every number of the span is a line of this batch, so is every
-- line that is named, and they are only counted. Else each is looked up.
CREATE OR REPLACE FUNCTION verdicts_are_of_their_batch() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    span record;
BEGIN
    SELECT min(line_id) AS least, max(line_id) AS most, min(batch_id) AS batch, max(batch_id) AS last_batch,
        min(county) AS county, max(county) AS last_county INTO span FROM fresh;
    IF span.batch = span.last_batch AND span.county = span.last_county
        AND (SELECT count(*) FROM submission_line AS line WHERE line.id BETWEEN span.least AND span.most
             AND line.batch_id = span.batch AND line.county = span.county) = span.most - span.least + 1
    THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM fresh LEFT JOIN submission_line AS line ON line.id = fresh.line_id
               WHERE line.batch_id IS DISTINCT FROM fresh.batch_id OR line.county <> fresh.county) THEN
        RAISE EXCEPTION '结论所指的明细不在这一批' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS verdicts_are_of_their_batch ON validation_lineverdict;
CREATE TRIGGER verdicts_are_of_their_batch AFTER INSERT ON validation_lineverdict
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION verdicts_are_of_their_batch();

-- 批次: born a draft; afterwards only its status and due day move, along the county's edges
CREATE OR REPLACE FUNCTION batch_is_born_a_draft() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.status <> 'DRAFT' THEN
        RAISE EXCEPTION '新批次只能是草稿' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS batch_is_born_a_draft ON submission_batch;
CREATE TRIGGER batch_is_born_a_draft BEFORE INSERT ON submission_batch
    FOR EACH ROW EXECUTE FUNCTION batch_is_born_a_draft();

CREATE OR REPLACE FUNCTION batch_moves_along_an_edge() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF to_jsonb(NEW) - 'status' - 'due_on' IS DISTINCT FROM to_jsonb(OLD) - 'status' - 'due_on' THEN
        RAISE EXCEPTION '批次 % 已建立，除状态外不能修改', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NOT EXISTS (
        SELECT FROM journey_edge AS edge
        WHERE edge.county = OLD.county AND edge.from_status = OLD.status AND edge.to_status = NEW.status) THEN
        RAISE EXCEPTION '批次 % 不能从 % 变为 %', OLD.number, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS batch_moves_along_an_edge ON submission_batch;
CREATE TRIGGER batch_moves_along_an_edge BEFORE UPDATE ON submission_batch
    FOR EACH ROW EXECUTE FUNCTION batch_moves_along_an_edge();

-- 项目定义: what was tried on a sample is what goes live, and who wrote it never confirms it. The
-- digest and the editors are the database's own words.
CREATE OR REPLACE FUNCTION definition_is_tried_then_confirmed() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    editor text := coalesce(nullif(current_setting('ykt.user', true), ''), NEW.made_by);
BEGIN
    NEW.digest := sha256(convert_to(NEW.content::text, 'UTF8'));
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'DRAFT' THEN
            RAISE EXCEPTION '新的项目定义只能是试填' USING ERRCODE = 'restrict_violation';
        END IF;
        NEW.editors := ARRAY[editor];
        RETURN NEW;
    END IF;
    IF (NEW.county, NEW.department_no, NEW.code, NEW.version, NEW.made_by, NEW.made_at)
        IS DISTINCT FROM (OLD.county, OLD.department_no, OLD.code, OLD.version, OLD.made_by, OLD.made_at) THEN
        RAISE EXCEPTION '项目定义 % 的编码、版本和编制人不能修改', OLD.code USING ERRCODE = 'restrict_violation';
    END IF;
    NEW.editors := OLD.editors;
    IF NEW.digest <> OLD.digest THEN
        IF OLD.state NOT IN ('DRAFT', 'TESTED') THEN
            RAISE EXCEPTION '项目定义 % 第 % 版已生效或停用，不能修改，请另起新版本', OLD.code, OLD.version
                USING ERRCODE = 'restrict_violation';
        END IF;
        NEW.state := 'DRAFT';
        IF NOT editor = ANY (OLD.editors) THEN
            NEW.editors := OLD.editors || editor;
        END IF;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('DRAFT', 'DRAFT'), ('DRAFT', 'TESTED'), ('DRAFT', 'RETIRED'),
        ('TESTED', 'TESTED'), ('TESTED', 'DRAFT'), ('TESTED', 'LIVE'), ('TESTED', 'RETIRED'),
        ('LIVE', 'LIVE'), ('LIVE', 'RETIRED'), ('RETIRED', 'RETIRED')) THEN
        RAISE EXCEPTION '项目定义 % 不能从 % 变为 %', OLD.code, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND NEW.state IN ('TESTED', 'LIVE') AND NOT EXISTS (
        SELECT FROM validation_trial AS trial WHERE trial.definition_id = OLD.id
            AND trial.digest = NEW.digest AND trial.state = 'DONE') THEN
        RAISE EXCEPTION '项目定义 % 还没有用样表试查过现在这一稿，不能生效', OLD.code
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND NEW.state = 'LIVE'
        AND (NEW.confirmed_by = '' OR NEW.confirmed_by = ANY (NEW.editors)
             OR NEW.confirmed_by IS DISTINCT FROM editor) THEN
        RAISE EXCEPTION '编制项目定义的人不能自己确认生效' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS definition_is_tried_then_confirmed ON catalogue_definition;
CREATE TRIGGER definition_is_tried_then_confirmed BEFORE INSERT OR UPDATE ON catalogue_definition
    FOR EACH ROW EXECUTE FUNCTION definition_is_tried_then_confirmed();

-- 样表试查: of the definition as it stands now; once it has ended it is not written again
CREATE OR REPLACE FUNCTION trial_is_of_the_definition() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.state := 'QUEUED';
        SELECT definition.digest INTO NEW.digest FROM catalogue_definition AS definition
        WHERE definition.id = NEW.definition_id AND definition.county = NEW.county
          AND definition.department_no = NEW.department_no AND definition.state IN ('DRAFT', 'TESTED');
        IF NOT FOUND THEN
            RAISE EXCEPTION '只有本部门试填、试运行的项目可以用样表试查' USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF OLD.state IN ('DONE', 'FAILED')
        OR (NEW.definition_id, NEW.digest, NEW.source_file_id) <> (OLD.definition_id, OLD.digest, OLD.source_file_id) THEN
        RAISE EXCEPTION '样表试查已有结果，不能修改' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS trial_is_of_the_definition ON validation_trial;
CREATE TRIGGER trial_is_of_the_definition BEFORE INSERT OR UPDATE ON validation_trial
    FOR EACH ROW EXECUTE FUNCTION trial_is_of_the_definition();

-- 清单: at the end of the transaction what came from a definition stands only while that is live; a
-- trial puts it in force and takes it back before. Without a definition only the owner writes here.
CREATE OR REPLACE FUNCTION catalogue_follows_definitions() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    entry jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
    named text := coalesce(entry ->> 'code', entry ->> 'programme_code', entry ->> 'code_a');
    stands boolean := TG_OP <> 'DELETE' AND entry ->> 'valid_to' IS NULL;
BEGIN
    IF entry ->> 'definition_id' IS NULL THEN
        IF current_user <> 'ykt_owner' THEN
            RAISE EXCEPTION '区县清单里的项目 % 不能这样改', named USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM catalogue_definition AS definition
        WHERE definition.id = (entry ->> 'definition_id')::bigint AND definition.county = entry ->> 'county'
          AND definition.code = named AND (definition.state = 'LIVE') = stands
          AND coalesce((entry ->> 'department_no')::int, definition.department_no) = definition.department_no
          AND coalesce((entry ->> 'version')::int, definition.version) = definition.version) THEN
        RAISE EXCEPTION '项目 % 的定义没有生效，不能列入清单', named USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS catalogue_follows_definitions ON catalogue_programme;
CREATE CONSTRAINT TRIGGER catalogue_follows_definitions AFTER INSERT OR UPDATE OR DELETE ON catalogue_programme
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_follows_definitions();
DROP TRIGGER IF EXISTS catalogue_follows_definitions ON catalogue_benefitstandard;
CREATE CONSTRAINT TRIGGER catalogue_follows_definitions AFTER INSERT OR UPDATE OR DELETE ON catalogue_benefitstandard
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_follows_definitions();
DROP TRIGGER IF EXISTS catalogue_follows_definitions ON catalogue_requiredroster;
CREATE CONSTRAINT TRIGGER catalogue_follows_definitions AFTER INSERT OR UPDATE OR DELETE ON catalogue_requiredroster
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_follows_definitions();
DROP TRIGGER IF EXISTS catalogue_follows_definitions ON catalogue_relation;
CREATE CONSTRAINT TRIGGER catalogue_follows_definitions AFTER INSERT OR UPDATE OR DELETE ON catalogue_relation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_follows_definitions();

-- definer: nobody holds INSERT on the log of moves, so it cannot be written but by moving
CREATE OR REPLACE FUNCTION note_batch_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO submission_batchmove (county, unit_no, department_no, batch_id, from_status, to_status, at)
    VALUES (NEW.county, NEW.unit_no, NEW.department_no, NEW.id, OLD.status, NEW.status, clock_timestamp());
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS note_batch_move ON submission_batch;
CREATE TRIGGER note_batch_move AFTER UPDATE ON submission_batch
    FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION note_batch_move();

-- 借贷相等, per voucher and book, at commit
CREATE OR REPLACE FUNCTION voucher_balances() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (
        SELECT FROM accounting_voucherentry WHERE voucher_id = NEW.voucher_id
        GROUP BY book
        HAVING sum(CASE WHEN is_debit THEN amount_fen ELSE -amount_fen END) <> 0) THEN
        RAISE EXCEPTION '凭证借贷不平' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS voucher_balances ON accounting_voucherentry;
CREATE CONSTRAINT TRIGGER voucher_balances AFTER INSERT ON accounting_voucherentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION voucher_balances();

-- 不相容岗位: who made any row of a batch does not check it (I9). Held where the step is recorded.
CREATE OR REPLACE FUNCTION maker_never_checks() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF NEW.username = '' OR NEW.result <> 'passed' OR NEW.batch_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM journey_edge WHERE county = NEW.county
                   AND 'batch.' || step = NEW.action AND is_check) THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT FROM batch_makers WHERE batch_id = NEW.batch_id AND username = NEW.username) THEN
        RAISE EXCEPTION '% 参与过本批编制，不能再审核本批', NEW.person_name USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP VIEW IF EXISTS batch_makers CASCADE;
CREATE VIEW batch_makers WITH (security_invoker = true) AS
SELECT batch.id AS batch_id, batch.county, batch.made_by AS username FROM submission_batch AS batch
UNION
SELECT DISTINCT line.batch_id, line.county, line.entered_by FROM submission_line AS line
UNION
SELECT event.batch_id, event.county, event.username FROM audit_auditevent AS event
WHERE event.action = 'batch.compile' AND event.result = 'passed'
UNION
SELECT DISTINCT line.batch_id, line.county, change.proposed_by
FROM registry_accountchange AS change
JOIN validation_lineverdict AS verdict ON verdict.account_id = change.account_id
JOIN submission_line AS line ON line.id = verdict.line_id
JOIN submission_batch AS batch ON batch.id = line.batch_id
WHERE change.state = 'CONFIRMED' AND change.decided_at >= batch.made_at;
COMMENT ON VIEW batch_makers IS '参与批次编制的人：编制、录入、修改或为其中的人变更账户';
DROP TRIGGER IF EXISTS maker_never_checks ON audit_auditevent;
CREATE TRIGGER maker_never_checks BEFORE INSERT ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION maker_never_checks();

-- 留痕链: the head is locked, the new event must follow it; no gap, no fork (I10)
CREATE OR REPLACE FUNCTION audit_lock_head(OUT seq bigint, OUT hash bytea) LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
    SELECT head.seq, head.hash FROM audit_audithead AS head FOR UPDATE
$$;
CREATE OR REPLACE FUNCTION audit_append(event jsonb, touched bytea, prev bytea, hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    head audit_audithead;
BEGIN
    SELECT * INTO head FROM audit_audithead FOR UPDATE;
    IF head.seq + 1 <> (event ->> 'seq')::bigint OR head.hash <> prev THEN
        RAISE EXCEPTION '留痕序号或前值不符' USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO audit_auditevent (seq, at, county, unit_no, department_no, action, batch_id, username,
        person_name, duty, via, result, from_status, to_status, note, touched, prev, hash)
    VALUES ((event ->> 'seq')::bigint, (event ->> 'at')::timestamptz, event ->> 'county',
        (event ->> 'unit_no')::int, (event ->> 'department_no')::int, event ->> 'action',
        (event ->> 'batch_id')::bigint, event ->> 'username', event ->> 'person_name', event ->> 'duty',
        event ->> 'via', event ->> 'result', event ->> 'from_status', event ->> 'to_status',
        event ->> 'note', touched, prev, hash);
    UPDATE audit_audithead SET seq = (event ->> 'seq')::bigint, hash = audit_append.hash;
END $$;
INSERT INTO audit_audithead ("only", seq, hash) VALUES (true, 0, decode(repeat('00', 32), 'hex'))
ON CONFLICT ("only") DO NOTHING;
