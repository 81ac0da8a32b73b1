-- The world joined once: the batch or file under check (`input`) with its people, cards, rosters
-- and payments, as TEMP tables of the session. The rules read these and nothing else. Parameters
-- come from world.world_facts; /*amount*/ is the item's formula (catalogue.formulas) in SQL.
-- Each table starts from the keys of the one before, never from the registry or the history: the
-- planner takes an index look per key for a short list and one hash join for a long one.

-- a line's beneficiary who is not the one that is paid: few lines, so most are looked up once
CREATE TEMP TABLE aside ON COMMIT DROP AS
SELECT line_id, beneficiary_index AS id_index FROM input
WHERE beneficiary_index IS NOT NULL AND beneficiary_index IS DISTINCT FROM payee_index;
ANALYZE aside;

-- who is named: each number is looked up once
CREATE TEMP TABLE known ON COMMIT DROP AS
SELECT registered.id AS person_id, registered.name, registered.name_key, registered.birth_on, registered.is_male,
    registered.household_id, registered.unit_no, registered.id_index, registered.phone_index
FROM registry_person AS registered
WHERE registered.county = %(county)s AND registered.id_index IN (SELECT payee_index FROM input);
-- those beside them apart: one set of both would be sorted out number by number, a million of them
INSERT INTO known
SELECT registered.id, registered.name, registered.name_key, registered.birth_on, registered.is_male,
    registered.household_id, registered.unit_no, registered.id_index, registered.phone_index
FROM (SELECT DISTINCT id_index FROM aside
      WHERE NOT EXISTS (SELECT FROM input WHERE input.payee_index = aside.id_index)) AS named
JOIN registry_person AS registered ON registered.county = %(county)s AND registered.id_index = named.id_index;
ANALYZE known (person_id, id_index, household_id);

CREATE TEMP TABLE used ON COMMIT DROP AS
SELECT account.id AS account_id, account.person_id, known.household_id, version.id AS version_id, version.last4,
    version.bank_no, version.account_name, version.account_name_key, version.number_index, known.name_key AS holder_name_key,
    (version.entered_at AT TIME ZONE 'Asia/Shanghai')::date AS entered_on
FROM known
JOIN registry_cardaccount AS account ON account.county = %(county)s AND account.person_id = known.person_id
    AND account.is_active
JOIN registry_cardaccountversion AS version ON version.county = %(county)s AND version.id = account.current_id;
ANALYZE used (account_id, person_id, version_id, number_index, entered_on);

-- held by somebody else too, who is neither of the household nor guardian or ward
CREATE TEMP TABLE shared ON COMMIT DROP AS
SELECT used.account_id, count(*) AS other_holders
FROM used
JOIN registry_cardaccountversion AS same ON same.county = %(county)s AND same.number_index = used.number_index
    AND same.id <> used.version_id
JOIN registry_cardaccount AS other ON other.current_id = same.id AND other.is_active AND other.id <> used.account_id
JOIN registry_person AS holder ON holder.id = other.person_id
LEFT JOIN registry_guardian AS ward ON ward.person_id = holder.id AND ward.guardian_id = used.person_id
LEFT JOIN registry_guardian AS guard ON guard.person_id = used.person_id AND guard.guardian_id = holder.id
WHERE ward.id IS NULL AND guard.id IS NULL AND (holder.household_id = used.household_id) IS NOT TRUE
GROUP BY used.account_id;

-- only a recent version can be a change that is asked about
CREATE TEMP TABLE changed ON COMMIT DROP AS
SELECT DISTINCT used.account_id FROM used
JOIN registry_cardaccountversion AS earlier ON earlier.county = %(county)s AND earlier.account_id = used.account_id AND earlier.id < used.version_id
WHERE used.entered_on > %(today)s::date - %(account_change_days)s;
ANALYZE shared; ANALYZE changed;

CREATE TEMP TABLE account ON COMMIT DROP AS
SELECT used.account_id, used.person_id, used.version_id, used.last4, used.bank_no, used.account_name,
    used.account_name_key, used.holder_name_key, used.number_index, checked.outcome,
    coalesce('（' || nullif(checked.account_status, '') || '）', '') AS reason,
    coalesce(shared.other_holders, 0) AS other_holders,
    CASE WHEN changed.account_id IS NOT NULL THEN used.entered_on END AS changed_on,
    CASE WHEN changed.account_id IS NOT NULL THEN %(today)s::date - used.entered_on END AS changed_days
