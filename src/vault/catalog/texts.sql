-- The index of words: derived from the message files when somebody searches. In a file of
-- its own, so that a pull neither waits for it nor writes it. Ids are the catalog's.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Contents in the order of their ids. Not read: missing or damaged.
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    h64 INTEGER NOT NULL,
    hrest BLOB NOT NULL,
    read INTEGER NOT NULL,
    attachment INTEGER NOT NULL DEFAULT 0,
    mid TEXT,
    recipients TEXT
);
CREATE INDEX message_unread ON message (id) WHERE NOT read;
CREATE INDEX message_attachment ON message (id) WHERE attachment;

-- Words as src/mail/words/ makes them. A long text is several rows, of which the id is the
-- upper part of the rowid.
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = '', columnsize = 0, tokenize = 'ascii'
);
