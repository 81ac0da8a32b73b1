-- The world joined once: the batch or file under check (`input`) with its people, cards, rosters
-- and payments, as TEMP tables of the session. The rules read these and nothing else. Parameters
-- come from actions.world_facts; /*amount*/ is the item's formula (catalogue.formulas) in SQL.

-- last period's payments of this item: the newest earlier month, for yearly items last year
CREATE TEMP TABLE before ON COMMIT DROP AS
SELECT DISTINCT ON (earlier.obligee_id, earlier.object_key)
    earlier.obligee_id, earlier.object_key, earlier.period, earlier.amount_fen, earlier.unit_no,
    earlier.account_version_id AS version_id, typed.quantity, typed.beneficiary_name
FROM payout_payment AS earlier
JOIN submission_line AS typed ON typed.id = earlier.line_id
WHERE earlier.county = %(county)s AND earlier.programme_code = %(programme_code)s
  AND earlier.state IN ('SENT', 'UNKNOWN', 'PAID') AND earlier.batch_id <> %(batch_id)s
  AND earlier.period BETWEEN coalesce(%(last_from)s, (
        SELECT max(newest.period) FROM payout_payment AS newest
        WHERE newest.county = %(county)s AND newest.programme_code = %(programme_code)s
          AND newest.period < %(period)s AND newest.state IN ('SENT', 'UNKNOWN', 'PAID')))
      AND %(last_to)s
ORDER BY earlier.obligee_id, earlier.object_key, earlier.period DESC;

