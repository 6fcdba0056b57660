package clickhousestore

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// address is where a ClickHouse is, and who asks.
type address struct {
	options *clickhouse.Options
	scheme  string
	gate    *gate // nil: none
}

// parseAddress reads the address of a ClickHouse. No error shows a part of it that
// may be secret.
func parseAddress(text string) (*address, error) {
	a, err := readAddress(text)
	if err != nil {
		return nil, fmt.Errorf("the address of the ClickHouse: %w", err)
	}
	return a, nil
}

func readAddress(text string) (*address, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "clickhouse", "http":
	case "https":
		text, _, _ = strings.Cut(text, "#")
		if strings.Contains(text, "?") {
			text += "&secure=true" // of two the first counts
		} else {
			text += "?secure=true"
		}
	default:
		return nil, errors.New("it must begin with clickhouse://, http:// or https://")
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.Contains(rest[i:], "@") {
		// What is taken for host, database or setting is a part of the password.
		return nil, errors.New("there is an @ behind the host: percent-encode user and password, in which / is %2F, # is %23, ? is %3F, @ is %40 and % is %25")
	}
	o, err := clickhouse.ParseDSN(text)
	_, unread := errors.AsType[*url.Error](err)
	switch {
	case unread: // the error may say the password
		return nil, errors.New("it is not of the form " + scheme + "://USER:PASSWORD@HOST:PORT/DATABASE, user and password percent-encoded")
	case err != nil:
		return nil, err
	case o.Auth.Database == "":
		return nil, errors.New("it names no database: " + scheme + "://HOST:PORT/DATABASE")
	}
	o.ClientInfo.Products = append(o.ClientInfo.Products, struct{ Name, Version string }{"tollbook", "1"})
	if o.MaxOpenConns == 0 { // or what the address says
		o.MaxOpenConns, o.MaxIdleConns = maxConnections, maxConnections/2
	}
	return &address{options: o, scheme: scheme}, nil
}

// Place returns where the ledger at a URL is, without who asks and how: scheme,
// hosts and database.
func Place(address string) (string, error) {
	a, err := parseAddress(address)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: a.scheme, Host: strings.Join(a.options.Addr, ","), Path: "/" + a.options.Auth.Database}).String(), nil
}

// ofOne returns an error where an address names several servers. Tables that lie on
// one server are another ledger on another one.
func (a *address) ofOne() error {
	if len(a.options.Addr) > 1 {
		return fmt.Errorf("the tables lie on one server, and the address names %d: name that one alone, or use a cluster", len(a.options.Addr))
	}
	return nil
}

// ofCluster returns an error where an address is not of the protocol that all
// servers of a cluster are spoken to by.
func (a *address) ofCluster() error {
	if a.options.Protocol != clickhouse.Native {
		return errors.New("a cluster is spoken to by the native protocol: clickhouse://")
	}
	return nil
}

// failed says of an error of the first statement where that went, and what is wrong
// with the address if that can be told.
func (a *address) failed(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without an address that lists all settings
	} else if e, ok := errors.AsType[*clickhouse.Exception](err); ok {
		err = e
	}
	hint := ""
	switch text := err.Error(); {
	case strings.Contains(text, "unexpected packet [72]"): // H
		hint = ": this looks like its HTTP port, which http:// speaks to; clickhouse:// takes the native one, mostly 9000"
	case strings.Contains(text, "is for clickhouse-client program"):
		err = errors.New("this is its native port, which clickhouse:// speaks to; http:// takes the HTTP port, mostly 8123")
	case strings.Contains(text, "does not look like a TLS handshake"):
		hint = ": it does not speak TLS on this port"
	}
	return fmt.Errorf("the ClickHouse at %s: %w%s", strings.Join(a.options.Addr, ", "), err, hint)
}

// maxConnections is how many statements a server runs at once.
const maxConnections = 32

// everywhere is settings of every statement, whatever the address or the user's
// profile says. A statement reads a table as it is at one moment, however often it
// does: a booking is decided by the last words up to the last seq. And a replica
// tells what the majority has, also before it is known that there are any. What a
// statement cannot answer whole is an error, no part of the answer or an older one.
var everywhere = map[string]any{
	"enable_shared_storage_snapshot_in_query": 1,
	"select_sequential_consistency":           1,
	"timeout_overflow_mode":                   "throw",
	"read_overflow_mode":                      "throw",
	"result_overflow_mode":                    "throw",
	"group_by_overflow_mode":                  "throw",
	"set_overflow_mode":                       "throw",
	"distinct_overflow_mode":                  "throw",
	"use_query_cache":                         0,
	"limit":                                   0,
	"offset":                                  0,
	"aggregate_functions_null_for_empty":      0,
	"data_type_default_nullable":              0,
}

// in returns the address of another database on the same servers, and of no gate.
func (a *address) in(database string) *address {
	o := *a.options
	o.Auth.Database = database
	return &address{options: &o, scheme: a.scheme}
}

// open opens a pool of connections: to the first server that answers of those
// the address names, or of others.
func (a *address) open(settings map[string]any, addrs ...string) (driver.Conn, error) {
	o := *a.options
	o.Settings = maps.Clone(o.Settings)
	if o.Settings == nil {
		o.Settings = clickhouse.Settings{}
	}
	maps.Copy(o.Settings, everywhere)
	maps.Copy(o.Settings, settings)
	if len(addrs) > 0 {
		o.Addr = addrs
	}
	if o.Protocol == clickhouse.Native {
		heardFor(&o, cmp.Or(o.DialTimeout, connectTime), cmp.Or(o.ReadTimeout, silenceBound), a.gate)
	}
	return clickhouse.Open(&o)
}
