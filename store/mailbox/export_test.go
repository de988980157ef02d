package mailbox

import (
	"context"

	"github.com/iapeer/iapeer/store"
)

// Schema1 is the schema of the first version alone.
var Schema1 = store.Migrations{Package: "mailbox", Steps: []string{schema1}}

// OpenSmall is Open with other measures: eras of 1<<eraBits messages, and
// folding after so many words.
func OpenSmall(ctx context.Context, db *store.DB, eraBits, foldAfter int) (*Box, error) {
	return openBox(ctx, db, eraBits, foldAfter)
}

// Tail returns how many words are in memory only.
func (b *Box) Tail() int { return b.finder.waiting() }

// Eras returns the eras that have a filter.
func (b *Box) Eras() []int64 { return b.finder.list() }