FROM used
LEFT JOIN shared ON shared.account_id = used.account_id
LEFT JOIN changed ON changed.account_id = used.account_id
LEFT JOIN registry_accountverification AS checked ON checked.county = %(county)s AND checked.version_id = used.version_id
    AND checked.valid_until >= %(today)s::date
    AND NOT EXISTS (SELECT FROM registry_accountverification AS later
        WHERE later.county = %(county)s AND later.version_id = checked.version_id AND later.valid_until >= %(today)s::date
          AND (later.verified_at, later.id) > (checked.verified_at, checked.id));
ANALYZE account (account_id, person_id, version_id);

-- last period's payments: the newest earlier month, for yearly items last year
CREATE TEMP TABLE before ON COMMIT DROP AS
SELECT DISTINCT ON (earlier.obligee_id, earlier.object_key)
    earlier.obligee_id, earlier.object_key, earlier.period, earlier.amount_fen, earlier.quantity,
    earlier.account_version_id AS version_id
FROM (SELECT DISTINCT CASE WHEN %(is_household)s THEN household_id ELSE person_id END AS obligee_id FROM known) AS wanted
JOIN payout_payment AS earlier ON earlier.county = %(county)s AND earlier.programme_code = %(programme_code)s
    AND earlier.period = ANY(%(last_periods)s) AND earlier.obligee_id = wanted.obligee_id
WHERE earlier.state IN ('SENT', 'UNKNOWN', 'PAID') AND earlier.batch_id <> %(batch_id)s
ORDER BY earlier.obligee_id, earlier.object_key, earlier.period DESC;
ANALYZE before (obligee_id, object_key);

-- small tables of their own, not subqueries: only tables are joined by two processes
CREATE TEMP TABLE rates ON COMMIT DROP AS
SELECT DISTINCT ON (grade_key) grade_key, rate
FROM (SELECT replace(translate(dated.grade, '1234', '一二三四'), '残疾', '') AS grade_key, dated.grade, dated.rate
      FROM catalogue_benefitstandard AS dated
      WHERE dated.county = %(county)s AND dated.programme_code = %(programme_code)s
        AND dated.valid @> %(last_day)s::date) AS folded
ORDER BY grade_key, grade;

CREATE TEMP TABLE guarded ON COMMIT DROP AS
SELECT DISTINCT guardian.person_id, guardian.guardian_id FROM registry_guardian AS guardian
JOIN known ON known.person_id = guardian.person_id
-- who is guardian by now receives what is paid now, for earlier periods too
WHERE guardian.county = %(county)s AND guardian.since <= greatest(%(last_day)s::date, %(today)s::date)
  AND (guardian.until IS NULL OR guardian.until >= %(first_day)s::date);

CREATE TEMP TABLE other ON COMMIT DROP AS
SELECT aside.line_id, known.person_id, known.name_key, known.is_male, known.birth_on, known.unit_no, known.household_id
FROM aside JOIN known ON known.id_index = aside.id_index;

-- a line that points at one that was sent before; between the two may stand drafts that never were
CREATE TEMP TABLE reissued ON COMMIT DROP AS
WITH RECURSIVE chain AS (
    SELECT input.line_id, input.origin_id AS at FROM input WHERE input.origin_id IS NOT NULL
    UNION ALL
    SELECT chain.line_id, between.origin_id FROM chain JOIN submission_line AS between ON between.id = chain.at
    WHERE between.origin_id IS NOT NULL AND NOT EXISTS (SELECT FROM payout_payment AS sent
        WHERE sent.county = %(county)s AND sent.line_id = chain.at)
)
SELECT chain.line_id, earlier.state, earlier.amount_fen FROM chain
JOIN payout_payment AS earlier ON earlier.county = %(county)s AND earlier.line_id = chain.at;
ANALYZE rates; ANALYZE guarded; ANALYZE other; ANALYZE reissued;

