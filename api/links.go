package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"tollbook/book"
)

// base returns what the links of an answer start with: the public URL, else
// what a trusted proxy says, else the address that is listened on; never a
// Host header of the request's own.
func (s *server) base(r *http.Request) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	if s.fromProxy(r) {
		if base := forwardedBase(r.Header); base != "" {
			return base
		}
	}
	return s.ListenURL
}

func (s *server) fromProxy(r *http.Request) bool {
	if len(s.Proxies) == 0 {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, p := range s.Proxies {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// forwardedBase reads Forwarded (RFC 7239), else X-Forwarded-Proto, -Host and
// -Prefix: the last entry of each, which the nearest proxy wrote.
func forwardedBase(h http.Header) string {
	proto, host, prefix := "", "", ""
	if f := lastEntry(h, "Forwarded"); f != "" {
		for pair := range strings.SplitSeq(f, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "proto":
				proto = strings.ToLower(value)
			case "host":
				host = value
			}
		}
	} else {
		proto = strings.ToLower(lastEntry(h, "X-Forwarded-Proto"))
		host = lastEntry(h, "X-Forwarded-Host")
		prefix = strings.TrimSuffix(lastEntry(h, "X-Forwarded-Prefix"), "/")
	}
	u, err := url.Parse(proto + "://" + host + prefix)
	if err != nil || host == "" || u.Host != host || u.User != nil || u.RawQuery != "" || u.Fragment != "" || proto != "http" && proto != "https" {
		return ""
	}
	return u.String()
}

func lastEntry(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	return strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
}

// pageLinks are the links of a page; "" is an absent one.
type pageLinks struct{ first, last, next, prev, self string }

// linksOf builds the links of a page. They keep filter, order, page size and
// the parameters that are named.
func (s *server) linksOf(r *http.Request, q book.PageQuery, info book.PageInfo, keep ...string) pageLinks {
	asked := r.URL.Query()
	to := func(page int, cursor string) string {
		v := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(q.PerPage)}}
		for name, value := range map[string]string{"filter": q.Filter, "order_by": q.OrderBy, "cursor": cursor} {
			if value != "" {
				v.Set(name, value)
			}
		}
		for _, name := range keep {
			if asked.Has(name) {
				v.Set(name, asked.Get(name))
			}
		}
		return s.base(r) + r.URL.EscapedPath() + "?" + v.Encode()
	}
	l := pageLinks{
		first: to(1, ""),
		last:  to(max(info.TotalPages, 1), ""),
		self:  to(info.Page, q.Cursor),
	}
	if info.HasNext && info.Page < book.MaxPage {
		l.next = to(info.Page+1, info.Next)
	}
	switch {
	case !info.HasPrev:
	case info.Prev == "": // a page past the last: back to the last one
		l.prev = to(max(info.TotalPages, 1), "")
	default:
		l.prev = to(max(info.Page-1, 1), info.Prev)
	}
	return l
}
