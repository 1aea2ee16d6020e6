-- The catalog: derived from ledger and message files, never the truth.
-- A hash is kept as its first 64 bits, which are indexed, and the rest.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- By this the index of words knows the catalog whose ids it uses.
INSERT INTO meta VALUES ('made', hex(randomblob(8)));

-- A maildrop, or one epoch of an IMAP mailbox.
CREATE TABLE origin (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    server TEXT NOT NULL,
    dir TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,
    UNIQUE (account, server, dir, uidvalidity)
);

-- A directory of the vault that holds messages, and what they come to.
CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    dir TEXT NOT NULL,
    name BLOB,
    delim INTEGER,
    uidvalidity INTEGER,
    sum_messages INTEGER NOT NULL DEFAULT 0,
    sum_octets INTEGER NOT NULL DEFAULT 0,
    sum_stored INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, dir)
);

-- Distinct contents. wire is null where it equals size.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    h64 INTEGER NOT NULL,
    hrest BLOB NOT NULL,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    wire INTEGER,
    stored INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    -- The line of the ledger that had it first, by its seq.
    line INTEGER NOT NULL,
    lost INTEGER NOT NULL DEFAULT 0,
    -- 1 if the whole message came since under another content.
    superseded INTEGER NOT NULL DEFAULT 0,
    -- The earliest INTERNALDATE that a server had for it and that can be true.
    first_idate INTEGER,
    -- The one date of every view, sort and query.
    received_at INTEGER GENERATED ALWAYS AS (coalesce(first_idate, received)) VIRTUAL
);
CREATE INDEX blob_hash ON blob (h64);
-- The newest messages are found without a look at the others.
CREATE INDEX blob_received_at ON blob (received_at);
-- Nearly empty: lets the others be counted without reading them.
CREATE INDEX blob_lost ON blob (id) WHERE lost;

-- Which folder holds which content, and the first INTERNALDATE that the ledger has for it there.
CREATE TABLE place (
    folder INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    flags TEXT NOT NULL,
    idate INTEGER,
    PRIMARY KEY (folder, blob)
) WITHOUT ROWID;
CREATE INDEX place_blob ON place (blob);

-- Messages as a server names them, with the latest event for each. marks are the flags of
-- IMAP: letters, a blank, words. evidence is how the content is known to be the message's;
-- of a doubtful one, sessions counts those that brought it, since is the time of the first.
-- checked is when its header was last read on the server, asked what it was there if it is
-- not the one that was received. object, of the kind voucher, is what it has in common with
-- its copies in other mailboxes: 64 bits, taken as signed.
CREATE TABLE sighting (
    origin INTEGER NOT NULL,
    uid BLOB NOT NULL,
    octets INTEGER,
    state INTEGER NOT NULL,
    time INTEGER NOT NULL,
    blob INTEGER,
    header BLOB,
    got BLOB,
    marks TEXT,
    idate INTEGER,
    evidence INTEGER,
    sessions INTEGER NOT NULL DEFAULT 0,
    since INTEGER,
    checked INTEGER,
    asked BLOB,
    object INTEGER,
    voucher TEXT,
    PRIMARY KEY (origin, uid)
) WITHOUT ROWID;
CREATE INDEX sighting_blob ON sighting (blob) WHERE blob NOT NULL;
CREATE INDEX sighting_object ON sighting (object) WHERE object NOT NULL;

-- How many of them there are by state and evidence, -1 if there is none, and when one last came
-- to that, even if it is another now.
CREATE TABLE tally (
    origin INTEGER NOT NULL,
    state INTEGER NOT NULL,
    evidence INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (origin, state, evidence)
) WITHOUT ROWID;

-- The lines of the ledger, by their seq, that speak of a content after the first one.
CREATE TABLE mention (
    blob INTEGER NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (blob, line)
) WITHOUT ROWID;

-- Places in the ledger from which it can be read, far apart.
CREATE TABLE waypoint (
    seq INTEGER PRIMARY KEY,
    file TEXT NOT NULL,
    offset INTEGER NOT NULL,
    c TEXT NOT NULL
);