CREATE TEMP TABLE line ON COMMIT DROP AS
WITH rates AS (
    SELECT DISTINCT ON (grade_key) grade_key, rate
    FROM (SELECT replace(translate(dated.grade, '1234', '一二三四'), '残疾', '') AS grade_key, dated.grade, dated.rate
          FROM catalogue_benefitstandard AS dated
          WHERE dated.county = %(county)s AND dated.programme_code = %(programme_code)s
            AND dated.valid @> %(last_day)s::date) AS folded
    ORDER BY grade_key, grade
), guarded AS (
    SELECT DISTINCT person_id, guardian_id FROM registry_guardian
    WHERE county = %(county)s AND since <= %(last_day)s::date AND (until IS NULL OR until >= %(first_day)s::date)
), joined AS (
    SELECT input.*,
        replace(translate(input.grade, '1234１２３４', '一二三四一二三四'), '残疾', '') AS grade_key,
        payee.id AS payee_id, payee.name_key AS payee_registered_key,
        beneficiary.id AS beneficiary_id, beneficiary.is_male, beneficiary.birth_on,
        beneficiary.unit_no AS village_no,
        household.id AS household_id, household.head_id,
        account.id AS account_id, account.current_id AS version_id,
        guarded.guardian_id IS NOT NULL AS payee_is_guardian
    FROM input
    LEFT JOIN registry_person AS payee
        ON payee.county = %(county)s AND payee.id_index = input.payee_index
    LEFT JOIN registry_person AS beneficiary
        ON beneficiary.county = %(county)s AND beneficiary.id_index = input.beneficiary_index
    LEFT JOIN registry_person AS head
        ON head.county = %(county)s AND head.id_index = input.head_index
    LEFT JOIN registry_household AS household
        ON household.id = coalesce(head.household_id, beneficiary.household_id)
    LEFT JOIN registry_cardaccount AS account
        ON account.person_id = payee.id AND account.is_active
    LEFT JOIN guarded ON guarded.person_id = beneficiary.id AND guarded.guardian_id = payee.id
        AND payee.id <> beneficiary.id
), counted AS (
    SELECT joined.*,
        coalesce(graded.rate, plain.rate) AS standard_rate,
        coalesce(graded.rate, plain.rate, joined.standard) AS rate,
        coalesce(joined.quantity, CASE WHEN %(quantity_is_one)s THEN 1 END) AS units,
        CASE WHEN %(months_default)s = 0 THEN 1 ELSE coalesce(joined.months, %(months_default)s) END AS month_count,
        CASE WHEN %(is_household)s THEN joined.household_id ELSE joined.beneficiary_id END AS obligee_id,
        CASE WHEN joined.birth_on IS NULL THEN NULL
             ELSE extract(year FROM age(%(last_day)s::date, joined.birth_on))::int END AS age
    FROM joined
    LEFT JOIN rates AS graded ON graded.grade_key = joined.grade_key AND joined.grade_key <> ''
    LEFT JOIN rates AS plain ON plain.grade_key = ''
), priced AS (
    SELECT counted.*, round((/*amount*/) * 100)::bigint AS computed_fen FROM counted
)
SELECT priced.line_id, priced.row_no, %(programme_code)s::text AS programme_code, %(period)s::text AS period,
    %(first_day)s::date AS period_first, %(is_household)s AS is_household_item,
    priced.payee_id, priced.beneficiary_id, priced.household_id, priced.head_id, priced.account_id,
    priced.version_id, priced.obligee_id, priced.object_key, priced.grade, priced.grade_key, priced.village_no,
    priced.beneficiary_name, priced.beneficiary_name_key, priced.payee_name_key,
    priced.beneficiary_index IS NOT NULL AS has_beneficiary_index,
    priced.payee_index IS NOT NULL AS has_payee_index,
    priced.payee_index = priced.beneficiary_index AS is_same_person,
    -- a line that was paid out once is re-issued to the account registered since, not the one typed then
    priced.account_index IS NOT NULL AND earlier.id IS NULL AS has_account_index, priced.account_last4, priced.account_index,
    priced.account_index = version.number_index AS is_registered_number,
    priced.payee_is_guardian,
    priced.units AS quantity, priced.month_count, priced.rate, priced.amount_fen,
    CASE WHEN %(formula)s = 'rate' OR (%(formula)s = 'case' AND priced.standard_rate IS NOT NULL)
         THEN least(priced.computed_fen, %(cap_fen)s::bigint) END AS expected_fen,
    CASE WHEN %(formula)s = 'difference' THEN least(priced.computed_fen, %(cap_fen)s::bigint)
         ELSE %(cap_fen)s::bigint END AS ceiling_fen,
    %(tolerance_fen)s::bigint AS tolerance_fen,
    to_char(priced.amount_fen / 100.0, 'FM9999999999990.00') AS amount_yuan,
    to_char(least(priced.computed_fen, %(cap_fen)s::bigint) / 100.0, 'FM9999999999990.00') AS expected_yuan,
    to_char(CASE WHEN %(formula)s = 'difference' THEN least(priced.computed_fen, %(cap_fen)s::bigint)
                 ELSE %(cap_fen)s::bigint END / 100.0, 'FM9999999999990.00') AS ceiling_yuan,
    trim_scale(priced.rate)::text AS rate_yuan, trim_scale(priced.units)::text AS quantity_text,
    priced.standard_rate IS NOT NULL AS has_standard, %(formula)s <> 'case' AS counts_by_standard,
    priced.computed_fen IS NOT NULL AS is_computable,
    cardinality(%(grades)s::text[]) = 0 OR priced.grade_key = ANY(%(grades)s::text[])
        OR (priced.grade_key = '' AND %(formula)s = 'case') AS is_known_grade,
    priced.age, CASE WHEN priced.is_male IS FALSE THEN %(age_lowest_female)s ELSE %(age_lowest)s END::int AS age_lowest,
    %(age_highest)s::int AS age_highest, %(age_rule)s::text AS age_rule,
    CASE WHEN earlier.state IN ('FAILED', 'RETURNED') THEN earlier.amount_fen END AS failed_fen,
    to_char(earlier.amount_fen / 100.0, 'FM9999999999990.00') AS failed_yuan,
    before.period AS last_period, before.amount_fen AS last_fen, before.quantity AS last_quantity,
    before.version_id AS last_version_id,
    to_char(before.amount_fen / 100.0, 'FM9999999999990.00') AS last_yuan,
    trim_scale(before.quantity)::text AS last_quantity_text,
    %(programme_code)s || '|' || %(period)s || '|' || coalesce(priced.obligee_id::text, '') || '|' || priced.object_key AS obligation,
    priced.faults
