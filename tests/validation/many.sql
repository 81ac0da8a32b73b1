-- A registry against which a short list must be looked up: made-up people, cards, rosters, payments.
INSERT INTO registry_person (county, unit_no, id_cipher, id_index, id_masked, name, name_key, is_male,
    birth_on, village_group, phone_masked, is_sample, entered_by, entered_at, relation_to_head)
SELECT one.county, one.unit_no, '\x00', sha256(int4send(n)), '', '样例', '样例', true, one.birth_on, '', '',
    true, 'test', now(), ''
FROM generate_series(1, {people}) AS n, (SELECT * FROM registry_person WHERE county = '{county}' LIMIT 1) AS one;
SET session_replication_role = replica;
INSERT INTO registry_cardaccount (county, unit_no, person_id, is_active)
SELECT county, unit_no, id, true FROM registry_person WHERE entered_by = 'test';
INSERT INTO registry_cardaccountversion (county, unit_no, account_id, number_cipher, number_index, last4, kind,
    bank_no, bank_name, account_name, account_name_key, reason, entered_by, confirmed_by, entered_at)
SELECT account.county, account.unit_no, account.id, '\x00', sha256(int8send(account.id)), '0000', 'CARD', 1, '样例',
    '样例', '样例', '采集', 'test', 'test2', now() - interval '400 days'
FROM registry_cardaccount AS account JOIN registry_person AS person ON person.id = account.person_id
WHERE person.entered_by = 'test';
UPDATE registry_cardaccount AS account SET current_id = version.id FROM registry_cardaccountversion AS version
WHERE version.account_id = account.id AND version.entered_by = 'test';
INSERT INTO registry_rosterentry (load_id, county, kind, id_index, name, since, grade, object_key)
SELECT one.load_id, one.county, one.kind, sha256(int4send(n)), '样例', one.since, '', ''
FROM generate_series(1, {people}) AS n, (SELECT * FROM registry_rosterentry WHERE county = '{county}' LIMIT 1) AS one;
INSERT INTO payout_payment (county, unit_no, department_no, bank_no, batch_id, share_id, line_id, detail_id, seq,
    programme_code, period, obligee_id, beneficiary_id, object_key, grade, quantity, amount_fen, attempt,
    account_version_id, state)
SELECT one.county, one.unit_no, one.department_no, one.bank_no, one.batch_id, one.share_id, -person.id,
    'T' || person.id, 1, one.programme_code, one.period, person.id, person.id, 'K' || person.id, '', 1, 100, 1,
    one.account_version_id, 'PAID'
FROM registry_person AS person, (SELECT * FROM payout_payment WHERE county = '{county}' LIMIT 1) AS one
WHERE person.entered_by = 'test';
