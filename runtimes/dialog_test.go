package runtimes_test

import (
	"strings"
	"testing"

	"github.com/iapeer/iapeer/runtimes"
)

const (
	enter, escape, up, down = "\r", "\x1b", "\x1b[A", "\x1b[B"
	ready                   = "\n────────────\n❯\u00a0\n────────────\n  ⏵⏵ bypass permissions on\n"
)

func TestDialogKeyOfCaptures(t *testing.T) {
	for _, tc := range []struct {
		name     string
		accepted bool
		want     string // "" for a person's
	}{
		{"claude/02-dialog-trust", false, enter},
		{"claude/65-80x24-trust", false, enter},
		{"claude/329-02-dialog-trust", false, down},
		{"claude/68-80x24-bypass", true, down},
		{"claude/68-80x24-bypass", false, ""},
		{"claude/329-05-dialog-bypass", true, down},
		{"claude/329-80x24-05-dialog-bypass", false, ""},
		{"claude/329-03-dialog-mcp-new-server", true, ""},
		{"claude/329-04-dialog-api-key", true, ""},
		{"claude/04-dialog-api-key", true, ""},
		{"claude/00a-onboarding-theme", true, ""},
		{"claude/00c-onboarding-login-method", true, ""},
		{"claude/00e-onboarding-security-notes", true, enter},
		{"claude/28-resume-picker", true, ""},
		{"claude/06-ready", true, ""},
		{"claude/08-paste-4-lines-in-composer", true, ""},
		{"codex/38-git-repo-untrusted-no-bypass", false, enter},
		{"codex/65-80x24-trust", false, enter},
		{"codex/39-update-available", false, down},
		{"codex/43-resume-second-writer", false, ""},
		{"codex/02-f2-warnings", false, escape},
		{"codex/01-first", false, ""},
	} {
		c := capture{name: tc.name}
		p, ok := c.adapter().DialogKey(render(c.read(t, ".ansi")), tc.accepted)
		if p.Keys != tc.want || ok != (tc.want != "") {
			t.Errorf("%s (accepted %v): key %q %v, want %q", tc.name, tc.accepted, p.Keys, ok, tc.want)
		}
	}
}

func TestDialogs(t *testing.T) {
	claude, codex := runtimes.Claude(), runtimes.Codex()
	for _, tc := range []struct {
		name string
		a    runtimes.Adapter
		text string
		word runtimes.ScreenWord
		key  string
	}{
		{"trust, cursor on No", claude, "Do you trust the files in this folder?\n  Yes, I trust this folder\n❯ No, exit\nEnter to confirm · Esc to cancel", runtimes.ScreenModal, up},
		{"resume from summary, cursor on 1", claude, "❯ 1. Resume from summary (recommended)\n  2. Resume full session as-is\n  3. Don't ask again\nEnter to confirm", runtimes.ScreenModal, down},
		{"resume from summary, cursor on 2", claude, "  1. Resume from summary (recommended)\n❯ 2. Resume full session as-is\nEnter to confirm", runtimes.ScreenModal, enter},
		{"upsell", claude, "Try the new fullscreen renderer?\n❯ 1. Yes\n  2. Not now\nEnter to confirm", runtimes.ScreenModal, down},
		{"upsell quoted above a composer", claude, "❯ look: Try the new fullscreen renderer?\n  2. Not now" + ready, runtimes.ScreenReady, ""},
		{"trust quoted above a composer", claude, "● Quick safety check … Enter to confirm · Esc to cancel" + ready, runtimes.ScreenReady, ""},
		{"MCP servers", claude, "2 new MCP servers found in this project\n❯ 1. Use\nEnter to confirm · Esc to cancel", runtimes.ScreenBlocked, ""},
		{"prose about MCP servers", claude, "● a new MCP server is nice" + ready, runtimes.ScreenReady, ""},
		{"root", claude, "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons", runtimes.ScreenBlocked, ""},
		{"bypass warning, accepted", claude, "WARNING: Claude Code running in Bypass Permissions mode\n  1. No, exit\n❯ 2. Yes, I accept\nEnter to confirm · Esc to cancel", runtimes.ScreenModal, enter},
		{"numbered select of no known kind", claude, "What now?\n❯ 1. This\n  2. That", runtimes.ScreenBlocked, ""},
		{"one numbered row is a list", claude, "❯ 1. This", runtimes.ScreenUnknown, ""},
		{"footer of no known kind", claude, "Something new\n  Enter to confirm · Esc to cancel", runtimes.ScreenBlocked, ""},
		{"nothing", claude, "", runtimes.ScreenUnknown, ""},
		{"codex trust, older words", codex, "Do you trust the contents of this directory?\n› 1. Yes, continue\n  2. No, quit\nPress enter to continue", runtimes.ScreenModal, enter},
		{"codex hooks", codex, "Hooks need review\n› 1. Review hooks\n  2. Trust all and continue\nPress enter to continue", runtimes.ScreenModal, down},
		{"codex model", codex, "Choose\n› 1. Try new model\n  2. Use existing model\nenter continue", runtimes.ScreenModal, down},
		{"codex composer", codex, "\n› text\n\n  model default · ~/p", runtimes.ScreenReady, ""},
		{"codex glyph without a space", codex, "›text", runtimes.ScreenUnknown, ""},
		{"codex sign in", codex, "Welcome to Codex\n› 1. Sign in with ChatGPT\n  2. API key\nPress enter to continue", runtimes.ScreenBlocked, ""},
	} {
		s := runtimes.ParseScreen(tc.text)
		st := tc.a.Screen(s)
		p, ok := tc.a.DialogKey(s, true)
		if st.Word != tc.word || p.Keys != tc.key || ok != (tc.key != "") {
			t.Errorf("%s: %+v, key %q %v; want %s, key %q", tc.name, st, p.Keys, ok, tc.word, tc.key)
		}
		if st.Word == runtimes.ScreenBlocked && (st.Cause == "" || st.Remedy == "") {
			t.Errorf("%s: blocked without cause or remedy", tc.name)
		}
	}
}

