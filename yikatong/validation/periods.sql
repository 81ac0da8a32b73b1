-- Before the world is joined: what the item is, to which others it stands in a relation, and in
-- which periods these were paid, one look per period. `world.sql` is then given the periods as
-- constants, so that the planner knows how much of the history it will meet.

CREATE TEMP TABLE programme ON COMMIT DROP AS
SELECT %(programme_code)s::text AS programme_code, %(period)s::text AS period, %(formula)s::text AS formula,
    %(is_household)s AS is_household_item,
    %(object_kind)s::text AS object_kind, %(object_word)s::text AS object_word, %(quantity_word)s::text AS quantity_word,
    %(grade_word)s::text AS grade_word, %(formula_shown)s::text AS formula_shown, %(repeats)s::text AS repeats, %(account_change_days)s::int AS account_change_days,
    %(amount_change_percent)s::int AS amount_change_percent, %(quantity_jump_percent)s::int AS quantity_jump_percent,
    %(village_top)s::int AS village_top, %(village_times)s::int AS village_times, %(village_least)s::int AS village_least,
    %(yearly_repeat_asks)s = 1 AS yearly_repeat_asks, %(phone_shared_by)s::int AS phone_shared_by,
    %(total_tolerance_per_line)s::int AS total_tolerance_per_line;

-- the other side of each relation in force, as this item sees it; a pair said to be compatible is silent
CREATE TEMP TABLE relation ON COMMIT DROP AS
SELECT held.kind, held.scope, held.legal_basis, held.under_age, held.severity,
    CASE WHEN held.code_a = %(programme_code)s THEN
        replace(translate(held.grade_a, '1234', '一二三四'), '残疾', '') ELSE '' END AS own_grade,
    CASE WHEN held.code_a = %(programme_code)s THEN '' ELSE
        replace(translate(held.grade_a, '1234', '一二三四'), '残疾', '') END AS other_grade,
    -- what a roster may call a grade of the other item, each between bars
    (SELECT coalesce('|' || string_agg(replace(translate(known.grade, '1234', '一二三四'), '残疾', ''), '|') || '|', '')
     FROM jsonb_array_elements_text(other.grades) AS known (grade)) AS other_grades,
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

CREATE TEMP TABLE own_period ON COMMIT DROP AS
WITH RECURSIVE found AS (
    SELECT min(period) AS period FROM payout_payment WHERE county = %(county)s AND programme_code = %(programme_code)s
    UNION ALL
    SELECT (SELECT min(next.period) FROM payout_payment AS next
            WHERE next.county = %(county)s AND next.programme_code = %(programme_code)s AND next.period > found.period)
    FROM found WHERE found.period IS NOT NULL
)
SELECT period, period BETWEEN coalesce(%(last_from)s,
        (SELECT max(earlier.period) FROM found AS earlier WHERE earlier.period <= %(last_to)s)) AND %(last_to)s AS is_last,
    period BETWEEN %(own_from)s AND %(own_to)s AS is_repeat
FROM found WHERE period IS NOT NULL;

CREATE TEMP TABLE other_period ON COMMIT DROP AS
WITH RECURSIVE wanted AS (
    SELECT other_code, min(from_period) AS from_period, max(to_period) AS to_period FROM relation GROUP BY other_code
), found AS (
    SELECT other_code, to_period,
        (SELECT min(payment.period) FROM payout_payment AS payment
         WHERE payment.county = %(county)s AND payment.programme_code = wanted.other_code
           AND payment.period >= wanted.from_period) AS period
    FROM wanted
    UNION ALL
    SELECT other_code, to_period,
        (SELECT min(next.period) FROM payout_payment AS next
         WHERE next.county = %(county)s AND next.programme_code = found.other_code AND next.period > found.period)
    FROM found WHERE found.period IS NOT NULL AND found.period <= found.to_period
)
SELECT other_code, period FROM found WHERE period IS NOT NULL AND period <= to_period
