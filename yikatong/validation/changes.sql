-- What differs from last period, set by set: a draft's become the rows of `validation_periodchange`.

-- the lines that differ are few, and the planner has to know it: it would hash the whole registry for them
CREATE TEMP TABLE differing ON COMMIT DROP AS
SELECT line_id, row_no, beneficiary_name, object_key, amount_fen, obligee_id, last_period, last_fen, payee_id,
    account_id, last_version_id
FROM facts
WHERE last_fen IS NULL OR last_fen <> amount_fen OR last_version_id IS DISTINCT FROM version_id;
ANALYZE differing;

CREATE TEMP TABLE difference ON COMMIT DROP AS
WITH compared AS (
    SELECT line.*, account.last4, account.number_index, old.last4 AS old_last4, old.number_index AS old_number
    FROM differing AS line
    LEFT JOIN account ON account.account_id = line.account_id
    LEFT JOIN registry_cardaccountversion AS old ON old.county = %(county)s AND old.id = line.last_version_id
), phones AS (
    SELECT holder.phone_index, count(*) AS holders
    FROM (SELECT DISTINCT phone_index FROM person WHERE phone_index IS NOT NULL) AS seen
    JOIN registry_person AS holder ON holder.county = %(county)s AND holder.phone_index = seen.phone_index
    GROUP BY holder.phone_index
    HAVING count(*) > (SELECT phone_shared_by FROM programme)
), last AS (  -- what this unit paid last period
    SELECT DISTINCT ON (earlier.obligee_id, earlier.object_key) earlier.obligee_id, earlier.object_key, earlier.period,
        earlier.amount_fen, earlier.line_id, earlier.account_version_id
    FROM own_period
    JOIN submission_batch AS batch ON batch.county = %(county)s AND batch.unit_no = %(unit_no)s
        AND batch.period = own_period.period AND batch.id <> %(batch_id)s
    JOIN payout_payment AS earlier ON earlier.batch_id = batch.id AND earlier.state IN ('SENT', 'UNKNOWN', 'PAID')
    WHERE own_period.is_last AND %(is_whole)s
      AND earlier.programme_code = (SELECT programme_code FROM programme)
    ORDER BY earlier.obligee_id, earlier.object_key, earlier.period DESC
), gone AS (
    SELECT last.object_key, last.period, last.amount_fen, typed.beneficiary_name, old.last4
    FROM last
    LEFT JOIN line ON line.obligee_id = last.obligee_id AND line.object_key = last.object_key
    LEFT JOIN registry_cardaccountversion AS old ON old.id = last.account_version_id
    JOIN submission_line AS typed ON typed.id = last.line_id
    WHERE line.line_id IS NULL AND NOT EXISTS (
        SELECT FROM payout_payment AS again
        WHERE again.county = %(county)s AND again.programme_code = (SELECT programme_code FROM programme)
          AND again.period = (SELECT period FROM programme) AND again.obligee_id = last.obligee_id AND again.object_key = last.object_key
          AND again.state IN ('SENT', 'UNKNOWN', 'PAID'))
      AND NOT EXISTS (  -- passed in another batch that is on its way to the bank
        SELECT FROM submission_batch AS beside
        JOIN validation_lineverdict AS verdict ON verdict.batch_id = beside.id AND verdict.passed
            AND verdict.obligee_id = last.obligee_id
        JOIN submission_line AS other ON other.id = verdict.line_id AND other.object_key = last.object_key
        WHERE beside.county = %(county)s AND beside.status = 'VALIDATED' AND beside.id <> %(batch_id)s
          AND beside.period = (SELECT period FROM programme)
          AND other.programme_code = (SELECT programme_code FROM programme))
), changes AS (
    SELECT line_id, row_no, 'NEW' AS kind, beneficiary_name, object_key, '' AS last_period, NULL::bigint AS before_fen,
        amount_fen AS now_fen, '' AS before_last4, coalesce(last4, '') AS now_last4, NULL::bigint AS shared_by
    FROM compared
    WHERE obligee_id IS NOT NULL AND last_fen IS NULL AND EXISTS (SELECT FROM own_period WHERE is_last)
    UNION ALL
    SELECT line_id, row_no, 'AMOUNT', beneficiary_name, object_key, last_period, last_fen, amount_fen, '', '', NULL
    FROM compared WHERE last_fen <> amount_fen
    UNION ALL
    SELECT line_id, row_no, 'ACCOUNT', beneficiary_name, object_key, last_period, NULL, NULL, old_last4, coalesce(last4, ''), NULL
    FROM compared WHERE old_number IS NOT NULL AND number_index IS DISTINCT FROM old_number
    UNION ALL
    SELECT line.line_id, line.row_no, 'SHARED_ACCOUNT', line.beneficiary_name, line.object_key, '', NULL, NULL, '',
        coalesce(account.last4, ''), account.other_holders + 1
    FROM account JOIN line ON line.account_id = account.account_id WHERE account.other_holders > 0
    UNION ALL
    SELECT line.line_id, line.row_no, 'SHARED_PHONE', line.beneficiary_name, line.object_key, '', NULL, NULL, '', '', phones.holders
    FROM line JOIN person ON person.person_id = line.beneficiary_id JOIN phones ON phones.phone_index = person.phone_index
    WHERE EXISTS (SELECT FROM programme WHERE phone_shared_by > 0)
    UNION ALL
    SELECT NULL, NULL, 'GONE', gone.beneficiary_name, gone.object_key, gone.period, gone.amount_fen, NULL, gone.last4, '', NULL
    FROM gone
)
SELECT line_id, row_no, kind, beneficiary_name AS name, object_key, last_period, before_fen, now_fen, before_last4,
    now_last4, shared_by
FROM changes
