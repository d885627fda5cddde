-- The shop's schema.
SET search_path = shop;

-- Everybody who has signed up.
CREATE TABLE IF NOT EXISTS shop.users (
    id serial PRIMARY KEY,
    "full name" text NOT NULL DEFAULT 'CREATE TABLE fake (x int);',
    joined timestamp
);

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_name ON shop.users (lower("full name"));

CREATE OR REPLACE VIEW active_users AS
SELECT u.id, count(*) AS orders
FROM shop.users u JOIN orders o ON o.user_id = u.id
GROUP BY u.id;

-- Counts a login; the body is plpgsql.
CREATE OR REPLACE FUNCTION shop.count_login(who integer) RETURNS integer AS $body$
DECLARE
    total integer;
BEGIN
    UPDATE users SET logins = logins + 1 WHERE id = who;
    IF total > 10 THEN
        RETURN CASE WHEN who = 1 THEN 1 ELSE 2 END;
    END IF;
    RETURN total;
END;
$body$ LANGUAGE plpgsql;

CREATE TRIGGER users_changed AFTER UPDATE ON shop.users
    FOR EACH ROW EXECUTE FUNCTION shop.count_login();

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');

BEGIN;
INSERT INTO mood_names VALUES ('sad', 1);
COMMIT;

/* SQL Server has no semicolons
   and ends its batches by GO. */
CREATE PROCEDURE [dbo].[GetUsers] @Id int AS
BEGIN
    SELECT * FROM users WHERE id = @Id;
    SELECT 1;
END
GO

DELIMITER //
CREATE DEFINER=`root`@`localhost` PROCEDURE refill(IN amount INT)
BEGIN
    DECLARE n INT;
    CASE amount
        WHEN 1 THEN SELECT 1;
        ELSE SELECT 2;
    END CASE;
    INSERT INTO stock VALUES (amount);
END //
DELIMITER ;

ALTER TABLE shop.users ADD COLUMN logins integer;

CREATE TABLE drafts AS SELECT * FROM shop.users;
