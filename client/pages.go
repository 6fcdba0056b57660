package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// PageInfo is what every page of a list tells beside its items.
type PageInfo struct {
	Count      int       `json:"count"`
	Page       int       `json:"page"`
	PerPage    int       `json:"per_page"`
	Total      int       `json:"total"`
	TotalPages int       `json:"total_pages"`
	AsOf       time.Time `json:"as_of"` // zero where the list tells none
	Mark       *Mark     `json:"mark"`  // whose state the page shows; nil: it shows what holds now
}

// Mark is a point whose state can be asked for later.
type Mark struct {
	Position uint64    `json:"position"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason"` // close, restatement or day
	Of       string    `json:"of"`     // the month that was closed, the re-rating, or the day
}

// page is any list: HAL, with one embedded array.
type page struct {
	PageInfo
	Links struct {
		Next struct {
			Href string `json:"href"`
		} `json:"next"`
	} `json:"_links"`
	Embedded map[string]json.RawMessage `json:"_embedded"`
}

// parsePage reads a list and its items.
func parsePage[T any](body []byte) (*page, []T, error) {
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, nil, fmt.Errorf("client: reading a page: %w", err)
	}
	if len(p.Embedded) != 1 {
		return nil, nil, errors.New("client: the answer is not a page: it embeds no one list")
	}
	var items []T
	for name, list := range p.Embedded {
		if err := json.Unmarshal(list, &items); err != nil {
			return nil, nil, fmt.Errorf("client: reading the page's %s: %w", name, err)
		}
	}
	return &p, items, nil
}

// Pages yields the body of the page at path and of every page that follows
// it, as the server sent them. A body that is no page is the last.
func (c *Client) Pages(ctx context.Context, path string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for path != "" {
			body, err := c.Get(ctx, path)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(body, nil) {
				return
			}
			var p page
			if json.Unmarshal(body, &p) != nil {
				return
			}
			if p.Links.Next.Href == path {
				yield(nil, fmt.Errorf("client: the page %s says that it follows itself", path))
				return
			}
			path = p.Links.Next.Href
		}
	}
}

// List yields the items of the list at path, of any kind, to the end of its
// last page, undecoded.
func (c *Client) List(ctx context.Context, path string) iter.Seq2[json.RawMessage, error] {
	return list[json.RawMessage](ctx, c, path)
}

// list yields the items of the list at path to the end of its last page.
func list[T any](ctx context.Context, c *Client, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for body, err := range c.Pages(ctx, path) {
			if err != nil {
				yield(none, err)
				return
			}
			_, items, err := parsePage[T](body)
			if err != nil {
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// Query selects items of a list; zero fields are left to the server.
type Query struct {
	Filter  string // in the grammar of the API
	OrderBy string // "field:asc" or "field:desc"
	PerPage int    // 1 to 250
	Page    int    // from 1; where to start

	// AsOf asks for usage as it was at the last mark at or before an instant;
	// zero: as it is now.
	AsOf time.Time
}

// UsageQuery selects usage records.
type UsageQuery = Query

func (q Query) on(path string) string {
	v := url.Values{}
	if q.Filter != "" {
		v.Set("filter", q.Filter)
	}
	if q.OrderBy != "" {
		v.Set("order_by", q.OrderBy)
	}
	if q.PerPage != 0 {
		v.Set("per_page", strconv.Itoa(q.PerPage))
	}
	if q.Page != 0 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if !q.AsOf.IsZero() {
		v.Set("as_of", q.AsOf.Format(time.RFC3339Nano))
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

const usagePath = "/express/usage/month"

// UsagePage is one page of usage records.
type UsagePage struct {
	PageInfo
	Records []Record
	Next    string // the link to the next page; "" on the last
}

// UsagePage returns the page that q asks for.
func (c *Client) UsagePage(ctx context.Context, q UsageQuery) (UsagePage, error) {
	body, err := c.Get(ctx, q.on(usagePath))
	if err != nil {
		return UsagePage{}, err
	}
	p, records, err := parsePage[Record](body)
	if err != nil {
		return UsagePage{}, err
	}
	return UsagePage{PageInfo: p.PageInfo, Records: records, Next: p.Links.Next.Href}, nil
}

// Usage yields the usage records that q selects, to the last page.
func (c *Client) Usage(ctx context.Context, q UsageQuery) iter.Seq2[Record, error] {
	return list[Record](ctx, c, q.on(usagePath))
}

// Record returns one usage record.
func (c *Client) Record(ctx context.Context, id string) (Record, error) {
	var r Record
	err := c.getJSON(ctx, usagePath+"/"+url.PathEscape(id), &r)
	return r, err
}

// Events yields the events that make a record up.
func (c *Client) Events(ctx context.Context, recordID string) iter.Seq2[Event, error] {
	return list[Event](ctx, c, Query{PerPage: maxPerPage}.on(usagePath+"/"+url.PathEscape(recordID)+"/events"))
}

// Cuts returns where the tiers of a record's rates cut its month.
func (c *Client) Cuts(ctx context.Context, recordID string) ([]Cut, error) {
	var page struct {
		Cuts []Cut `json:"cuts"`
	}
	err := c.getJSON(ctx, Query{PerPage: 1}.on(usagePath+"/"+url.PathEscape(recordID)+"/events"), &page)
	return page.Cuts, err
}

// maxPerPage is the largest page that the API gives.
const maxPerPage = 250

// Accounts yields the organization's accounts that q selects.
func (c *Client) Accounts(ctx context.Context, q Query) iter.Seq2[Account, error] {
	return list[Account](ctx, c, q.on("/express/accounts"))
}

// Products yields the products that q selects.
func (c *Client) Products(ctx context.Context, q Query) iter.Seq2[Product, error] {
	return list[Product](ctx, c, q.on("/express/products"))
}

// Unrated yields the events that are kept but that no rate matches yet, each
// with its Reason.
func (c *Client) Unrated(ctx context.Context) iter.Seq2[Event, error] {
	return list[Event](ctx, c, Query{PerPage: maxPerPage}.on("/v1/unrated"))
}

func (c *Client) getJSON(ctx context.Context, path string, v any) error {
	body, err := c.Get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("client: reading the answer of %s: %w", path, err)
	}
	return nil
}
