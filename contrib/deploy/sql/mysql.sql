CREATE TABLE licensechain_hooks_entry (
    id BIGINT NOT NULL AUTO_INCREMENT,
    endpoint VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    variant VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_type VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_timestamp DATETIME(6) NOT NULL,
    received_at DATETIME(6) NOT NULL,
    state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at DATETIME(6),
    lease_token VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    license_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    ordering_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    headers TEXT CHARACTER SET utf8mb4 NOT NULL,
    raw_body LONGBLOB,
    error_code VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    error TEXT CHARACTER SET utf8mb4 NOT NULL,
    done_at DATETIME(6),
    purged_at DATETIME(6),
    PRIMARY KEY (id),
    CONSTRAINT licensechain_hooks_entry_event UNIQUE (endpoint, event_id, variant)
);

CREATE INDEX licensechain_hooks_entry_due ON licensechain_hooks_entry (next_attempt_at, id);

CREATE INDEX licensechain_hooks_entry_license ON licensechain_hooks_entry (license_id, id);

CREATE INDEX licensechain_hooks_entry_order ON licensechain_hooks_entry (endpoint, ordering_key, id);

CREATE INDEX licensechain_hooks_entry_received ON licensechain_hooks_entry (received_at);

CREATE INDEX licensechain_hooks_entry_state ON licensechain_hooks_entry (state, id);

CREATE INDEX licensechain_hooks_entry_type ON licensechain_hooks_entry (event_type, received_at);

CREATE TABLE licensechain_hooks_handler_run (
    entry_id BIGINT NOT NULL,
    handler VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    attempts INTEGER NOT NULL,
    done_at DATETIME(6),
    PRIMARY KEY (entry_id, handler),
    FOREIGN KEY(entry_id) REFERENCES licensechain_hooks_entry (id)
);

CREATE TABLE licensechain_hooks_newest (
    endpoint VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    license_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    handler VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    event_timestamp DATETIME(6) NOT NULL,
    PRIMARY KEY (endpoint, license_id, handler)
);

CREATE TABLE licensechain_hooks_schema (version INTEGER NOT NULL);

INSERT INTO licensechain_hooks_schema (version) VALUES (2);

