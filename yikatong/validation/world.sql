-- The world joined once: the batch or file under check (`input`) with its people, cards, rosters
-- and payments, as TEMP tables of the session. The rules read these and nothing else.
-- Parameters: county, programme_code, period, first_day, last_day, batch_id, tolerance_fen,
-- is_household, formula, months_default, age_lowest, age_highest, age_lowest_female, age_rule.

CREATE TEMP TABLE line ON COMMIT DROP AS
WITH joined AS (
    SELECT input.*,
        payee.id AS payee_id, payee.name_key AS payee_registered_key,
        beneficiary.id AS beneficiary_id, beneficiary.is_male, beneficiary.birth_on,
        household.id AS household_id, household.head_id,
        account.id AS account_id, account.current_id AS version_id,
        standard.rate AS standard_rate
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
    LEFT JOIN LATERAL (
        SELECT dated.rate FROM catalogue_benefitstandard AS dated
        WHERE dated.county = %(county)s AND dated.programme_code = %(programme_code)s
          AND dated.grade IN (input.grade, '') AND dated.valid @> %(last_day)s::date
        ORDER BY dated.grade DESC LIMIT 1) AS standard ON true
), counted AS (
    SELECT joined.*,
        coalesce(joined.standard_rate, joined.standard) AS rate,
        CASE WHEN %(months_default)s = 0 THEN 1 ELSE coalesce(joined.months, %(months_default)s) END AS month_count,
        CASE WHEN %(is_household)s THEN joined.household_id ELSE joined.beneficiary_id END AS obligee_id,
        CASE WHEN joined.birth_on IS NULL THEN NULL
             ELSE extract(year FROM age(%(last_day)s::date, joined.birth_on))::int END AS age
    FROM joined
), priced AS (
    SELECT counted.*,
        CASE WHEN %(formula)s = 'rate'
             THEN round(rate * coalesce(quantity, CASE WHEN %(quantity_is_one)s THEN 1 END) * month_count * 100)::bigint
        END AS expected_fen,
        CASE WHEN %(formula)s = 'difference' THEN round(rate * quantity * month_count * 100)::bigint END AS ceiling_fen
    FROM counted
)
SELECT priced.line_id, priced.row_no, %(programme_code)s::text AS programme_code, %(period)s::text AS period,
    %(first_day)s::date AS period_first, %(is_household)s AS is_household_item,
    priced.payee_id, priced.beneficiary_id, priced.household_id, priced.head_id, priced.account_id,
    priced.version_id, priced.obligee_id, priced.object_key, priced.grade,
    priced.beneficiary_name, priced.beneficiary_name_key, priced.payee_name_key,
    priced.beneficiary_index IS NOT NULL AS has_beneficiary_index,
    priced.payee_index IS NOT NULL AS has_payee_index,
    priced.payee_index = priced.beneficiary_index AS is_same_person,
    -- a line that was paid out once is re-issued to the account registered since, not the one typed then
    priced.account_index IS NOT NULL AND earlier.id IS NULL AS has_account_index, priced.account_last4, priced.account_index,
    priced.account_index = version.number_index AS is_registered_number,
    coalesce(priced.payee_id <> priced.beneficiary_id AND EXISTS (
        SELECT FROM registry_guardian AS guardian
        WHERE guardian.person_id = priced.beneficiary_id AND guardian.guardian_id = priced.payee_id
          AND guardian.since <= %(last_day)s::date
          AND (guardian.until IS NULL OR guardian.until >= %(first_day)s::date)), false) AS payee_is_guardian,
    priced.quantity, priced.rate, priced.amount_fen, priced.expected_fen, priced.ceiling_fen,
    %(tolerance_fen)s::bigint AS tolerance_fen,
    to_char(priced.amount_fen / 100.0, 'FM9999999999990.00') AS amount_yuan,
    to_char(priced.expected_fen / 100.0, 'FM9999999999990.00') AS expected_yuan,
    to_char(priced.ceiling_fen / 100.0, 'FM9999999999990.00') AS ceiling_yuan,
    trim_scale(priced.rate) AS rate_yuan,
    priced.standard_rate IS NOT NULL AS has_standard, %(formula)s <> 'case' AS counts_by_standard,
    priced.age, CASE WHEN priced.is_male IS FALSE THEN %(age_lowest_female)s ELSE %(age_lowest)s END::int AS age_lowest,
    %(age_highest)s::int AS age_highest, %(age_rule)s::text AS age_rule,
    CASE WHEN earlier.state IN ('FAILED', 'RETURNED') THEN earlier.amount_fen END AS failed_fen,
    to_char(earlier.amount_fen / 100.0, 'FM9999999999990.00') AS failed_yuan,
    %(programme_code)s || '|' || %(period)s || '|' || coalesce(priced.obligee_id::text, '') || '|' || priced.object_key AS obligation,
    priced.faults
FROM priced
LEFT JOIN registry_cardaccountversion AS version ON version.id = priced.version_id
LEFT JOIN payout_payment AS earlier ON earlier.line_id = priced.origin_id;

CREATE TEMP TABLE person ON COMMIT DROP AS
SELECT DISTINCT registered.id AS person_id, registered.name, registered.name_key, registered.birth_on,
    registered.is_male, registered.household_id, registered.unit_no, registered.id_index
