package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// MaxURLBytes is the longest address of a receiver.
const MaxURLBytes = 2048

// Policy says where messages may be sent: to public addresses over https, and
// to those in Allow, which may be private, over http as well.
type Policy struct {
	Allow []netip.Prefix
}

// CheckURL tells whether a receiver may have this URL, as far as that can be
// told before its host is looked up.
func (p Policy) CheckURL(text string) error {
	if len(text) > MaxURLBytes {
		return fmt.Errorf("has more than %d bytes", MaxURLBytes)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return errors.New("must be of the form https://host[:port][/path][?query]")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must start with https://")
	case u.Scheme == "http" && len(p.Allow) == 0:
		return errors.New("must start with https://; http is only for addresses that this server has been told to allow")
	case u.User != nil:
		return errors.New("must not hold credentials: messages are signed")
	case u.Fragment != "":
		return errors.New("must not have a fragment")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("has a port that is none")
		}
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return p.checkAddress(ip, u.Scheme == "http")
	}
	return nil
}

// checkAddress tells whether a message may be sent to an address. It is asked
// about the address that is about to be connected to, after every lookup, so
// that a name that leads elsewhere the second time gains nothing.
func (p Policy) checkAddress(ip netip.Addr, plain bool) error {
	ip = ip.Unmap().WithZone("")
	switch {
	case in(ip, p.Allow):
		return nil
	case plain:
		return &RefusedError{ip, "is not one that this server has been told to allow without TLS"}
	case !public(ip):
		return &RefusedError{ip, "is not a public one, nor one that this server has been told to allow"}
	}
	return nil
}

// RefusedError tells that a message is not sent to an address.
type RefusedError struct {
	Addr netip.Addr
	why  string
}

// Error names the address and says why it is refused.
func (e *RefusedError) Error() string { return "the address " + e.Addr.String() + " " + e.why }

// public tells whether an address is one of the public internet (the special
// purpose registries of IANA, RFC 6890). One that carries an IPv4 address to a
// gateway that unpacks it is as public as that.
func public(ip netip.Addr) bool {
	if ip.Is4() {
		return !in(ip, special4)
	}
	b := ip.As16()
	switch {
	case in(ip, nat64):
		return public(netip.AddrFrom4([4]byte(b[12:])))
	case in(ip, sixToFour):
		return public(netip.AddrFrom4([4]byte(b[2:])))
	}
	return in(ip, unicast6) && !in(ip, special6)
}

func in(ip netip.Addr, ranges []netip.Prefix) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func ranges(texts ...string) (all []netip.Prefix) {
	for _, s := range texts {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// Ranges of addresses. An IPv6 address that is not in unicast6 is private,
// multicast, mapped, unspecified, or of no use so far.
var (
	special4 = ranges(
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // carriers' NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, and what clouds tell their machines
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // relays from 6to4
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
	)
	unicast6 = ranges("2000::/3")
	special6 = ranges(
		"2001::/23",     // protocol assignments, Teredo
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	)
	nat64     = ranges("64:ff9b::/96")
	sixToFour = ranges("2002::/16")
)