CREATE TEMP TABLE facts ON COMMIT DROP AS
WITH joined AS (
    SELECT input.*,
        CASE WHEN input.grade = '' THEN '' ELSE replace(translate(input.grade, '1234１２３４', '一二三四一二三四'), '残疾', '') END AS grade_key,
        payee.person_id AS payee_id,
        CASE WHEN input.is_same_person THEN payee.person_id ELSE other.person_id END AS beneficiary_id,
        CASE WHEN input.is_same_person THEN payee.is_male ELSE other.is_male END AS is_male,
        CASE WHEN input.is_same_person THEN payee.birth_on ELSE other.birth_on END AS birth_on,
        CASE WHEN input.is_same_person THEN payee.unit_no ELSE other.unit_no END AS village_no,
        input.beneficiary_name_key <> CASE WHEN input.is_same_person THEN payee.name_key ELSE other.name_key END
            AS beneficiary_is_misnamed,
        input.payee_name_key <> payee.name_key AS payee_is_misnamed,
        household.id AS household_id, household.head_id, account.account_id, account.version_id,
        account.bank_no,
        input.account_index = account.number_index AS is_registered_number
    FROM input
    LEFT JOIN known AS payee ON payee.id_index = input.payee_index
    LEFT JOIN other ON other.line_id = input.line_id
    -- the household that the beneficiary is registered in, whoever the sheet calls its 户主
    LEFT JOIN registry_household AS household ON household.county = %(county)s
        AND household.id = CASE WHEN input.is_same_person THEN payee.household_id ELSE other.household_id END
    LEFT JOIN account ON account.person_id = payee.person_id
), counted AS (
    SELECT joined.*, guarded.guardian_id IS NOT NULL AS payee_is_guardian,
        coalesce(graded.rate, plain.rate) AS standard_rate,
        coalesce(graded.rate, plain.rate, joined.standard) AS rate,
        coalesce(joined.quantity, CASE WHEN %(quantity_is_one)s THEN 1 END) AS units,
        CASE WHEN %(months_default)s = 0 THEN 1 ELSE coalesce(joined.months, %(months_default)s) END AS month_count,
        CASE WHEN %(is_household)s THEN joined.household_id ELSE joined.beneficiary_id END AS obligee_id,
        -- what was refused at the door is null by now, and must not be taken for one piece, one month
        joined.faults = '[]' OR NOT joined.faults @? '$[*] ? (@.severity == "block" &&
            (@.field == "quantity" || @.field == "months" || @.field == "standard" || @.field == "supplement"))' AS is_readable
    FROM joined
    LEFT JOIN guarded ON guarded.person_id = joined.beneficiary_id AND guarded.guardian_id = joined.payee_id
        AND joined.payee_id <> joined.beneficiary_id
    LEFT JOIN rates AS graded ON graded.grade_key = joined.grade_key AND joined.grade_key <> ''
    LEFT JOIN rates AS plain ON plain.grade_key = ''
)
SELECT counted.line_id, counted.row_no, counted.payee_id, counted.beneficiary_id, counted.household_id, counted.head_id,
    counted.account_id, counted.version_id, counted.bank_no, counted.obligee_id, counted.object_key, counted.grade, counted.grade_key,
    counted.village_no, counted.beneficiary_name, counted.beneficiary_is_misnamed, counted.payee_is_misnamed,
    counted.beneficiary_index IS NOT NULL AS has_beneficiary_index, counted.payee_index IS NOT NULL AS has_payee_index,
    counted.is_same_person,
    -- a line that was paid out once is re-issued to the account registered since, not the one typed then
    counted.account_index IS NOT NULL AND reissued.line_id IS NULL AS has_account_index, counted.account_last4,
    counted.is_registered_number, counted.payee_is_guardian, counted.units AS quantity, counted.month_count, counted.rate,
    counted.standard_rate IS NOT NULL AS has_standard, counted.amount_fen, counted.is_male, counted.birth_on,
    counted.is_readable,
    -- a slip of nine digits times nine digits is told (AM-1) by the most that a sentence can write
    CASE WHEN counted.is_readable AND abs(/*amount*/) < 9999999999999 THEN round((/*amount*/) * 100)::bigint
         WHEN counted.is_readable AND (/*amount*/) IS NOT NULL THEN 999999999999999 END AS computed_fen,
    CASE WHEN counted.is_readable THEN (/*amount*/) * 100 END AS exact_fen,
    CASE WHEN reissued.state IN ('FAILED', 'RETURNED') THEN reissued.amount_fen END AS failed_fen,
    before.period AS last_period, before.amount_fen AS last_fen, before.quantity AS last_quantity,
    before.version_id AS last_version_id, counted.faults
