package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iapeer/iapeer"
)

// Onboarded writes what became of a peer and of each file, what it may do, and
// the next step.
func Onboarded(s Style, r iapeer.OnboardingReport) string {
	rows := [][2]string{}
	switch made := r.Verb == "init" || r.Verb == "create"; {
	case !made && len(r.Runtimes) > 0 && r.Verb != "remove" && r.Verb != "rename":
		rows = append([][2]string{{"runtime", runtimes(r)}}, fileRows(s, r)...)
	case !made:
		rows = append(rows, fileRows(s, r)...)
	default:
		rows = append(rows, [2]string{"runtime", runtimes(r)}, [2]string{"nature", string(r.Nature)}, [2]string{"folder", s.path(r.CWD) + created(r.Created)}, [2]string{"works in", s.path(r.Workdir)})
		rows = append(rows, fileRows(s, r)...)
		rows = append(rows, [2]string{"permissions", permissions(r)}, [2]string{"reaches", s.paths(r.Folders)}, [2]string{"prompt", prompt(r.Prompt)}, [2]string{"bootstrap", r.Bootstrap})
	}
	for _, text := range r.Warnings {
		rows = append(rows, [2]string{"! note", text})
	}
	rows = append(rows, [2]string{"next", r.Next})
	return headline(s, r) + "\n" + columns(rows)
}

func fileRows(s Style, r iapeer.OnboardingReport) (rows [][2]string) {
	for _, f := range r.Files {
		rows = append(rows, [2]string{f.What, fileLine(s, f)})
	}
	return rows
}

// columns writes keys and values in two columns, without empty values.
func columns(rows [][2]string) string {
	width := 0
	for _, r := range rows {
		if r[1] != "" {
			width = max(width, len(r[0]))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		if r[1] != "" {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, r[0], Safe(r[1]))
		}
	}
	return b.String()
}

func headline(s Style, r iapeer.OnboardingReport) string {
	switch name := s.Name(string(r.Name)); {
	case r.DryRun:
		return name + ": what would be done; nothing was changed"
	case r.Verb == "remove" && len(r.Files) > 0 && !slices.ContainsFunc(r.Files, func(f iapeer.FileChange) bool { return f.Action != "kept" }):
		return name + " is no peer; nothing was changed"
	case r.Verb == "remove":
		return name + " is removed; its folder stays"
	case r.Verb == "rename":
		return s.Name(string(r.OldName)) + " is called " + name + " now"
	case r.Action != "":
		return name + ": " + runtimeAction(r)
	case r.Created:
		return name + " is made"
	default:
		return name + " is ready"
	}
}

// runtimeAction says what a verb about runtimes came to.
func runtimeAction(r iapeer.OnboardingReport) string {
	switch r.Action {
	case "added":
		return "has one more runtime"
	case "flipped":
		return "wakes on " + string(r.Runtime) + " from now on"
	case "already":
		return "is so already; nothing was changed"
	case "skipped-infra-peer":
		return "is no agent, it runs " + string(r.Runtime) + "; nothing was changed"
	}
	return r.Action
}

func created(yes bool) string {
	if yes {
		return " (created)"
	}
	return ""
}

func runtimes(r iapeer.OnboardingReport) string {
	var others []string
	for _, rt := range r.Runtimes {
		if rt != r.Runtime {
			others = append(others, string(rt))
		}
	}
	if len(others) == 0 {
		return string(r.Runtime)
	}
	return fmt.Sprintf("%s (also %s)", r.Runtime, strings.Join(others, ", "))
}

func fileLine(s Style, f iapeer.FileChange) string {
	line := fmt.Sprintf("%-8s %s", f.Action, s.path(f.Path))
	if f.Detail != "" {
		line += "  (" + f.Detail + ")"
	}
	return line
}

func permissions(r iapeer.OnboardingReport) string {
	switch {
	case !r.Runtime.Agentic():
		return "those of your user"
	case r.Gated:
		return "asks before it acts, until you accept the risk: --accept-risk"
	}
	return "acts without asking, with the rights of your user"
}

func (s Style) paths(list []string) string {
	var out []string
	for _, p := range list {
		out = append(out, s.path(p))
	}
	return strings.Join(out, ", ")
}

func prompt(mode string) string {
	switch mode {
	case "append":
		return "instructions are added to the program's own"
	case "replace":
		return "instructions stand in place of the program's own"
	}
	return mode
}
