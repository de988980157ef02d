package iapeer

// Version is the version of this build. The linker may set it
// (-X github.com/iapeer/iapeer.Version=…); nothing else writes it.
var Version = "0.5.0-dev"
