// Command cmd serves the scripted model on a loopback port, for the demo. It
// prints its URL and runs until it is killed. An address may be given.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/iapeer/iapeer/internal/fakemodel"
)

func main() {
	addr := "127.0.0.1:0"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fakemodel:", err)
		os.Exit(1)
	}
	fmt.Println("http://" + l.Addr().String())
	srv := &http.Server{Handler: fakemodel.New(), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, "fakemodel:", srv.Serve(l))
	os.Exit(1)
}
