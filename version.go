package iapeer

// Version names this build. The linker sets it (see Makefile); a build without
// the Makefile is "dev".
var Version = "dev"
