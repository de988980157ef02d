package prompt

import (
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"
)

// ThisHost returns the facts of this machine at now, in now's time zone. What
// cannot be found out is "".
func ThisHost(now time.Time) Host {
	h := Host{Platform: runtime.GOOS, OSVersion: osVersion(), Today: now.Format(time.DateOnly)}
	h.Hostname, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// osVersion reads the file that names the system's version (os-release(5); on
// macOS the property list that sw_vers(1) prints).
func osVersion() string {
	if runtime.GOOS == "darwin" {
		b, _ := os.ReadFile("/System/Library/CoreServices/SystemVersion.plist")
		return between(string(b), "<key>ProductVersion</key>", "<string>", "</string>")
	}
	b, _ := os.ReadFile("/etc/os-release")
	return releaseName(string(b))
}

// releaseName returns PRETTY_NAME of an os-release(5) file.
func releaseName(text string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}

// between returns what stands between open and end, behind mark.
func between(s, mark, open, end string) string {
	_, s, _ = strings.Cut(s, mark)
	_, s, _ = strings.Cut(s, open)
	s, _, ok := strings.Cut(s, end)
	if !ok {
		return ""
	}
	return strings.TrimSpace(s)
}