FROM counted
LEFT JOIN reissued ON reissued.line_id = counted.line_id
LEFT JOIN before ON before.obligee_id = counted.obligee_id AND before.object_key = counted.object_key;
CREATE INDEX ON facts (line_id);
ANALYZE facts (line_id, payee_id, beneficiary_id, household_id, account_id, version_id, obligee_id, object_key,
    village_no, grade_key, last_fen, is_same_person);

-- what is only words is made where it is read: a sentence is written for few lines
CREATE TEMP VIEW line AS
SELECT facts.*, %(programme_code)s::text AS programme_code, %(period)s::text AS period,
    %(first_day)s::date AS period_first, %(is_household)s AS is_household_item,
    CASE WHEN %(formula)s = 'rate' OR (%(formula)s = 'case' AND facts.has_standard)
         THEN CASE WHEN facts.computed_fen IS NOT NULL THEN least(facts.computed_fen, %(cap_fen)s::bigint) END END AS expected_fen,
    CASE WHEN %(formula)s = 'difference' THEN least(facts.computed_fen, %(cap_fen)s::bigint)
         ELSE %(cap_fen)s::bigint END AS ceiling_fen,
    %(tolerance_fen)s::bigint AS tolerance_fen,
    to_char(facts.amount_fen / 100.0, 'FM9999999999990.00') AS amount_yuan,
    to_char(least(facts.computed_fen, %(cap_fen)s::bigint) / 100.0, 'FM9999999999990.00') AS expected_yuan,
    to_char(CASE WHEN %(formula)s = 'difference' THEN least(facts.computed_fen, %(cap_fen)s::bigint)
                 ELSE %(cap_fen)s::bigint END / 100.0, 'FM9999999999990.00') AS ceiling_yuan,
    trim_scale(facts.rate)::text AS rate_yuan, trim_scale(facts.quantity)::text AS quantity_text,
    %(formula)s <> 'case' AS counts_by_standard, facts.computed_fen IS NOT NULL AS is_computable,
    cardinality(%(grades)s::text[]) = 0 OR facts.grade_key = ANY(%(grades)s::text[])
        OR (facts.grade_key = '' AND %(formula)s = 'case') AS is_known_grade,
    extract(year FROM age(%(last_day)s::date, facts.birth_on))::int AS age,
    CASE WHEN facts.is_male IS FALSE THEN %(age_lowest_female)s ELSE %(age_lowest)s END::int AS age_lowest,
    %(age_highest)s::int AS age_highest, %(age_rule)s::text AS age_rule,
    to_char(facts.failed_fen / 100.0, 'FM9999999999990.00') AS failed_yuan,
    to_char(facts.last_fen / 100.0, 'FM9999999999990.00') AS last_yuan,
    trim_scale(facts.last_quantity)::text AS last_quantity_text,
    %(programme_code)s || '|' || %(period)s || '|' || coalesce(facts.obligee_id::text, '') || '|' || facts.object_key AS obligation
FROM facts;

CREATE TEMP TABLE person ON COMMIT DROP AS
SELECT known.* FROM known
UNION ALL  -- of the household too, where kin are watched or a relation holds for the household
SELECT member.id, member.name, member.name_key, member.birth_on, member.is_male, member.household_id, member.unit_no,
    member.id_index, member.phone_index
FROM (SELECT DISTINCT household_id FROM facts
      WHERE %(watches_kin)s OR EXISTS (SELECT FROM relation WHERE relation.scope = 'household')) AS watched
JOIN registry_person AS member ON member.household_id = watched.household_id
WHERE NOT EXISTS (SELECT FROM known WHERE known.person_id = member.id);
ANALYZE person (person_id, id_index, household_id);

