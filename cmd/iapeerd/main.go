// Command iapeerd is the daemon. People type `iapeer daemon`, which runs it.
package main

import (
	"os"

	"github.com/iapeer/iapeer/cmd/iapeerd/run"
)

func main() { os.Exit(run.Main(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)) }