FROM priced
LEFT JOIN registry_cardaccountversion AS version ON version.id = priced.version_id
LEFT JOIN payout_payment AS earlier ON earlier.line_id = priced.origin_id
LEFT JOIN before ON before.obligee_id = priced.obligee_id AND before.object_key = priced.object_key;

-- the other side of each relation in force, as this item sees it; a pair said to be compatible is silent
CREATE TEMP TABLE relation ON COMMIT DROP AS
SELECT held.kind, held.scope, held.legal_basis, held.under_age, held.severity,
    CASE WHEN held.code_a = %(programme_code)s THEN
        replace(translate(held.grade_a, '1234', '一二三四'), '残疾', '') ELSE '' END AS own_grade,
    CASE WHEN held.code_a = %(programme_code)s THEN '' ELSE
        replace(translate(held.grade_a, '1234', '一二三四'), '残疾', '') END AS other_grade,
    other.code AS other_code, other.short_name AS other_name, nullif(other.benefit_roster, '') AS other_roster,
    CASE WHEN other.formula = 'rate' THEN round(standard.rate * 100)::bigint END AS other_monthly_fen,
    CASE WHEN held.kind = 'SAME_ASSET' AND held.scope IN ('house', 'machine') THEN '2000-01'
         WHEN held.kind = 'SAME_ASSET' OR %(is_yearly)s OR other.frequency IN ('yearly', 'once', 'instalment')
         THEN %(year_from)s ELSE %(period)s END AS from_period,
    CASE WHEN held.kind = 'SAME_ASSET' AND held.scope IN ('house', 'machine') THEN '2999-12'
         WHEN held.kind = 'SAME_ASSET' OR %(is_yearly)s OR other.frequency IN ('yearly', 'once', 'instalment')
         THEN %(year_to)s ELSE %(period)s END AS to_period
FROM catalogue_relation AS held
JOIN catalogue_programme AS other ON other.county = held.county AND other.valid_to IS NULL
    AND other.code = CASE WHEN held.code_a = %(programme_code)s THEN held.code_b ELSE held.code_a END
LEFT JOIN catalogue_benefitstandard AS standard ON standard.county = held.county
    AND standard.programme_code = other.code AND standard.grade = '' AND standard.valid @> %(last_day)s::date
WHERE held.county = %(county)s AND %(programme_code)s IN (held.code_a, held.code_b)
  AND held.since <= %(last_day)s::date AND (held.until IS NULL OR held.until >= %(first_day)s::date)
  AND held.kind <> 'COMPATIBLE' AND held.keep <> %(programme_code)s
  AND (held.kind <> 'TOPUP' OR held.code_a = %(programme_code)s)
  AND NOT EXISTS (SELECT FROM catalogue_relation AS fits
      WHERE fits.county = held.county AND fits.kind = 'COMPATIBLE'
        AND least(fits.code_a, fits.code_b) = least(held.code_a, held.code_b)
        AND greatest(fits.code_a, fits.code_b) = greatest(held.code_a, held.code_b)
        AND fits.since <= %(last_day)s::date AND (fits.until IS NULL OR fits.until >= %(first_day)s::date));

CREATE TEMP TABLE person ON COMMIT DROP AS
SELECT registered.id AS person_id, registered.name, registered.name_key, registered.birth_on,
    registered.is_male, registered.household_id, registered.unit_no, registered.id_index, registered.phone_index
