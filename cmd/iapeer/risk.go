package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// riskText says plainly what is asked once.
const riskText = `Agents work unattended only if they may act without asking. That means: run any
command and change any file that you can, with your rights, also when a message
from another peer asks for it. The alternative is that they ask before they act.`

// askRisk asks, once and only at a terminal, whether agents may act without
// asking. It returns "yes", "no", or "" when the question was answered before
// or nobody is there to answer: then the daemon decides, and agents ask.
func (w *world) askRisk() string {
	if !w.inTTY || !w.errTTY || w.getenv("IAPEER_ACCEPT_RISK") != "" || w.riskAnswered() {
		return ""
	}
	w.note("%s", riskText)
	in := bufio.NewReader(w.in)
	for {
		_, _ = io.WriteString(w.err, "May they act without asking? yes or no (changed later by --accept-risk, --no-accept-risk): ")
		line, err := in.ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return "yes"
		case "n", "no":
			return "no"
		}
		if err != nil {
			w.note("")
			return "no"
		}
	}
}

// riskAnswered reports whether the record of the answer holds one.
func (w *world) riskAnswered() bool {
	b, err := os.ReadFile(filepath.Join(w.paths().State(), "risk.json"))
	if err != nil {
		return false
	}
	var record struct {
		Answer string `json:"answer"`
	}
	return json.Unmarshal(b, &record) == nil && record.Answer != ""
}
