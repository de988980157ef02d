package admission

// Stalled has no source on this system; ok is false.
func Stalled() (share float64, ok bool) { return 0, false }
