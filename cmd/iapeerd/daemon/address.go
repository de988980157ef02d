package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors/house"
	"github.com/iapeer/iapeer/config"
)

// portKey is where the root's own port is kept.
const portKey = "port"

// portRetry is the pause between two tries for a port that another program has.
const portRetry = 5 * time.Second

// socket is the daemon's unix socket.
func (d *Daemon) socket() string { return d.cfg.DaemonSocket }

// url is the address that is written into agents' configurations: the root's
// own port, also while another program has it.
func (d *Daemon) url() string { return fmt.Sprintf("http://127.0.0.1:%d/mcp", d.port) }

// listen opens both listeners. A root keeps its port for good, because its
// number stands in people's configurations: when another program has it, the
// daemon serves the unix socket alone, says who is in the way, and goes on
// trying.
func (d *Daemon) listen() (err error) {
	if d.unix, err = listenUnix(d.life, d.socket()); err != nil {
		return err
	}
	port, fixed := d.wanted()
	d.port = port
	if d.tcp, err = listenTCP(d.life, port, fixed); err != nil {
		d.log.Error("no TCP listener", zap.Int("port", port), zap.String("holder", holder(port)), zap.Error(err))
		d.tcp = nil
		return nil
	}
	if a, ok := d.tcp.Addr().(*net.TCPAddr); ok && !fixed {
		d.port = a.Port
		d.board.Set(portKey, strconv.Itoa(a.Port), nil)
	}
	return nil
}

// wanted is the port to listen on: what a person set, else what the root had
// before. fixed is false for a root that has none yet.
func (d *Daemon) wanted() (port int, fixed bool) {
	for _, o := range d.cfg.Origins() {
		if o.Key == portKey && o.From != config.FromDefault {
			return d.cfg.Port, true
		}
	}
	if v, ok, err := d.board.Value(d.life, portKey); err == nil && ok {
		if p, err := strconv.Atoi(v); err == nil {
			return p, true
		}
	}
	return defaultPort, false
}

// announce tells clients where to find the daemon.
func (d *Daemon) announce() error {
	r := routerFile{Sock: d.socket(), Version: iapeer.Version, Fleet: 1, PID: os.Getpid()}
	if d.tcp != nil {
		r.TCP = d.url()
	} else {
		d.system.Notify(house.Notice{
			Kind:    "port-taken",
			Summary: fmt.Sprintf("port %d is taken by %s; agents cannot reach the daemon", d.port, holder(d.port)),
			Content: "End that program, or choose another port: iapeer config set port <n>, then iapeer daemon restart and iapeer init in each peer's folder.",
		})
		go d.awaitPort()
	}
	return writeRouterFile(d.paths, r)
}

// awaitPort tries for the root's port until it is free, then serves it. Nothing
// tells when another program gives a port back, so it is tried from time to
// time.
func (d *Daemon) awaitPort() {
	t := time.NewTicker(portRetry)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-d.stopping.Done():
			return
		}
		l, err := listenTCP(d.life, d.port, true)
		if err != nil {
			continue
		}
		d.log.Info("the port is free again", zap.Int("port", d.port))
		if err := writeRouterFile(d.paths, routerFile{Sock: d.socket(), TCP: d.url(), Version: iapeer.Version, Fleet: 1, PID: os.Getpid()}); err != nil {
			d.log.Error("cannot tell clients of the port", zap.Error(err))
		}
		if err := d.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			d.log.Error("serve", zap.Error(err))
		}
		return
	}
}