FROM registry_person AS registered
JOIN (SELECT payee_id AS id FROM line UNION SELECT beneficiary_id FROM line
      UNION SELECT member.id FROM line JOIN registry_person AS member ON member.household_id = line.household_id
      WHERE %(watches_kin)s OR EXISTS (SELECT FROM relation WHERE relation.scope = 'household')) AS named USING (id);

CREATE TEMP TABLE account ON COMMIT DROP AS
WITH used AS (
    SELECT DISTINCT line.account_id, line.version_id, line.payee_id, owner.household_id
    FROM line JOIN registry_person AS owner ON owner.id = line.payee_id WHERE line.account_id IS NOT NULL
), shared AS (
    SELECT used.account_id, count(*) AS other_holders
    FROM used
    JOIN registry_cardaccountversion AS mine ON mine.id = used.version_id
    JOIN registry_cardaccountversion AS same ON same.county = mine.county AND same.number_index = mine.number_index
    JOIN registry_cardaccount AS other ON other.current_id = same.id AND other.is_active AND other.id <> used.account_id
    JOIN registry_person AS holder ON holder.id = other.person_id
    LEFT JOIN registry_guardian AS ward ON ward.person_id = holder.id AND ward.guardian_id = used.payee_id
    LEFT JOIN registry_guardian AS guard ON guard.person_id = used.payee_id AND guard.guardian_id = holder.id
    WHERE ward.id IS NULL AND guard.id IS NULL AND (holder.household_id = used.household_id) IS NOT TRUE
    GROUP BY used.account_id
), first_known AS (
    SELECT version.account_id, min(version.id) AS version_id
    FROM used JOIN registry_cardaccountversion AS version ON version.account_id = used.account_id
    GROUP BY version.account_id
), checked AS (
    SELECT DISTINCT ON (verification.version_id) verification.version_id, verification.outcome, verification.account_status
    FROM used JOIN registry_accountverification AS verification ON verification.version_id = used.version_id
    WHERE verification.valid_until >= %(today)s::date
    ORDER BY verification.version_id, verification.verified_at DESC
)
SELECT used.account_id, used.version_id, version.last4, version.bank_no, version.account_name,
    version.account_name_key, version.number_index, checked.outcome,
    coalesce('（' || nullif(checked.account_status, '') || '）', '') AS reason,
    coalesce(shared.other_holders, 0) AS other_holders,
    CASE WHEN used.version_id <> first_known.version_id
         THEN (version.entered_at AT TIME ZONE 'Asia/Shanghai')::date END AS changed_on,
    CASE WHEN used.version_id <> first_known.version_id
         THEN %(today)s::date - (version.entered_at AT TIME ZONE 'Asia/Shanghai')::date END AS changed_days
FROM used
JOIN registry_cardaccountversion AS version ON version.id = used.version_id
LEFT JOIN shared ON shared.account_id = used.account_id
LEFT JOIN first_known ON first_known.account_id = used.account_id
LEFT JOIN checked ON checked.version_id = used.version_id;

CREATE TEMP TABLE roster_kind ON COMMIT DROP AS
SELECT needed.kind, needed.need, needed.asks, coalesce(%(roster_words)s::jsonb ->> needed.kind, needed.kind) AS kind_word,
    needed.kind LIKE 'entitled:%%' AS is_entitled, latest.id AS load_id,
    coalesce(latest.as_of + needed.days >= least(%(last_day)s::date, %(today)s::date), false) AS is_fresh
FROM jsonb_to_recordset(%(needs)s::jsonb) AS needed (kind text, need text, days int, optional bool, asks bool)
LEFT JOIN (SELECT DISTINCT ON (kind) kind, id, as_of FROM registry_rosterload WHERE county = %(county)s
           ORDER BY kind, as_of DESC, id DESC) AS latest ON latest.kind = needed.kind
WHERE latest.id IS NOT NULL OR NOT needed.optional;

CREATE TEMP TABLE roster ON COMMIT DROP AS
SELECT person.person_id, person.household_id, used.kind, used.need, used.kind_word, used.is_fresh,
    listed.since, listed.object_key, listed.quantity,
    replace(translate(listed.grade, '1234１２３４', '一二三四一二三四'), '残疾', '') AS grade_key
