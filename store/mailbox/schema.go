package mailbox

import "github.com/iapeer/iapeer/store"

// Migrations is the schema of the messages, for [store.Open].
//
// What changes (state, attempts) is kept apart from what is large and never
// changes (body), so that recording a change rewrites a short row. The index
// of open messages holds only those, so it stays small whatever is kept.
func Migrations() store.Migrations {
	return store.Migrations{Package: "mailbox", Steps: []string{schema1}}
}

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

// columns is what [scan] reads.
const columns = `SELECT m.seq, id, from_rt, from_name, from_nature, to_rt, to_name, topic, conversation, hops, proof, caused,
	key, sent, accepted, expires, state, attempts, cut, first, steps, body, attachments, a.text
	FROM messages m JOIN bodies b ON b.seq = m.seq LEFT JOIN answers a ON a.seq = m.seq `

const insertMessage = `INSERT INTO messages (seq, id, from_rt, from_name, from_nature, to_rt, to_name, topic, conversation, hops,
	proof, caused, key, sent, accepted, expires, first, state, open, attempts, cut, steps, size)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, 0, 0, ?)`

const insertBody = `INSERT INTO bodies (seq, body, attachments) VALUES (?, ?, ?)`

const updateMessage = `UPDATE messages SET state = ?, open = ?, attempts = ?, cut = ?, expires = ?, steps = steps + 1 WHERE seq = ?`

const insertStep = `INSERT INTO steps (seq, n, change, state, attempt, source, detail, session, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

const upsertAnswer = `INSERT INTO answers (seq, text) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET text = excluded.text`
