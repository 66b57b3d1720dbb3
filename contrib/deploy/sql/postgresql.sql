CREATE TABLE licensechain_hooks_entry (
    id BIGSERIAL NOT NULL,
    endpoint VARCHAR(100) NOT NULL,
    event_id VARCHAR(255) NOT NULL,
    variant VARCHAR(64) NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    event_timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    lease_token VARCHAR(32),
    license_id VARCHAR(255),
    ordering_key VARCHAR(255),
    headers TEXT NOT NULL,
    raw_body BYTEA,
    error_code VARCHAR(255) NOT NULL,
    error TEXT NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    purged_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT licensechain_hooks_entry_event UNIQUE (endpoint, event_id, variant)
);

CREATE INDEX licensechain_hooks_entry_due ON licensechain_hooks_entry (next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;

CREATE INDEX licensechain_hooks_entry_license ON licensechain_hooks_entry (license_id, id) WHERE license_id IS NOT NULL;

CREATE INDEX licensechain_hooks_entry_order ON licensechain_hooks_entry (endpoint, ordering_key, id) WHERE ordering_key IS NOT NULL AND next_attempt_at IS NOT NULL;

CREATE INDEX licensechain_hooks_entry_received ON licensechain_hooks_entry (received_at);

CREATE INDEX licensechain_hooks_entry_state ON licensechain_hooks_entry (state, id) WHERE NOT (state = 'received') AND NOT (state = 'processing') AND NOT (state = 'processed');

CREATE INDEX licensechain_hooks_entry_type ON licensechain_hooks_entry (event_type, received_at);

CREATE TABLE licensechain_hooks_handler_run (
    entry_id BIGINT NOT NULL,
    handler VARCHAR(255) NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempts INTEGER NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (entry_id, handler),
    FOREIGN KEY(entry_id) REFERENCES licensechain_hooks_entry (id)
);

CREATE TABLE licensechain_hooks_newest (
    endpoint VARCHAR(100) NOT NULL,
    license_id VARCHAR(255) NOT NULL,
    handler VARCHAR(255) NOT NULL,
    event_timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (endpoint, license_id, handler)
);

CREATE TABLE licensechain_hooks_schema (version INTEGER NOT NULL);

INSERT INTO licensechain_hooks_schema (version) VALUES (2);

