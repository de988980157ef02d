package iapeer

// A LaunchEnv is what a peer's launch.env says about the sessions of one
// runtime. The zero value says nothing.
type LaunchEnv struct {
	Args            []string          // PEER_START_ARGS: further arguments of the program
	Env             map[string]string // further environment of the program
	DisallowedTools *string           // PEER_DISALLOWED_TOOLS: nil = the adapter's default, "" = no such flag
}

// LaunchEnvFile is where the launch.env of a peer's runtime is.
func LaunchEnvFile(cwd string, rt Runtime) string {
	return PeerDir(cwd) + "/runtimes/" + string(rt) + "/launch.env"
}