FROM registry_person AS registered
JOIN (SELECT payee_id AS id FROM line UNION SELECT beneficiary_id FROM line) AS named USING (id);

CREATE TEMP TABLE account ON COMMIT DROP AS
SELECT used.account_id, used.version_id, version.last4, version.bank_no, version.account_name,
    version.account_name_key, checked.outcome,
    coalesce('（' || nullif(checked.account_status, '') || '）', '') AS reason,
    (SELECT count(*) FROM registry_cardaccount AS other
     JOIN registry_cardaccountversion AS same ON same.id = other.current_id
     JOIN registry_person AS holder ON holder.id = other.person_id
     WHERE same.county = version.county AND same.number_index = version.number_index
       AND other.is_active AND other.id <> used.account_id
       AND (holder.household_id = owner.household_id) IS NOT TRUE
       AND NOT EXISTS (SELECT FROM registry_guardian AS guardian
                       WHERE (guardian.person_id, guardian.guardian_id) IN
                             ((holder.id, owner.id), (owner.id, holder.id)))) AS other_holders
FROM (SELECT DISTINCT account_id, version_id, payee_id FROM line WHERE account_id IS NOT NULL) AS used
JOIN registry_cardaccountversion AS version ON version.id = used.version_id
JOIN registry_person AS owner ON owner.id = used.payee_id
LEFT JOIN LATERAL (
    SELECT verification.outcome, verification.account_status
    FROM registry_accountverification AS verification
    WHERE verification.version_id = used.version_id AND verification.valid_until >= %(today)s::date
    ORDER BY verification.verified_at DESC LIMIT 1) AS checked ON true;

CREATE TEMP TABLE relation ON COMMIT DROP AS
SELECT held.kind, held.scope, held.legal_basis, held.under_age, held.grade_a, held.severity,
    other.code AS other_code, other.short_name AS other_name, nullif(other.benefit_roster, '') AS other_roster
FROM catalogue_relation AS held
JOIN catalogue_programme AS other ON other.county = held.county
    AND other.code = CASE WHEN held.code_a = %(programme_code)s THEN held.code_b ELSE held.code_a END
WHERE held.county = %(county)s AND %(programme_code)s IN (held.code_a, held.code_b)
  AND held.since <= %(last_day)s::date AND (held.until IS NULL OR held.until >= %(first_day)s::date);

CREATE TEMP TABLE roster ON COMMIT DROP AS
WITH needed AS (
    SELECT kind, severity AS need, max_age_days FROM catalogue_requiredroster
    WHERE county = %(county)s AND programme_code = %(programme_code)s
    UNION ALL
    SELECT shown.kind, 'info', 0
    FROM (SELECT 'deceased' AS kind UNION SELECT other_roster FROM relation WHERE other_roster IS NOT NULL) AS shown
    WHERE shown.kind NOT IN (SELECT kind FROM catalogue_requiredroster
                             WHERE county = %(county)s AND programme_code = %(programme_code)s)
), newest AS (
    SELECT needed.kind, needed.need, needed.max_age_days, latest.id AS load_id, latest.as_of
    FROM needed
    LEFT JOIN LATERAL (SELECT id, as_of FROM registry_rosterload AS loaded
        WHERE loaded.county = %(county)s AND loaded.kind = needed.kind
        ORDER BY as_of DESC, id DESC LIMIT 1) AS latest ON true
)
SELECT person.person_id, newest.kind, newest.need, coalesce(word.word, newest.kind) AS kind_word,
    entry.id IS NOT NULL AS is_on, entry.since, entry.grade,
    coalesce(newest.as_of + newest.max_age_days >= least(%(last_day)s::date, %(today)s::date), false) AS is_fresh
FROM person
CROSS JOIN newest
LEFT JOIN (VALUES ('deceased', '死亡人员'), ('disabled', '持证残疾人'), ('minimum_living', '低保对象'),
    ('extreme_poverty', '特困人员'), ('orphan', '孤儿和事实无人抚养儿童'), ('registered_poor', '建档立卡户'),
    ('fiscal_payroll', '财政供养人员'), ('imprisoned', '服刑人员'), ('village_cadre', '村（社区）干部')
    ) AS word (kind, word) ON word.kind = newest.kind
LEFT JOIN LATERAL (
    SELECT listed.id, listed.since, listed.grade FROM registry_rosterentry AS listed
    WHERE listed.load_id = newest.load_id AND listed.id_index = person.id_index
      AND listed.since <= %(last_day)s::date AND (listed.until IS NULL OR listed.until >= %(first_day)s::date)
    ORDER BY listed.since LIMIT 1) AS entry ON true;

CREATE TEMP TABLE paid ON COMMIT DROP AS
SELECT known.programme_code, known.period, known.obligee_id, known.beneficiary_id, known.object_key,
    known.amount_fen, known.batch_number, known.paying_unit, known.unit_no
FROM public.paid AS known
WHERE known.county = %(county)s AND known.period = %(period)s AND known.batch_id <> %(batch_id)s
  AND (known.programme_code = %(programme_code)s OR known.programme_code IN (SELECT other_code FROM relation));

CREATE TEMP TABLE programme ON COMMIT DROP AS
SELECT %(programme_code)s::text AS programme_code, %(formula)s::text AS formula, %(is_household)s AS is_household_item;

ANALYZE line; ANALYZE person; ANALYZE account; ANALYZE roster; ANALYZE paid;