FROM roster_kind AS used
JOIN registry_rosterentry AS listed ON listed.load_id = used.load_id
JOIN person ON person.id_index = listed.id_index
WHERE listed.since <= %(last_day)s::date AND (listed.until IS NULL OR listed.until >= %(first_day)s::date);

CREATE TEMP TABLE paid ON COMMIT DROP AS
SELECT known.programme_code, known.period, known.obligee_id, known.beneficiary_id, NULL::bigint AS household_id,
    known.object_key, CASE WHEN %(repeats)s = 'instalment' THEN
        replace(translate(typed.grade, '1234１２３４', '一二三四一二三四'), '残疾', '') END AS grade_key,
    known.amount_fen, known.batch_number, known.paying_unit, known.unit_no
FROM public.paid AS known
LEFT JOIN submission_line AS typed ON typed.id = known.line_id AND %(repeats)s = 'instalment'
WHERE known.county = %(county)s AND known.programme_code = %(programme_code)s
  AND known.period BETWEEN %(own_from)s AND %(own_to)s AND known.batch_id <> %(batch_id)s
UNION ALL
SELECT known.programme_code, known.period, known.obligee_id, known.beneficiary_id, taker.household_id,
    known.object_key, replace(translate(typed.grade, '1234１２３４', '一二三四一二三四'), '残疾', ''),
    known.amount_fen, known.batch_number, known.paying_unit, known.unit_no
FROM (SELECT other_code, min(from_period) AS from_period, max(to_period) AS to_period
      FROM relation GROUP BY other_code) AS wanted
JOIN public.paid AS known ON known.county = %(county)s AND known.programme_code = wanted.other_code
    AND known.period BETWEEN wanted.from_period AND wanted.to_period
LEFT JOIN submission_line AS typed ON typed.id = known.line_id
LEFT JOIN registry_person AS taker ON taker.id = known.beneficiary_id
WHERE known.batch_id <> %(batch_id)s;

-- 择高、补差: what was taken under the other item this period, and what remains due here
CREATE TEMP TABLE deduction ON COMMIT DROP AS
WITH taken AS (
    SELECT line.line_id, relation.kind, relation.other_code, relation.other_name, relation.legal_basis,
        true AS is_known, sum(paid.amount_fen)::bigint AS taken_fen
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
        relation.other_monthly_fen IS NOT NULL AS is_known, relation.other_monthly_fen * line.month_count AS taken_fen
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
        CASE WHEN line.expected_fen IS NOT NULL
             THEN greatest(line.expected_fen - sum(every.taken_fen) OVER (PARTITION BY every.line_id), 0)::bigint END AS due_fen
    FROM every JOIN line ON line.line_id = every.line_id
)
SELECT due.*, to_char(due.taken_fen / 100.0, 'FM9999999999990.00') AS taken_yuan,
    to_char(due.due_fen / 100.0, 'FM9999999999990.00') AS due_yuan
FROM due;

CREATE TEMP TABLE programme ON COMMIT DROP AS
SELECT %(programme_code)s::text AS programme_code, %(formula)s::text AS formula, %(is_household)s AS is_household_item,
    %(object_kind)s::text AS object_kind, %(repeats)s::text AS repeats, %(account_change_days)s::int AS account_change_days,
    %(amount_change_percent)s::int AS amount_change_percent, %(quantity_jump_percent)s::int AS quantity_jump_percent,
    %(village_top)s::int AS village_top, %(village_times)s::int AS village_times, %(village_least)s::int AS village_least,
    %(yearly_repeat_asks)s = 1 AS yearly_repeat_asks, %(phone_shared_by)s::int AS phone_shared_by;

ANALYZE line; ANALYZE person; ANALYZE account; ANALYZE roster_kind; ANALYZE roster; ANALYZE paid; ANALYZE before
