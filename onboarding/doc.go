// Package onboarding makes, changes, checks and removes peers: look → plan →
// apply.
//
// Look gathers facts and changes nothing: markers, installed programs (found as
// files, never executed: a wedged program would hang us), the profile, the
// registry, what git tracks. A plan follows from the facts alone. It is a list
// of steps, and each step that edits a file is a pure planner, bytes in and
// bytes out. Applying runs the steps twice: first dry, so that whatever is
// wrong is said before anything is written, then for real, one file at a time.
//
// Invariants:
//   - The package is a guest in other people's files. It changes one named key
//     at a time, keeps order, formatting and comments, and writes nothing at
//     all when nothing would change.
//   - Every write outside the root is recorded in footprint.json before it is
//     made, so that Remove can take it back as far as it is still ours.
//   - In a git work tree no tracked file and no line of git status changes.
//   - A file that cannot be read as what it should be is never overwritten:
//     it is kept aside, or left alone with a warning.
//   - DryRun reports what a real run would report and writes nothing.
//
// Subpackages: edit changes one thing in somebody else's file, disk reads and
// replaces files, repo asks git and makes work trees.
//
// The package never starts or asks a runtime, never signs in for a person and
// never deletes a peer's folder. Whether a caller may onboard at all is decided
// before, by the gate.
//
// To teach it one more file: write a planner, add its step to
// (*plan).steps, and a way back to takeBack if the kind of trace is new.
package onboarding
