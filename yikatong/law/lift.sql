-- Before migrations: views, triggers and policies let go of the columns that they name. Row security
-- stays on, so that without a policy only the owner, who migrates, meets any row. What is another's, an
-- administrator's view say, is left alone.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT polname AS name, polrelid::regclass AS of_table FROM pg_policy
               JOIN pg_class ON pg_class.oid = polrelid WHERE relnamespace = 'public'::regnamespace AND relowner = current_user::regrole LOOP
        EXECUTE format('DROP POLICY %I ON %s', one.name, one.of_table);
    END LOOP;
    FOR one IN SELECT oid::regclass AS of_table FROM pg_class
               WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relforcerowsecurity
                   AND relowner = current_user::regrole LOOP
        EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', one.of_table);
    END LOOP;
    FOR one IN SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
                   AND relowner = current_user::regrole LOOP
        EXECUTE format('DROP VIEW IF EXISTS %I CASCADE', one.name);
    END LOOP;
    -- the queue's own triggers are no law of ours
    FOR one IN SELECT tgname AS name, tgrelid::regclass AS of_table FROM pg_trigger
               JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
               WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal
                   AND proname NOT LIKE 'procrastinate%' AND relowner = current_user::regrole LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.name, one.of_table);
    END LOOP;
END $$;
