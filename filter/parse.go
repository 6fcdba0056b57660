package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tollbook/decimal"
)

// Bounds on a filter.
const (
	MaxLength = 1600 // characters
	MaxDepth  = 100  // parentheses and nots that a comparison may be inside of
)

// comparisons are the operators between a field and a value.
var comparisons = map[string]Op{"eq": Eq, "ne": Ne, "gt": Gt, "ge": Ge, "lt": Lt, "le": Le}

// Parse reads a filter on the fields of schema. What is wrong with it is
// returned as an *Error.
func Parse(text string, schema Schema) (*Expr, error) {
	if n := utf8.RuneCountInString(text); n > MaxLength {
		return nil, &Error{Column: MaxLength + 1, Message: fmt.Sprintf("a filter has at most %d characters, this one has %d", MaxLength, n)}
	}
	return parse(text, schema)
}

// parse is Parse for a text of any length.
func parse(text string, schema Schema) (*Expr, error) {
	p := &parser{lexer: lexer{text: text}, schema: schema}
	if at := invalidUTF8(text); at >= 0 {
		return nil, p.fail(at, "not valid UTF-8")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind == tokenEnd {
		return nil, p.fail(0, "the filter is empty")
	}
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.expected(`"and", "or" or end of filter`)
	}
	return e, nil
}

// invalidUTF8 returns the place of the first byte that is not UTF-8, else -1.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

// parser descends the grammar recursively, no deeper than MaxDepth.
type parser struct {
	lexer
	schema Schema
	tok    token // the next one
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

// accept takes the next token if it is that keyword or mark.
func (p *parser) accept(s string) (bool, error) {
	if !p.tok.is(s) {
		return false, nil
	}
	return true, p.advance()
}

// expect takes the next token, which must be that keyword or mark.
func (p *parser) expect(s string) error {
	if ok, err := p.accept(s); ok || err != nil {
		return err
	}
	return p.expected(fmt.Sprintf("%q", s))
}

// expected is the error of finding something else.
func (p *parser) expected(what string) error {
	return p.fail(p.tok.at, "expected %s, found %s", what, p.tok.found())
}

func (p *parser) or(depth int) (*Expr, error) {
	return p.list(Or, "or", depth, p.and)
}

func (p *parser) and(depth int) (*Expr, error) {
	return p.list(And, "and", depth, p.unary)
}

// list reads operands with a keyword between them; a single one is not
// wrapped.
func (p *parser) list(op Op, keyword string, depth int, operand func(int) (*Expr, error)) (*Expr, error) {
	first, err := operand(depth)
	if err != nil || !p.tok.is(keyword) {
		return first, err
	}
	e := &Expr{Op: op, Args: []*Expr{first}}
	for {
		if ok, err := p.accept(keyword); !ok || err != nil {
			return e, err
		}
		arg, err := operand(depth)
		if err != nil {
			return nil, err
		}
		e.Args = append(e.Args, arg)
	}
}

func (p *parser) unary(depth int) (*Expr, error) {
	start := p.tok.at
	not, open := p.tok.is("not"), p.tok.is("(")
	if !not && !open {
		return p.comparison()
	}
	if depth == MaxDepth {
		return nil, p.fail(start, "nested more than %d levels deep", MaxDepth)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if not {
		arg, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return &Expr{Op: Not, Args: []*Expr{arg}}, nil
	}
	e, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

func (p *parser) comparison() (*Expr, error) {
	if ok, err := p.accept("contains"); err != nil {
		return nil, err
	} else if ok {
		return p.contains()
	}
	e, err := p.field()
	if err != nil {
		return nil, err
	}
	if ok, err := p.accept("in"); err != nil {
		return nil, err
	} else if ok {
		return e, p.in(e)
	}
	op, ok := comparisons[p.tok.text]
	if !ok || p.tok.kind != tokenWord {
		return nil, p.expected("one of eq, ne, gt, ge, lt, le and in")
	}
	e.Op = op
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.is("null") && (op == Eq || op == Ne) {
		e.Op = map[Op]Op{Eq: Null, Ne: NotNull}[op]
		return e, p.advance()
	}
	return e, p.value(e)
}

// contains reads what follows that keyword.
func (p *parser) contains() (*Expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	start := p.tok.at
	e, err := p.field()
	if err != nil {
		return nil, err
	}
	if e.Kind == Number {
		return nil, p.fail(start, "contains does not apply to %s, which is a number", p.schema[e.Field].Name)
	}
	e.Op = Contains
	if err := p.expect(","); err != nil {
		return nil, err
	}
	if err := p.value(e); err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

// in reads what follows that keyword.
func (p *parser) in(e *Expr) error {
	e.Op = In
	if err := p.expect("("); err != nil {
		return err
	}
	for {
		if err := p.value(e); err != nil {
			return err
		}
		if ok, err := p.accept(","); err != nil {
			return err
		} else if !ok {
			return p.expect(")")
		}
	}
}

// field reads a field's name and returns an Expr about it.
func (p *parser) field() (*Expr, error) {
	if p.tok.kind != tokenWord || isKeyword(p.tok.text) {
		return nil, p.expected("a field")
	}
	i := slices.IndexFunc(p.schema, func(f Field) bool { return f.Name == p.tok.text })
	if i < 0 {
		names := make([]string, len(p.schema))
		for j, f := range p.schema {
			names[j] = f.Name
		}
		return nil, p.fail(p.tok.at, "unknown field %q; the fields are %s", clip(p.tok.text), strings.Join(names, ", "))
	}
	return &Expr{Field: i, Kind: p.schema[i].Kind}, p.advance()
}

// value reads a value that e's field can hold and adds it to e.
func (p *parser) value(e *Expr) error {
	if p.tok.kind != tokenValue {
		return p.expected("a value in quotes")
	}
	v, text, f := Value{Text: p.tok.text}, quote(clip(p.tok.text)), &p.schema[e.Field]
	switch {
	case e.Op == Contains: // any text may be a part of what a field holds
	case f.Kind == Month && !isMonth(v.Text):
		return p.fail(p.tok.at, "%s is a month in the form YYYY-MM, not %s", f.Name, text)
	case f.Kind == Enum && !slices.Contains(f.Values, v.Text):
		return p.fail(p.tok.at, "%s is one of %s, not %s", f.Name, strings.Join(f.Values, ", "), text)
	case f.Kind == Number:
		d, err := decimal.Parse(v.Text, decimal.MaxScale, decimal.MaxScale)
		if err != nil {
			return p.fail(p.tok.at, "%s is a number: %s %v", f.Name, text, err)
		}
		v = Value{Number: d}
	}
	e.Values = append(e.Values, v)
	return p.advance()
}

// isMonth tells whether s is a month in the form YYYY-MM.
func isMonth(s string) bool {
	if len(s) != 7 || s[4] != '-' {
		return false
	}
	for _, i := range [...]int{0, 1, 2, 3, 5, 6} {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return "01" <= s[5:] && s[5:] <= "12"
}
