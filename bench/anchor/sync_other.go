//go:build !linux

package anchor

import "os"

func syncData(f *os.File) error { return f.Sync() }