CREATE TEMP TABLE roster_kind ON COMMIT DROP AS
SELECT needed.kind, needed.need, needed.asks, coalesce(%(roster_words)s::jsonb ->> needed.kind, needed.kind) AS kind_word,
    needed.kind LIKE 'entitled:%%' AS is_entitled, latest.id AS load_id,
    coalesce(latest.as_of + needed.days >= least(%(last_day)s::date, %(today)s::date), false) AS is_fresh
FROM jsonb_to_recordset(%(needs)s::jsonb) AS needed (kind text, need text, days int, asks bool)
LEFT JOIN (SELECT DISTINCT ON (kind) kind, id, as_of FROM registry_rosterload WHERE county = %(county)s
           ORDER BY kind, as_of DESC, id DESC) AS latest ON latest.kind = needed.kind;

CREATE TEMP TABLE roster ON COMMIT DROP AS
SELECT person.person_id, person.household_id, used.kind, used.need, used.kind_word, used.is_fresh,
    listed.since, listed.object_key, listed.quantity,
    replace(translate(listed.grade, '1234１２３４', '一二三四一二三四'), '残疾', '') AS grade_key
FROM roster_kind AS used
CROSS JOIN person
JOIN registry_rosterentry AS listed ON listed.county = %(county)s AND listed.id_index = person.id_index
    AND listed.kind = used.kind AND listed.load_id = used.load_id
WHERE listed.since <= %(last_day)s::date AND (listed.until IS NULL OR listed.until >= %(first_day)s::date);

-- paid or in flight in other batches: by who is entitled, by the object, and, for related items, by person
CREATE TEMP TABLE paid ON COMMIT DROP AS
WITH object AS (
    SELECT DISTINCT object_key FROM facts WHERE object_key <> ''
), hit AS (
    SELECT payment.id FROM (SELECT DISTINCT obligee_id FROM facts) AS asked
    JOIN payout_payment AS payment ON payment.county = %(county)s AND payment.programme_code = %(programme_code)s
        AND payment.period = ANY(%(repeat_periods)s) AND payment.obligee_id = asked.obligee_id
    UNION
    SELECT payment.id FROM object JOIN payout_payment AS payment ON payment.county = %(county)s
        AND payment.object_key = object.object_key AND payment.programme_code = %(programme_code)s
        AND payment.period = ANY(%(repeat_periods)s)
    UNION
    SELECT payment.id FROM person JOIN payout_payment AS payment ON payment.county = %(county)s
        AND payment.beneficiary_id = person.person_id AND payment.programme_code = ANY(%(other_codes)s)
        AND payment.period = ANY(%(other_periods)s)
    UNION
    SELECT payment.id FROM object JOIN payout_payment AS payment ON payment.county = %(county)s
        AND payment.object_key = object.object_key AND payment.programme_code = ANY(%(other_codes)s)
        AND payment.period = ANY(%(other_periods)s)
), seen AS (
    SELECT payment.programme_code, payment.period, payment.obligee_id, payment.beneficiary_id, payment.object_key,
        payment.grade, payment.amount_fen, payment.batch_id
    FROM hit JOIN payout_payment AS payment ON payment.id = hit.id
    WHERE payment.state IN ('SENT', 'UNKNOWN', 'PAID')
    UNION ALL  -- judged and on its way to the bank
    SELECT line.programme_code, line.period, verdict.obligee_id, verdict.beneficiary_id, line.object_key, line.grade,
        line.amount_fen, line.batch_id
    FROM submission_batch AS batch
    JOIN validation_lineverdict AS verdict ON verdict.batch_id = batch.id AND verdict.passed
    JOIN submission_line AS line ON line.id = verdict.line_id
    WHERE batch.county = %(county)s AND batch.status = 'VALIDATED'
      AND (line.programme_code = %(programme_code)s AND line.period BETWEEN %(own_from)s AND %(own_to)s
           OR EXISTS (SELECT FROM relation WHERE relation.other_code = line.programme_code
                      AND line.period BETWEEN relation.from_period AND relation.to_period))
)
SELECT seen.programme_code, seen.period, seen.obligee_id, seen.beneficiary_id, taker.household_id, seen.object_key,
    CASE WHEN seen.programme_code <> %(programme_code)s OR %(repeats)s = 'instalment' THEN
        replace(translate(seen.grade, '1234１２３４', '一二三四一二三四'), '残疾', '') END AS grade_key,
    seen.amount_fen, batch.number AS batch_number, unit.name AS paying_unit, batch.unit_no
