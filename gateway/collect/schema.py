"""The tables, as migrations: each is run once, in its order, in a transaction; what has been released is never changed."""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE things (
        id text PRIMARY KEY,
        version integer NOT NULL,
        type text NOT NULL,
        person text,
        gateway text,
        device text,
        taken timestamptz NOT NULL,
        quality text,
        retracted boolean NOT NULL,
        body jsonb NOT NULL,
        payload bytea NOT NULL,
        n bigint,
        key text,
        previous bytea,
        signature bytea,
        verified boolean NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX things_of_a_person ON things (person, type, taken);
    CREATE INDEX things_of_a_gateway ON things (gateway, n);
    COMMENT ON TABLE things IS 'The highest version of each thing.';
    COMMENT ON COLUMN things.payload IS 'What the gateway stored and signed, octet for octet; body is the same as JSON.';
    CREATE TABLE refused (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        why text NOT NULL,
        payload bytea NOT NULL,
        arrived_at timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE refused IS 'What came and was not taken: no thing, or not signed as it must be.';
    """,
)

STAGE = """
CREATE TEMPORARY TABLE stage (
    id text, version integer, type text, person text, gateway text, device text, taken timestamptz, quality text, retracted boolean,
    body jsonb, payload bytea, n bigint, key text, previous bytea, signature bytea, verified boolean
) ON COMMIT DELETE ROWS
"""
COPY = "COPY stage FROM STDIN"
UPSERT = """
INSERT INTO things (
    id, version, type, person, gateway, device, taken, quality, retracted, body, payload, n, key, previous, signature, verified
)
SELECT DISTINCT ON (id) * FROM stage ORDER BY id, version DESC
ON CONFLICT (id) DO UPDATE SET
    version = EXCLUDED.version, type = EXCLUDED.type, person = EXCLUDED.person, gateway = EXCLUDED.gateway, device = EXCLUDED.device,
    taken = EXCLUDED.taken, quality = EXCLUDED.quality, retracted = EXCLUDED.retracted, body = EXCLUDED.body, payload = EXCLUDED.payload,
    n = EXCLUDED.n, key = EXCLUDED.key, previous = EXCLUDED.previous, signature = EXCLUDED.signature, verified = EXCLUDED.verified,
    stored_at = now()
WHERE things.version < EXCLUDED.version
"""
"""In the order of the ids, so that workers never wait for each other in a circle."""
REFUSE = "INSERT INTO refused (why, payload) VALUES (%s, %s)"
