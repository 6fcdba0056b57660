package api

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
)

const (
	typeHAL  = "application/hal+json"
	typeJSON = "application/json"
)

// negotiate picks the type of a HAL answer: HAL unless the client accepts
// plain JSON rather. Error: CodeNotAcceptable.
func negotiate(r *http.Request, offers ...string) (string, error) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return offers[0], nil
	}
	best, bestQ := "", 0.0
	for _, offer := range offers {
		if q := quality(accept, offer); q > bestQ {
			best, bestQ = offer, q
		}
	}
	if best == "" {
		return "", tollbook.NewError(tollbook.CodeNotAcceptable, "This address answers with "+strings.Join(offers, " or ")+".")
	}
	return best, nil
}

// quality returns how much a media type is wanted (RFC 9110, section 12.5.1):
// the weight of the most specific range that covers it.
func quality(accept, offer string) float64 {
	major, _, _ := strings.Cut(offer, "/")
	q, specific := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		rank := -1
		switch media {
		case offer:
			rank = 2
		case major + "/*":
			rank = 1
		case "*/*":
			rank = 0
		}
		if rank <= specific {
			continue
		}
		specific, q = rank, 1
		if weight, ok := params["q"]; ok {
			if w, err := strconv.ParseFloat(weight, 64); err == nil {
				q = w
			}
		}
	}
	return q
}

// appendString appends s, which is UTF-8, as a JSON string.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // strings always marshal
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendLink appends "rel":{"href":"…"}, behind a comma.
func appendLink(dst []byte, rel, href string) []byte {
	if href == "" {
		return dst
	}
	dst = append(dst, `,"`...)
	dst = append(dst, rel...)
	dst = append(dst, `":{"href":`...)
	return append(appendString(dst, href), '}')
}

func (l pageLinks) append(dst []byte) []byte {
	dst = appendLink(dst, "first", l.first)
	dst = appendLink(dst, "last", l.last)
	dst = appendLink(dst, "next", l.next)
	dst = appendLink(dst, "prev", l.prev)
	return appendLink(dst, "self", l.self)
}

// appendPage opens a page: its counts, then its links. The caller goes on with
// ,"_embedded" and the closing brace.
func appendPage(dst []byte, info book.PageInfo, l pageLinks, topLevel bool) []byte {
	for i, f := range [...]struct {
		name string
		n    int
	}{{"count", info.Count}, {"page", info.Page}, {"per_page", info.PerPage}, {"total", info.Total}, {"total_pages", info.TotalPages}} {
		dst = append(dst, `{,,,,`[i], '"')
		dst = append(dst, f.name...)
		dst = append(dst, `":`...)
		dst = strconv.AppendInt(dst, int64(f.n), 10)
	}
	if topLevel {
		dst = appendLink(l.append(dst), "show", l.self)
	}
	dst = append(dst, `,"_links":{`...)
	mark := len(dst)
	dst = l.append(dst)
	dst = append(dst[:mark], dst[mark+1:]...) // the first link's comma
	return append(dst, '}')
}

// appendEmbedded appends ,"_embedded":{"name":[…]} with n items.
func appendEmbedded(dst []byte, name string, n int, item func(dst []byte, i int) []byte) []byte {
	dst = append(dst, `,"_embedded":{"`...)
	dst = append(dst, name...)
	dst = append(dst, `":[`...)
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item(dst, i)
	}
	return append(dst, ']', '}')
}

// appendNumber appends ,"name":d with all digits of d.
func appendNumber(dst []byte, name string, d decimal.Decimal) []byte {
	return appendNullableNumber(dst, name, &d)
}

// appendNullableNumber is appendNumber where nil is null.
func appendNullableNumber(dst []byte, name string, d *decimal.Decimal) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	if d == nil {
		return append(dst, "null"...)
	}
	return d.Append(dst)
}

// appendValue appends ,"name":v with a value that encoding/json encodes.
func appendValue(dst []byte, name string, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always marshal
	}
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	return append(append(dst, `":`...), text...)
}

// appendMonth appends ,"name":"YYYY-MM".
func appendMonth(dst []byte, name string, m tollbook.Month) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	return append(m.Append(dst), '"')
}

// appendTime appends ,"name":"…" with an instant in UTC.
func appendTime(dst []byte, name string, t time.Time) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

// appendJSON appends a value that encoding/json encodes.
func appendJSON(dst []byte, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always marshal
	}
	return append(dst, b...)
}

// writeList answers with a page of values that encoding/json encodes.
// The links keep the parameters that are named.
func writeList[T any](s *server, w http.ResponseWriter, r *http.Request, name string, q book.PageQuery, rows []T, info book.PageInfo, keep ...string) error {
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	body := appendPage(nil, info, s.linksOf(r, q, info, keep...), false)
	body = appendEmbedded(body, name, len(rows), func(dst []byte, i int) []byte {
		return appendJSON(dst, rows[i])
	})
	writeBody(w, http.StatusOK, contentType, append(body, '}', '\n'))
	return nil
}
