// Command engine runs ClickHouse out of the library that it is given, with the
// arguments that follow, and ends when ClickHouse does:
//
//	engine [-interserver HOST:PORT] LIBRARY [ARGUMENT…]
//
// With -interserver, replicated tables tell other servers that address.
//
// It is a module of its own so that what it takes to call into a library does
// not reach the product. It is called without cgo, so that to build it needs
// no C compiler.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/ebitengine/purego"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

// run calls two functions of the library, which its C header declares as
//
//	void chdb_set_signal_handlers_enabled(int enabled);
//	chdb_result *chdb_query_cmdline(int argc, char **argv);
//	const char *chdb_result_error(chdb_result *result);
func run(args []string) error {
	interserver := ""
	if len(args) > 1 && args[0] == "-interserver" {
		interserver, args = args[1], args[2:]
	}
	if len(args) == 0 {
		return fmt.Errorf("usage: engine [-interserver HOST:PORT] LIBRARY [ARGUMENT…]")
	}
	lib, err := purego.Dlopen(args[0], purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return err
	}
	var (
		setSignalHandlers func(enabled int32)
		queryCommandLine  func(argc int32, argv **byte) uintptr
		resultError       func(result uintptr) string
	)
	for name, fn := range map[string]any{
		"chdb_set_signal_handlers_enabled": &setSignalHandlers,
		"chdb_query_cmdline":               &queryCommandLine,
		"chdb_result_error":                &resultError,
	} {
		if _, err := purego.Dlsym(lib, name); err != nil {
			return err
		}
		purego.RegisterLibFunc(fn, lib, name)
	}

	if err := behave(lib, interserver); err != nil {
		return fmt.Errorf("have ClickHouse behave as a server: %w", err)
	}

	// The handlers of the library and those of the Go runtime exclude each
	// other.
	setSignalHandlers(0)
	// As a ClickHouse server does: another one of the cluster may be killed while
	// this one writes to it.
	signal.Ignore(syscall.SIGPIPE)
	argv, pinned := cStrings(append([]string{"clickhouse"}, args[1:]...))
	result := queryCommandLine(int32(len(argv)-1), &argv[0])
	pinned.Unpin()
	if result == 0 {
		return fmt.Errorf("ClickHouse ended without a result")
	}
	if msg := resultError(result); msg != "" {
		return fmt.Errorf("ClickHouse ended: %s", msg)
	}
	return nil
}

// behave has ClickHouse do what it does as a server. Without replicas it needs no
// address for others.
func behave(lib uintptr, interserver string) (err error) {
	known, err := purego.Dlsym(lib, "chdb_query_cmdline")
	if err != nil {
		return err
	}
	l, err := openLibrary(known)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.goOn(); err != nil {
		return err
	}
	if interserver == "" {
		return nil
	}
	return l.setInterserver(interserver)
}

// cStrings makes what C takes for argv, with a null pointer at its end. C may
// keep it until the Pinner is unpinned.
func cStrings(args []string) ([]*byte, *runtime.Pinner) {
	var pinned runtime.Pinner
	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		b := append([]byte(arg), 0)
		argv[i] = &b[0]
		pinned.Pin(argv[i])
	}
	pinned.Pin(&argv[0])
	return argv, &pinned
}
