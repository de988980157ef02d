package mailbox

import "github.com/iapeer/iapeer/store"

// Migrations is the schema of the messages, for [store.Open].
//
// A message is one row that is written once, with its body when that is short
// ([inlineBytes]); a longer one is in bodies. What changes later is its last
// step: recording a change writes that line of history and nothing else, so
// the columns state, open, attempts and steps of messages are those of files
// that an earlier version wrote, and are not read. cut and expires hold until
// a step says otherwise.
//
// Nothing on the way of an append is ordered by a random value: ids and keys
// are found through the tables of the [finder], which are written behind the
// commit, and open messages through the [ledger], whose older ones are listed
// in lingering.
func Migrations() store.Migrations {
	return store.Migrations{Package: "mailbox", Steps: []string{schema1, schema2}}
}

// inlineBytes is the longest body, with its attachments, that is kept in the
// message's own row. A longer one would leave the page half empty or need
// pages of its own anyway.
const inlineBytes = 2048

const schema1 = `
CREATE TABLE messages (
	seq          INTEGER PRIMARY KEY,
	id           TEXT NOT NULL,
	from_rt      TEXT NOT NULL,
	from_name    TEXT NOT NULL,
	from_nature  TEXT NOT NULL,
	to_rt        TEXT NOT NULL,
	to_name      TEXT NOT NULL,
	topic        TEXT NOT NULL,
	conversation TEXT NOT NULL,
	hops         INTEGER NOT NULL,
	proof        TEXT NOT NULL,
	caused       TEXT NOT NULL,
	key          TEXT NOT NULL,
	sent         INTEGER NOT NULL,
	accepted     INTEGER NOT NULL,
	expires      INTEGER NOT NULL,
	first        TEXT NOT NULL,
	state        TEXT NOT NULL,
	open         INTEGER NOT NULL,
	attempts     INTEGER NOT NULL,
	cut          INTEGER NOT NULL,
	steps        INTEGER NOT NULL,
	size         INTEGER NOT NULL
);
CREATE UNIQUE INDEX message_id ON messages (id);
CREATE UNIQUE INDEX message_key ON messages (key, from_name, from_rt, proof) WHERE key <> '';
CREATE INDEX message_open ON messages (to_name, to_rt) WHERE open = 1;
CREATE TABLE bodies (
	seq         INTEGER PRIMARY KEY,
	body        TEXT NOT NULL,
	attachments TEXT
);
CREATE TABLE answers (
	seq  INTEGER PRIMARY KEY,
	text TEXT NOT NULL
);
CREATE TABLE steps (
	seq     INTEGER NOT NULL,
	n       INTEGER NOT NULL,
	change  TEXT NOT NULL,
	state   TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	source  TEXT NOT NULL,
	detail  TEXT NOT NULL,
	session TEXT NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (seq, n)
) WITHOUT ROWID;
`

// schema2 moves no row, so it is quick for a file of any size; [Open] then
// fills the finder.
const schema2 = `
ALTER TABLE messages ADD COLUMN body TEXT;
ALTER TABLE messages ADD COLUMN attachments TEXT;
ALTER TABLE steps ADD COLUMN cut INTEGER;
ALTER TABLE steps ADD COLUMN expires INTEGER;
DROP INDEX message_id;
DROP INDEX message_key;
DROP INDEX message_open;
CREATE INDEX step_ended ON steps (state, seq) WHERE state IN ('failed', 'expired', 'cancelled');
CREATE TABLE finder (
	era  INTEGER NOT NULL,
	word INTEGER NOT NULL,
	nth  INTEGER NOT NULL,
	PRIMARY KEY (era, word, nth)
) WITHOUT ROWID;
CREATE TABLE filters (
	era  INTEGER PRIMARY KEY,
	bits BLOB NOT NULL
);
CREATE TABLE lingering (
	seq INTEGER PRIMARY KEY
);
CREATE TABLE horizon (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	seq INTEGER NOT NULL
);
INSERT INTO horizon VALUES (1, 0);
`

// lastStep joins the step that says how a message stands, if there is one.
const lastStep = `LEFT JOIN steps s ON s.seq = m.seq AND s.n = (SELECT max(n) FROM steps WHERE seq = m.seq) `

// stateNow is a message's state where [lastStep] is joined.
const stateNow = `coalesce(s.state, m.first)`

// withBody joins the body that does not stand in the message's row.
const withBody = `LEFT JOIN bodies b ON m.body IS NULL AND b.seq = m.seq `

// columns is what [scan] reads.
const columns = `SELECT m.seq, id, from_rt, from_name, from_nature, to_rt, to_name, topic, conversation, hops, proof, caused,
	key, sent, accepted, coalesce(s.expires, m.expires), ` + stateNow + `, coalesce(s.attempt, 0), coalesce(s.cut, m.cut), first, coalesce(s.n, 0),
	coalesce(m.body, b.body), coalesce(m.attachments, b.attachments), a.text
	FROM messages m ` + lastStep + withBody + `LEFT JOIN answers a ON a.seq = m.seq `

const insertMessage = `INSERT INTO messages (seq, id, from_rt, from_name, from_nature, to_rt, to_name, topic, conversation, hops,
	proof, caused, key, sent, accepted, expires, first, state, open, attempts, cut, steps, size, body, attachments)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 1, 0, 0, 0, ?, ?, ?)`

const insertBody = `INSERT INTO bodies (seq, body, attachments) VALUES (?, ?, ?)`

const insertStep = `INSERT INTO steps (seq, n, change, state, attempt, source, detail, session, at, cut, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const upsertAnswer = `INSERT INTO answers (seq, text) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET text = excluded.text`
