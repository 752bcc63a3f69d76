-- SPDX-License-Identifier: Apache-2.0
-- provlog.db, version 1. What each table is for: schema/README.md.
--
-- A row of a log is keyed by one integer, id = log_id << 44 | idx (store/sql.h, pl_row_id): the
-- b-tree then appends, and no second index over (log_id, idx) is kept. 2^44 entries a log.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    log_id        INTEGER PRIMARY KEY CHECK (log_id BETWEEN 1 AND 524287),
    tree_id       INTEGER NOT NULL,
    origin        TEXT NOT NULL,
    key_spki      BLOB NOT NULL,
    created       INTEGER NOT NULL,
    restored_size INTEGER CHECK (restored_size >= 0)
) STRICT;

CREATE TABLE leaf (
    id     INTEGER PRIMARY KEY,
    log_id INTEGER NOT NULL CHECK (log_id = id >> 44),
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    nodes  BLOB NOT NULL CHECK (length(nodes) % 32 = 0)
) STRICT;
CREATE UNIQUE INDEX leaf_hash ON leaf (log_id, hash);

CREATE TABLE entry (
    id   INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL CHECK (length(body) <= 65535),
    keys BLOB NOT NULL
) STRICT;

CREATE TABLE payload (
    id      INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
) STRICT;

CREATE TABLE checkpoint (
    id   INTEGER PRIMARY KEY,
    root BLOB NOT NULL CHECK (length(root) = 32),
    note BLOB NOT NULL
) STRICT;

CREATE TABLE promise (
    id  INTEGER PRIMARY KEY,
    set_bytes BLOB NOT NULL
) STRICT;
