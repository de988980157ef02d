package iapeer

// A Nature says what kind of being a peer is.
type Nature string

// The natures.
const (
	Artificial Nature = "artificial" // an agent
	Natural    Nature = "natural"    // a person
	Absent     Nature = "absent"     // a service without a mind
)
