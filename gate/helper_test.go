package gate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The test program is its own caller: started with gateCaller set, it makes
// requests as another process, another user, or from a terminal.
const gateCaller = "GATE_TEST_CALLER"

func TestMain(m *testing.M) {
	if script := os.Getenv(gateCaller); script != "" {
		if err := call(strings.Fields(script)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// call runs "<how> <network> <address> <times> [header=value …]".
func call(args []string) error {
	how, network, addr := args[0], args[1], args[2]
	times, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	for range times {
		if err := callOnce(how, network, addr, args[4:]); err != nil {
			return err
		}
	}
	return nil
}

func callOnce(how, network, addr string, headers []string) error {
	c, err := net.Dial(network, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, request(headers...)); err != nil {
		return err
	}
	switch how {
	case "close": // gone before the answer
		return nil
	case "half": // will say no more, but listens
		if h, ok := c.(interface{ CloseWrite() error }); ok {
			if err := h.CloseWrite(); err != nil {
				return err
			}
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer{resp.StatusCode, string(body)})
}

// An answer is what a caller process prints.
type answer struct {
	Status int
	Body   string
}

func (a answer) told(t *testing.T) told {
	t.Helper()
	var got told
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	return got
}

func request(headers ...string) string {
	var b strings.Builder
	b.WriteString("POST /fleet/v1/send HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, "=")
		b.WriteString(name + ": " + value + "\r\n")
	}
	b.WriteString("\r\n{}")
	return b.String()
}

// caller returns a command that runs the script as another process.
func caller(t *testing.T, program string, script ...any) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{gateCaller + "=" + strings.TrimSuffix(fmt.Sprintln(script...), "\n"), "GORACE=atexit_sleep_ms=0"}
	cmd.Stderr = os.Stderr
	return cmd
}

func answersOf(t *testing.T, out []byte) []answer {
	t.Helper()
	var all []answer
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var a answer
		if err := d.Decode(&a); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		all = append(all, a)
	}
	return all
}

// openFolder returns a temporary folder that every user may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, p := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// sharedProgram copies the test program to where every user may run it.
func sharedProgram(t *testing.T) string {
	t.Helper()
	folder := openFolder(t)
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "caller")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
