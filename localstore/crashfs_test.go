package localstore

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// crashFS is a crashable file system in memory that can be cloned while it is
// used. vfs.MemFS takes one lock twice in Link, which a clone that comes
// between the two turns into a deadlock; here a clone waits for links to end.
type crashFS struct {
	*vfs.MemFS
	links sync.RWMutex
}

func newCrashFS() *crashFS { return &crashFS{MemFS: vfs.NewCrashableMem()} }

func (fs *crashFS) Link(oldname, newname string) error {
	fs.links.RLock()
	defer fs.links.RUnlock()
	return fs.MemFS.Link(oldname, newname)
}

func (fs *crashFS) CrashClone(cfg vfs.CrashCloneCfg) *crashFS {
	fs.links.Lock()
	defer fs.links.Unlock()
	return &crashFS{MemFS: fs.MemFS.CrashClone(cfg)}
}
