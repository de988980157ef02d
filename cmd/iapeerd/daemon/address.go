package daemon

import (
	"fmt"
	"net"
	"strconv"

	"os"

	"go.uber.org/zap"

	"github.com/iapeer/iapeer"
	"github.com/iapeer/iapeer/actors"
	"github.com/iapeer/iapeer/config"
)

// portKey is where the root's own port is kept.
const portKey = "port"

// socket is the daemon's unix socket.
func (d *Daemon) socket() string { return d.cfg.DaemonSocket }

// url is the address that is written into agents' configurations.
func (d *Daemon) url() string {
	if d.tcp == nil {
		return fmt.Sprintf("http://127.0.0.1:%d/mcp", d.cfg.Port)
	}
	return "http://" + d.tcp.Addr().String() + "/mcp"
}

// listen opens both listeners. A root keeps its port for good, because its
// number stands in people's configurations: when another program has it, the
// daemon serves the unix socket alone and says who is in the way.
func (d *Daemon) listen() (err error) {
	if d.unix, err = listenUnix(d.life, d.socket()); err != nil {
		return err
	}
	port, fixed := d.port()
	if d.tcp, err = listenTCP(d.life, port, fixed); err != nil {
		d.log.Error("no TCP listener: agents reach the daemon only when it has its port", zap.Int("port", port), zap.Error(err))
		d.tcp = nil
		return nil
	}
	if !fixed {
		_, p, _ := net.SplitHostPort(d.tcp.Addr().String())
		d.board.Set(portKey, p, nil)
	}
	return nil
}

// port is the port to listen on: what a person set, else what the root had
// before. fixed is false for a root that has none yet.
func (d *Daemon) port() (port int, fixed bool) {
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
		d.system.Notify(actors.Notice{Kind: "port-taken", Summary: fmt.Sprintf("port %d is taken by another program; agents cannot reach the daemon", d.cfg.Port)})
	}
	return writeRouterFile(d.paths, r)
}
