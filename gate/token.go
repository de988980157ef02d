package gate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/iapeer/iapeer"
)

// PublicStub is the value that older programs put into IAPEER_BEARER. It is no
// secret and proves nothing; the gate ignores it.
const PublicStub = "iapeer-localhost-open-no-secret"

// TokenGrace is how long a session's token outlives the session: its last
// hooks may still be on their way.
const TokenGrace = 30 * time.Second

// tokenBytes is the entropy of a token: 192 bits, so that no hash of it needs
// a salt.
const tokenBytes = 24

// A TokenHash is what is kept of a token: its SHA-256.
type TokenHash [sha256.Size]byte

// NewToken returns a fresh secret for one session, and its hash. The secret
// goes into the session's environment and nowhere else.
func NewToken() (token string, hash TokenHash) {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, HashToken(token)
}

// HashToken returns the hash of a token.
func HashToken(token string) TokenHash { return sha256.Sum256([]byte(token)) }

// String returns the hash in hexadecimal, the form in which it is stored.
func (h TokenHash) String() string { return hex.EncodeToString(h[:]) }

// ParseTokenHash reads what [TokenHash.String] wrote.
func ParseTokenHash(s string) (TokenHash, error) {
	var h TokenHash
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("token hash %.8q…: want %d hexadecimal digits", s, 2*len(h))
	}
	copy(h[:], b)
	return h, nil
}

// TokenFacts are what a token proves.
type TokenFacts struct {
	Identity   iapeer.Identity
	Generation int64 // of the session it was minted for
	Natural    bool  // the router of a natural peer: what it says carries a person's proof
}

// Tokens finds what a token proves.
type Tokens interface {
	// Lookup returns the facts of a token that is valid now.
	Lookup(h TokenHash) (TokenFacts, bool)
}

// A Table is the daemon's token table in memory. Its zero value is empty and
// ready; all methods are safe for concurrent use. After a restart the daemon
// fills it again with the hashes of the sessions it adopts.
type Table struct {
	mu     sync.RWMutex
	tokens map[TokenHash]entry
}

type entry struct {
	facts TokenFacts
	until time.Time // zero: valid until End
}

var _ Tokens = (*Table)(nil)

// Add makes a token valid.
func (t *Table) Add(h TokenHash, f TokenFacts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tokens == nil {
		t.tokens = map[TokenHash]entry{}
	}
	now := time.Now()
	for k, e := range t.tokens {
		if e.over(now) {
			delete(t.tokens, k)
		}
	}
	t.tokens[h] = entry{facts: f}
}

// End tells that the token's session ended: the token stays valid for
// [TokenGrace].
func (t *Table) End(h TokenHash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.tokens[h]; ok && e.until.IsZero() {
		e.until = time.Now().Add(TokenGrace)
		t.tokens[h] = e
	}
}

// Lookup implements [Tokens].
func (t *Table) Lookup(h TokenHash) (TokenFacts, bool) {
	t.mu.RLock()
	e, ok := t.tokens[h]
	t.mu.RUnlock()
	if !ok || e.over(time.Now()) {
		return TokenFacts{}, false
	}
	return e.facts, true
}

func (e entry) over(now time.Time) bool { return !e.until.IsZero() && !now.Before(e.until) }
