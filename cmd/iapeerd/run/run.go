// Package run is the daemon's command line: run in the foreground, or do one
// request and end.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/cmd/iapeerd/daemon"
	"github.com/iapeer/iapeer/config"
	"github.com/iapeer/iapeer/session/logfile"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// grammar is what iapeerd understands. Run is the default: the foreground.
type grammar struct {
	Run struct {
		Stderr bool `help:"Log to standard error instead of the log file."`
	} `cmd:"" default:"withargs" help:"Run the daemon in the foreground."`
	Once struct{} `cmd:"" help:"Serve one request from standard input without listening, and end."`
	Ver  struct{} `cmd:"" name:"version" help:"Print the version."`
}

// logFileMiB and logFiles bound the daemon's own log.
const (
	logFileMiB = 5
	logFiles   = 5
)

// Main runs the program and returns its exit code. A second signal ends it at
// once.
func Main(args []string, getenv func(string) string, in io.Reader, out, errout io.Writer) int {
	var g grammar
	parser, err := kong.New(&g, kong.Name("iapeerd"), kong.Description("The daemon of iapeer."), kong.Writers(out, errout))
	if err != nil {
		fmt.Fprintln(errout, "iapeerd:", err)
		return exitFailed
	}
	cmd, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(errout, "iapeerd:", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on a signal has its usual effect
	switch cmd.Command() {
	case "version":
		fmt.Fprintln(out, iapeer.Version)
		return exitOK
	case "once":
		err = once(ctx, getenv, in, out, errout)
	default:
		err = foreground(ctx, g, getenv, errout)
	}
	if err != nil {
		fmt.Fprintln(errout, "iapeerd:", err)
		return exitFailed
	}
	return exitOK
}

// garbagePercent lets the heap grow to four times what is in use before it is
// collected: that is a few MiB, which are given back at rest, and saves a good
// part of what a message costs. GOGC, where it is set, wins.
const garbagePercent = 300

func foreground(ctx context.Context, g grammar, getenv func(string) string, errout io.Writer) error {
	log := logger(getenv, g.Run.Stderr, errout)
	defer func() { _ = log.Sync() }()
	exe, err := thinClient(getenv)
	if err != nil {
		return err
	}
	starter := openStarter(getenv)
	if getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	err = daemon.Run(ctx, daemon.Options{Getenv: getenv, Iapeer: exe, Log: log, Ready: func() { starter.tell("ready") }})
	if err != nil {
		starter.tell(err.Error())
		log.Error("ended", zap.Error(err))
	}
	return err
}

func once(ctx context.Context, getenv func(string) string, in io.Reader, out, errout io.Writer) error {
	exe, err := thinClient(getenv)
	if err != nil {
		return err
	}
	return daemon.Once(ctx, daemon.Options{Getenv: getenv, Iapeer: exe, Log: logger(getenv, true, errout)}, in, out)
}

// readyEnv names the descriptor of a pipe on which whoever started the daemon
// waits for one line: "ready", or why it did not come up.
const readyEnv = "IAPEER_READY_FD"

// starter is whoever waits for the daemon to be ready; its zero value nobody.
type starter struct{ pipe *os.File }

// openStarter takes the pipe out of the environment. No process of ours may
// inherit it: it would keep the starter waiting.
func openStarter(getenv func(string) string) *starter {
	fd, err := strconv.Atoi(getenv(readyEnv))
	_ = os.Unsetenv(readyEnv)
	if err != nil || fd < 0 {
		return &starter{}
	}
	syscall.CloseOnExec(fd)
	return &starter{pipe: os.NewFile(uintptr(fd), readyEnv)}
}

// tell says one line and lets the starter go. Later calls do nothing.
func (s *starter) tell(line string) {
	if s.pipe == nil {
		return
	}
	fmt.Fprintln(s.pipe, line)
	s.pipe.Close()
	s.pipe = nil
}

// thinClient is the program that hosts sessions and hooks: iapeer, installed
// beside this one.
func thinClient(getenv func(string) string) (string, error) {
	if exe := getenv("IAPEER_BIN"); exe != "" {
		return exe, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", err
	}
	exe := filepath.Join(filepath.Dir(self), "iapeer")
	if _, err := os.Stat(exe); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is missing: iapeer and iapeerd are installed together", exe)
	}
	return exe, nil
}

// logger writes to the daemon's log file, or to standard error.
func logger(getenv func(string) string, toStderr bool, errout io.Writer) *zap.Logger {
	paths := iapeer.PathsFromEnv(getenv)
	cfg, _ := config.Load(paths, getenv) // its mistakes are told by the daemon
	level, err := zapcore.ParseLevel(cfg.LogLevel)
	if err != nil {
		level = zapcore.InfoLevel
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	if toStderr {
		return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(enc), zapcore.AddSync(errout), max(level, zapcore.WarnLevel)))
	}
	_ = os.MkdirAll(paths.Logs(), 0o700)                                      // else the library makes it, open to all
	for _, name := range []string{"daemon-stderr.log", "daemon-stdout.log"} { // whoever started us holds them open, and bounds nothing
		_ = logfile.CopyAside(filepath.Join(paths.Logs(), name), logfile.Default)
	}
	file := &lumberjack.Logger{Filename: filepath.Join(paths.Logs(), "daemon.log"), MaxSize: logFileMiB, MaxBackups: logFiles}
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.AddSync(file), level))
}
