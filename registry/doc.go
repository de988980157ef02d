// Package registry keeps peers on disk: the profile in each peer's folder,
// which is the truth, and peers-profiles.json, the projection of all profiles
// that other programs read.
//
// A [Registry] holds the projection in memory. Reading it costs no file access
// and no lock; [Registry.Refresh] stats one profile, for a peer that is about
// to be used, and [Registry.Watch] follows the registry file and the profiles
// of live peers by file events.
//
// Invariants:
//   - The profile wins. A difference between profile and record changes the
//     record, never the profile.
//   - One bad record harms only itself. It stays in the file byte for byte,
//     its peer is set aside with a reason ([Registry.Problems]), all others
//     work. The same holds for a profile that cannot be read.
//   - What we do not know is not ours: unknown keys of profiles, records and of
//     the registry file survive byte for byte, and a profile keeps its own
//     formatting where nothing changed. Repeating a change changes nothing.
//   - A file is replaced whole and durable (temporary file, fsync, rename), by
//     one writer at a time: locks are folders, as the TypeScript program takes
//     them, with an flock in addition between our own processes.
//
// The package starts no session and decides no policy. To add a field to the
// profile, add it to iapeer.Settings, read it in settings and write it in
// profileEdit.apply.
package registry