-- What happened besides the sessions. Lines of one kind that follow each other closely are one
-- row: messages counts them, began and time are those of the first and the last.
CREATE TABLE history (
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    detail TEXT NOT NULL,
    reason TEXT NOT NULL,
    began INTEGER NOT NULL,
    time INTEGER NOT NULL,
    -- The last of its lines, by its seq.
    line INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    -- 1 if it may have several lines.
    counted INTEGER NOT NULL
);
CREATE INDEX history_line ON history (line);
CREATE INDEX history_kind ON history (kind, account, detail, reason, time);

CREATE TABLE session (
    account TEXT NOT NULL,
    time INTEGER NOT NULL,
    proto TEXT NOT NULL,
    complete INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    new INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    result INTEGER NOT NULL,
    line INTEGER NOT NULL
);
CREATE INDEX session_account ON session (account, time);
CREATE INDEX session_line ON session (line);
-- Those that found something, or did not come to their end.
CREATE INDEX session_notable ON session (line)
    WHERE new > 0 OR duplicates > 0 OR refused > 0 OR result <> 0 OR NOT complete;
-- Accounts of which something vanished after their last session on record.
CREATE TABLE unfinished (account TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE learned (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;

CREATE TABLE goal (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    folder TEXT NOT NULL,
    UNIQUE (destination, folder)
);

CREATE TABLE uploaded (
    goal INTEGER NOT NULL,
    h64 INTEGER NOT NULL,
    hrest BLOB NOT NULL,
    uid INTEGER,
    time INTEGER NOT NULL,
    PRIMARY KEY (goal, h64, hrest)
) WITHOUT ROWID;

-- Intents of exports whose end is not known.
CREATE TABLE uploading (
    goal INTEGER NOT NULL,
    h64 INTEGER NOT NULL,
    hrest BLOB NOT NULL,
    PRIMARY KEY (goal, h64, hrest)
) WITHOUT ROWID;

-- Removals on purpose; holds is 0 once they were taken back. key tells the key of the tombstones
-- from others.
CREATE TABLE forget (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    reason TEXT NOT NULL,
    messages INTEGER NOT NULL,
    key BLOB NOT NULL,
    holds INTEGER NOT NULL
);

-- Keyed hashes of what must not be stored again.
CREATE TABLE tombstone (
    tag BLOB NOT NULL,
    forget INTEGER NOT NULL,
    PRIMARY KEY (tag, forget)
) WITHOUT ROWID;
CREATE INDEX tombstone_forget ON tombstone (forget);

-- A removal that has begun and is not decided, and the lines of the ledger that one which is
-- decided has yet to mask.
CREATE TABLE deciding (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    reason TEXT NOT NULL,
    messages INTEGER NOT NULL,
    key BLOB NOT NULL
);
CREATE TABLE deciding_tombstone (tag BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE masking (
    line INTEGER PRIMARY KEY,
    was BLOB NOT NULL,
    now BLOB NOT NULL
);

-- Holds that are open. Where query is null, it has not begun: a run was killed while it wrote the
-- contents.
CREATE TABLE hold (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    query TEXT,
    reason TEXT,
    time INTEGER NOT NULL,
    messages INTEGER NOT NULL
);

-- The contents that they covered when they began, whether or not these are still in blob.
CREATE TABLE held (
    h64 INTEGER NOT NULL,
    hrest BLOB NOT NULL,
    hold INTEGER NOT NULL,
    PRIMARY KEY (h64, hrest, hold)
) WITHOUT ROWID;

-- From here on derived from the message files.

-- A purge and an audit ask for it by content, for message after message.
CREATE TABLE likeness (
    blob INTEGER PRIMARY KEY,
    mid INTEGER NOT NULL,
    likeness BLOB NOT NULL
);
-- One index serves dedupe and the search for a Message-ID. Any number of messages may have the
-- same one: four bytes of the likeness tell them apart.
CREATE INDEX likeness_mid ON likeness (mid, substr(likeness, 1, 4));

CREATE TABLE envelope (
    blob INTEGER PRIMARY KEY,
    date INTEGER NOT NULL,
    sender TEXT NOT NULL,
    subject TEXT NOT NULL
);
