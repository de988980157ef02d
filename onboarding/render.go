package onboarding

import (
	"fmt"
	"strings"

	"github.com/iapeer/iapeer"
)

// Render is the summary that the CLI prints: who the peer is, what became of
// each file, what it may do, and the next step. It ends with a line break.
func Render(r iapeer.OnboardingReport) string {
	var b strings.Builder
	row := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-15s %s\n", key, value)
		}
	}
	b.WriteString(headline(r) + "\n")
	if r.Verb != "remove" {
		row("runtime", runtimes(r))
		row("nature", string(r.Nature))
		row("folder", folder(r))
	}
	for _, c := range r.Files {
		row(c.What, fileLine(c))
	}
	if r.Verb != "remove" {
		row("permissions", permissions(r))
		row("folders", "may reach "+strings.Join(r.Folders, ", "))
		row("prompt", prompt(r))
		row("bootstrap", r.Bootstrap)
	}
	for _, w := range r.Warnings {
		row("! note", w)
	}
	row("next", r.Next)
	return b.String()
}

func headline(r iapeer.OnboardingReport) string {
	verb := map[string]string{"remove": "is removed"}[r.Verb]
	if verb == "" {
		verb = "is ready"
		if r.Created {
			verb = "is made"
		}
	}
	if r.DryRun {
		return fmt.Sprintf("%s: what would be done; nothing was changed", r.Name)
	}
	return fmt.Sprintf("%s %s", r.Name, verb)
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

func folder(r iapeer.OnboardingReport) string {
	if r.Created {
		return r.CWD + " (created)"
	}
	return r.CWD
}

func fileLine(c iapeer.FileChange) string {
	line := fmt.Sprintf("%-8s %s", c.Action, c.Path)
	if c.Detail != "" {
		line += "  (" + c.Detail + ")"
	}
	return line
}

func permissions(r iapeer.OnboardingReport) string {
	switch {
	case !r.Runtime.Agentic():
		return "those of your user"
	case r.Gated:
		return "gated: asks before it acts, until you accept the risk once: --accept-risk"
	}
	return "acts without asking, with the permissions of your user"
}

func prompt(r iapeer.OnboardingReport) string {
	switch r.Prompt {
	case "append":
		return "append: instructions are added to the program's own"
	case "replace":
		return "replace: instructions stand in place of the program's own"
	}
	return ""
}
