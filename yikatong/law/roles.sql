-- Roles of the house (trust.md §2). Run once by an administrator; safe to run again.
-- The owner cannot log in; the logins own nothing; none is superuser or bypasses row security.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['ykt_owner', 'ykt_village', 'ykt_town', 'ykt_department',
        'ykt_finance', 'ykt_bank', 'ykt_audit', 'ykt_sysadmin', 'ykt_secadmin', 'ykt_auditadmin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', role_name);
        END IF;
        EXECUTE format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
    END LOOP;
    FOREACH role_name IN ARRAY ARRAY['ykt_web', 'ykt_worker', 'ykt_public', 'ykt_backup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', role_name);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role_name);
        EXECUTE format('ALTER ROLE %I SET lock_timeout = ''10s''', role_name);
    END LOOP;
END $$;
ALTER ROLE ykt_web SET statement_timeout = '60s';
ALTER ROLE ykt_public SET statement_timeout = '5s';
-- a web request becomes exactly one of these for its transaction; it inherits none of them
GRANT ykt_village, ykt_town, ykt_department, ykt_finance, ykt_bank, ykt_audit,
    ykt_sysadmin, ykt_secadmin, ykt_auditadmin TO ykt_web;
