package prompt

import "testing"

func TestReleaseName(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n", "Debian GNU/Linux 13 (trixie)"},
		{"PRETTY_NAME=Alpine", "Alpine"},
	} {
		if got := releaseName(tc.in); got != tc.want {
			t.Errorf("releaseName(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestBetween(t *testing.T) {
	const plist = "<key>ProductName</key><string>macOS</string>\n<key>ProductVersion</key>\n\t<string>15.5</string>"
	if got := between(plist, "<key>ProductVersion</key>", "<string>", "</string>"); got != "15.5" {
		t.Errorf("got %q, want 15.5", got)
	}
	if got := between("", "a", "b", "c"); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}
