-- A county of made-up people and ten years of payments, from the staged table bench_person.
-- Run by the administrator in a home that holds nothing else: row triggers rest, order is kept so
-- that every index only grows at its end. Ids: person, account and version n + 1; household h + 1.
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
ALTER TABLE registry_person DROP CONSTRAINT one_person_per_id_number;
DROP INDEX account_by_number, roster_by_person, person_by_name;

INSERT INTO registry_household (id, county, unit_no, number, head_id, is_sample)
SELECT n / 3 + 1, '{county}', village.unit_no, 'H' || n / 3, n + 1, true
FROM bench_person JOIN bench_village AS village ON village.place = n / 3 % (SELECT count(*) FROM bench_village)
WHERE n % 3 = 0 ORDER BY n;

INSERT INTO registry_person (id, county, unit_no, id_cipher, id_index, id_masked, name, name_key, is_male,
    birth_on, household_id, relation_to_head, village_group, phone_masked, is_sample, entered_by, entered_at)
SELECT n + 1, '{county}', household.unit_no, '\x00', id_index, id_masked, name, name, is_male, birth_on,
    household.id, CASE n % 3 WHEN 0 THEN '本人' ELSE '家属' END, '1组', '', true, 'bench', now()
FROM bench_person JOIN registry_household AS household ON household.id = n / 3 + 1 ORDER BY n;

INSERT INTO registry_cardaccount (id, county, unit_no, person_id, is_active, current_id)
SELECT id, county, unit_no, id, true, id FROM registry_person ORDER BY id;

INSERT INTO registry_cardaccountversion (id, county, unit_no, account_id, number_cipher, number_index, last4,
    kind, bank_no, bank_name, account_name, account_name_key, reason, entered_by, confirmed_by, entered_at)
SELECT person.id, person.county, person.unit_no, person.id, '\x00', staged.account_index, staged.last4,
    'CARD', 1 + staged.n / 3 % 8, '样例银行', person.name, person.name_key, '采集', 'bench', 'bench2',
    now() - interval '400 days'
FROM bench_person AS staged JOIN registry_person AS person ON person.id = staged.n + 1 ORDER BY staged.n;

INSERT INTO registry_accountverification (county, unit_no, version_id, bank_no, outcome, reason_code,
    account_status, account_class, verified_at, valid_until)
SELECT county, unit_no, id, bank_no, 'MATCH', '', '正常', 'I', now(), current_date + 3650
FROM registry_cardaccountversion WHERE (id - 1) % 3 = 0 ORDER BY id;

INSERT INTO registry_rosterload (id, county, kind, as_of, rows, file_name, sm3, loaded_by, loaded_at)
SELECT 1, '{county}', 'deceased', current_date, count(*), '样例.xlsx', '\x00', 'bench', now()
FROM bench_person WHERE n % 3 = 1 AND n % 30 < 21 OR n % 1500 = 0;
INSERT INTO registry_rosterentry (load_id, county, kind, id_index, name, since, grade, object_key)
SELECT 1, '{county}', 'deceased', id_index, name, DATE '2025-06-01', '', ''
FROM bench_person WHERE n % 3 = 1 AND n % 30 < 21 OR n % 1500 = 0 ORDER BY n;

INSERT INTO submission_batch (id, county, unit_no, department_no, number, programme_id, period, title, status,
    redraft_reason, made_by, made_at)
SELECT year - {first_year} + 1, '{county}', 1, programme.department_no, 'BENCH' || year, programme.id,
    year || '-12', year || '年', 'CLOSED', '', 'bench', now()
FROM generate_series({first_year}, {last_year}) AS year
JOIN catalogue_programme AS programme ON programme.county = '{county}' AND programme.code = '{programme}';
INSERT INTO payout_bankshare (id, county, unit_no, department_no, bank_no, batch_id, batch_no, state, reason, fence)
SELECT id, county, unit_no, department_no, 1, id, 'BENCH' || id, 'DONE', '', 0 FROM submission_batch;

INSERT INTO submission_line (id, county, unit_no, department_no, batch_id, row_no, programme_code, period,
    head_name, head_index, payee_name, payee_index, beneficiary_name, beneficiary_index, id_masked,
    account_index, account_last4, object_key, grade, standard, quantity, months, amount_fen, village,
    village_group, remark, faults, entered_by, digest)
SELECT (batch.id - 1) * {households}::bigint + staged.n / 3 + 1, batch.county, 1, batch.department_no, batch.id,
    staged.n / 3 + 2, '{programme}', batch.period, staged.name, staged.id_index, staged.name, staged.id_index,
    staged.name, staged.id_index, staged.id_masked, staged.account_index, staged.last4, 'D' || staged.n / 3, '',
    73.6, staged.mu, NULL, round(staged.mu * 7360), '样例村', '1组', '', '[]', 'bench',
    sha256(int8send(staged.n::bigint * 100 + batch.id))
FROM submission_batch AS batch CROSS JOIN bench_person AS staged WHERE staged.n % 3 = 0
ORDER BY batch.id, staged.n;

INSERT INTO validation_lineverdict (county, unit_no, department_no, batch_id, line_id, payee_id, beneficiary_id,
    household_id, account_id, account_version_id, bank_no, obligee_id, passed, worst, at)
SELECT county, unit_no, department_no, batch_id, id, person, person, household, person, person, 1, household,
    true, '', now()
FROM (SELECT *, (id - 1) % {households} + 1 AS household, (id - 1) % {households} * 3 + 1 AS person
      FROM submission_line) AS line ORDER BY id;

INSERT INTO payout_payment (county, unit_no, department_no, bank_no, batch_id, share_id, line_id, detail_id, seq,
    programme_code, period, obligee_id, beneficiary_id, object_key, grade, quantity, attempt, amount_fen,
    account_version_id, state)
SELECT county, unit_no, department_no, 1, batch_id, batch_id, id, 'B' || lpad(id::text, 12, '0'),
    row_no, programme_code, period, (id - 1) % {households} + 1, (id - 1) % {households} * 3 + 1, object_key,
    grade, quantity, 1, amount_fen,
    (id - 1) % {households} * 3 + 1, 'PAID'
FROM submission_line ORDER BY id;

ALTER TABLE registry_person ADD CONSTRAINT one_person_per_id_number UNIQUE (county, id_index);
CREATE INDEX account_by_number ON registry_cardaccountversion (county, number_index);
CREATE INDEX roster_by_person ON registry_rosterentry (county, id_index, kind);
CREATE INDEX person_by_name ON registry_person (county, name_key);
SELECT setval(pg_get_serial_sequence(made, 'id'), 100000000) FROM unnest(ARRAY['registry_household',
    'registry_person', 'registry_cardaccount', 'registry_cardaccountversion', 'registry_rosterload',
    'submission_batch', 'submission_line', 'payout_bankshare']) AS made;