func TestAnswer(t *testing.T) {
	prompt := "● Bash(rm -rf /x)\n──────────────────\n Bash command\n   rm -rf /x\n Do you want to proceed?\n ❯ 1. Yes\n   2. Yes, and always allow access to /x\n   3. No\n\n Esc to cancel · Tab to amend"
	codex := "• Running x\n  Would you like to run the following command?\n  $ touch /x\n› 1. Yes, proceed (y)\n  2. Yes, and don't ask again for commands (p)\n  3. No, and tell Codex what to do differently (esc)\n  Press enter to confirm or esc to cancel"
	for _, tc := range []struct {
		name  string
		a     runtimes.Adapter
		text  string
		allow bool
		want  string
	}{
		{"allow", runtimes.Claude(), prompt, true, enter},
		{"deny", runtimes.Claude(), prompt, false, down},
		{"deny, cursor there", runtimes.Claude(), strings.NewReplacer("❯ 1.", "  1.", "  3.", "❯ 3.").Replace(prompt), false, enter},
		{"never the lasting yes", runtimes.Claude(), strings.NewReplacer("❯ 1.", "  1.", "  2.", "❯ 2.").Replace(prompt), true, up},
		{"quoted above a composer", runtimes.Claude(), prompt + ready, true, ""},
		{"codex allow", runtimes.Codex(), codex, true, enter},
		{"codex deny", runtimes.Codex(), codex, false, down},
		{"unknown is not allowed", runtimes.Claude(), "?\n❯ 1. This\n  2. That", true, ""},
		{"unknown is refused", runtimes.Claude(), "?\n❯ 1. This\n  2. That", false, escape},
		{"no dialog", runtimes.Claude(), ready, false, ""},
	} {
		p, ok := tc.a.Answer(runtimes.ParseScreen(tc.text), tc.allow)
		if p.Keys != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: key %q %v, want %q", tc.name, p.Keys, ok, tc.want)
		}
	}
	if d := runtimes.Claude().Screen(runtimes.ParseScreen(prompt)).Detail; !strings.HasPrefix(d, " Bash command\n   rm -rf /x") {
		t.Errorf("a person is shown %q", d)
	}
}

// TestHintsAreNotTyping tells programs' grey suggestions from a person's text.
func TestHintsAreNotTyping(t *testing.T) {
	frame := func(composer string) string {
		return "\x1b[2J\x1b[H────────────\r\n" + composer + "\r\n────────────\r\n  ⏵⏵ bypass permissions on\r\n"
	}
	for _, tc := range []struct {
		name, composer string
		want           bool
	}{
		{"empty", "❯\u00a0\x1b[7m \x1b[0m", false},
		{"suggestion behind the cursor", "❯\u00a0\x1b[7mf\x1b[0;2mix the tests\x1b[0m", false},
		{"text", "❯\u00a0fix the tests\x1b[7m \x1b[0m", true},
		{"one letter", "❯\u00a0f\x1b[7m \x1b[0m", true},
		{"blue command", "❯\u00a0\x1b[38;5;153m/compact\x1b[0m", true},
		{"hint of the queue", "❯\u00a0\x1b[7mP\x1b[0;2mress up to edit queued messages\x1b[0m", false},
	} {
		if got := runtimes.Claude().Screen(render(frame(tc.composer))).Composing; got != tc.want {
			t.Errorf("%s: composing = %v, want %v", tc.name, got, tc.want)
		}
	}
}
