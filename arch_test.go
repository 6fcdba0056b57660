package tollbook_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// imports lists, for each package, the packages of this module that its
// non-test files may import. A package that is not listed may not exist: who
// adds one decides where it stands.
var imports = map[string][]string{
	"decimal": {},
	"filter":  {"decimal"}, // numbers compare as decimals
	".":       {"decimal", "filter"},

	"rating":    {".", "decimal"},
	"reconcile": {".", "decimal"},
	// From one Ledger to another: it knows no store.
	"transfer": {"."},
	"wire":     {".", "decimal"},
	"keyfile":  {},
	"oauth":    {".", "keyfile"},
	"webhook":  {"keyfile"},

	// It knows claims, not what an event is.
	"bloom": {"."},

	// A store cuts pages where the data is, so it filters; it never measures.
	"localstore": {".", "decimal", "filter", "localstore/runs"},
	// The runs know claims and places in the log, not what an event is.
	"localstore/runs": {".", "bloom"},
	// What ClickHouse cannot count in SQL is priced here, of lines alone.
	"clickhousestore": {".", "bloom", "decimal", "filter"},
	// The scripts of the suite measure what they post; those of use cases run
	// the book over the ledger.
	"storetest": {".", "decimal", "filter", "rating", "wire", "book", "webhook", "checktest"},

	// Never a store: the book knows the Ledger alone.
	"book": {".", "decimal", "filter", "rating", "oauth", "reconcile", "webhook"},
	// Never a store, never rating: a handler makes one call on the book.
	"api":         {".", "decimal", "filter", "book", "oauth", "reconcile", "wire"},
	"api/apitest": {},
	// The client shares nouns with the server, no behaviour.
	"client": {".", "decimal"},
	"demo":   {".", "decimal", "client", "wire"},
	"load":   {".", "decimal", "client"},

	"cmd/tollbook": {".", "decimal", "filter", "rating", "wire", "oauth", "webhook", "localstore", "clickhousestore", "transfer", "book", "api", "client", "demo", "load"},
	"interop":      {"checktest"},
	// Knows nothing of Tollbook: any test may have a server.
	"clickhousetest": {"checktest"},
	"checktest":      {},
}

const (
	maxFileLines     = 400
	maxFunctionLines = 70
)

// exceptions are the files and functions that are longer, each with a reason.
var exceptions = map[string]string{}

type source struct {
	path string // slash-separated, from the module's root
	fset *token.FileSet
	file *ast.File
	text string
}

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s *source) dir() string { return path.Dir(s.path) }

// sources parses every Go file of the module.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		p = filepath.ToSlash(p)
		if d.IsDir() {
			if name := d.Name(); p != "." && (name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			if _, err := os.Stat(path.Join(p, "go.mod")); err == nil && p != "." {
				return filepath.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		s := &source{path: p, fset: token.NewFileSet(), text: string(text)}
		s.file, err = parser.ParseFile(s.fset, p, text, parser.ParseComments)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		allowed, known := imports[s.dir()]
		if !known {
			t.Errorf("%s: package %s has no place in the architecture yet: see imports in this test", s.path, s.dir())
			continue
		}
		for _, spec := range s.file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			rel, own := strings.CutPrefix(name, "tollbook/")
			if name == "tollbook" {
				rel, own = ".", true
			}
			if own && !contains(allowed, rel) {
				t.Errorf("%s imports %s; %s may import only %v", s.path, name, s.dir(), allowed)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test() {
			documented[s.dir()] = documented[s.dir()] || s.file.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestLengths(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > maxFileLines && exceptions[s.path] == "" {
			t.Errorf("%s has %d lines, more than %d", s.path, n, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			// Tables of test cases may be long.
			if n > maxFunctionLines && !s.test() && s.dir() != "storetest" && exceptions[s.path+" "+f.Name.Name] == "" {
				t.Errorf("%s: function %s has %d lines, more than %d", s.path, f.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// TestNothingAmbient: clock, randomness and configuration come in as
// arguments; only the command may reach for them. There is no init, and
// nothing sleeps to wait.
func TestNothingAmbient(t *testing.T) {
	banned := map[string]string{
		"time.Now": "take a clock", "time.Sleep": "wait for what happens, not for time to pass", "time.Since": "take a clock",
		"os.Getenv": "take configuration as an argument", "rand.Read": "take a source of randomness", "rand.Reader": "take a source of randomness",
		"log.Printf": "take a logger", "log.Println": "take a logger", "log.Fatal": "return an error", "slog.Default": "take a logger",
	}
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s has an init function", s.fset.Position(n.Pos()))
				}
			case *ast.CallExpr: // as a value it may be a default
				sel, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					break
				}
				pkg, ok := sel.X.(*ast.Ident)
				if !ok {
					break
				}
				name := pkg.Name + "." + sel.Sel.Name
				// The helpers of tests are run by tests alone.
				ambient := s.dir() == "cmd/tollbook" || s.dir() == "clickhousetest" || s.dir() == "checktest" || s.test()
				if why := banned[name]; why != "" && (name == "time.Sleep" || !ambient) {
					t.Errorf("%s uses %s: %s", s.fset.Position(n.Pos()), name, why)
				}
			}
			return true
		})
	}
}

// TestNoFloats: quantities and money never touch a float. Where a float is
// used, it is for something else; the client's own are of time.
func TestNoFloats(t *testing.T) {
	exact := []string{".", "decimal", "filter", "rating", "reconcile", "wire", "book"}
	for _, s := range sources(t) {
		if s.test() || !contains(exact, s.dir()) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && (id.Name == "float64" || id.Name == "float32" || id.Name == "ParseFloat") {
				t.Errorf("%s uses %s", s.fset.Position(id.Pos()), id.Name)
			}
			return true
		})
	}
}