FROM seen
JOIN submission_batch AS batch ON batch.id = seen.batch_id
LEFT JOIN organisation_unit AS unit ON unit.county = batch.county AND unit.unit_no = batch.unit_no
LEFT JOIN person AS taker ON taker.person_id = seen.beneficiary_id
WHERE seen.batch_id <> %(batch_id)s
  AND (seen.programme_code = %(programme_code)s OR EXISTS (
      SELECT FROM relation WHERE relation.other_code = seen.programme_code
        AND seen.period BETWEEN relation.from_period AND relation.to_period));
ANALYZE roster; ANALYZE paid;

-- 择高、补差: what was taken under the other item this period, and what remains due here
CREATE TEMP TABLE deduction ON COMMIT DROP AS
WITH taken AS (
    SELECT line.line_id, relation.kind, relation.other_code, relation.other_name, relation.legal_basis,
        true AS is_known, sum(paid.amount_fen)::bigint AS taken_fen,
        -- what is re-issued may be why the other, the higher one, was paid less than in full
        max(CASE WHEN relation.kind = 'HIGHER' AND line.failed_fen IS NOT NULL
                 THEN relation.other_monthly_fen * line.month_count END) AS full_fen
    FROM relation
    JOIN paid ON paid.programme_code = relation.other_code AND paid.period BETWEEN relation.from_period AND relation.to_period
        AND relation.other_grade IN ('', paid.grade_key)
    JOIN line ON (paid.beneficiary_id = line.beneficiary_id
                  OR (relation.scope = 'household' AND paid.household_id = line.household_id))
        AND relation.own_grade IN ('', line.grade_key) AND (relation.under_age IS NULL OR line.age < relation.under_age)
    WHERE relation.kind IN ('HIGHER', 'TOPUP')
    GROUP BY 1, 2, 3, 4, 5
), shown AS (
    SELECT DISTINCT line.line_id, relation.kind, relation.other_code, relation.other_name, relation.legal_basis,
        relation.other_monthly_fen IS NOT NULL AS is_known, relation.other_monthly_fen * line.month_count AS taken_fen,
        NULL::bigint AS full_fen
    FROM relation
    JOIN roster ON roster.need = 'relation' AND roster.kind = relation.other_roster AND roster.is_fresh
        AND relation.other_grade IN ('', roster.grade_key)
    JOIN line ON (roster.person_id = line.beneficiary_id
                  OR (relation.scope = 'household' AND roster.household_id = line.household_id))
        AND relation.own_grade IN ('', line.grade_key) AND (relation.under_age IS NULL OR line.age < relation.under_age)
    WHERE relation.kind IN ('HIGHER', 'TOPUP')
      AND NOT EXISTS (SELECT FROM taken WHERE taken.line_id = line.line_id AND taken.other_code = relation.other_code)
), every AS (SELECT *, '本期已领' AS seen FROM taken UNION ALL SELECT *, '名册显示享受' FROM shown),
due AS (
    SELECT every.*, bool_and(every.is_known) OVER (PARTITION BY every.line_id) AS is_all_known,
        count(*) OVER (PARTITION BY every.line_id) AS times,
        sum(every.taken_fen) OVER (PARTITION BY every.line_id) AS all_taken_fen,
        CASE WHEN line.expected_fen IS NOT NULL
             THEN least(line.expected_fen, greatest(0,
                 greatest(line.expected_fen, max(every.full_fen) OVER (PARTITION BY every.line_id))
                 - sum(every.taken_fen) OVER (PARTITION BY every.line_id)))::bigint END AS due_fen
    FROM every JOIN line ON line.line_id = every.line_id
)
SELECT due.*, to_char(due.taken_fen / 100.0, 'FM9999999999990.00') AS taken_yuan,
    to_char(due.due_fen / 100.0, 'FM9999999999990.00') AS due_yuan,
    CASE WHEN due.times = 1 THEN '已领'
         ELSE '各项已领共 ' || to_char(due.all_taken_fen / 100.0, 'FM9999999999990.00') || ' 元' END AS less_what
FROM due
