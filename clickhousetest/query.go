package clickhousetest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Error is what the server says about a query that failed.
type Error struct {
	Code    int // of ClickHouse; 0 if the answer has none
	Message string
}

func (e *Error) Error() string { return e.Message }

// AuthenticationFailed is the Code for a wrong name or password.
const AuthenticationFailed = 516

// Exec runs a statement as the user default, over HTTP.
func (s *Server) Exec(ctx context.Context, sql string) error {
	_, err := s.Query(ctx, sql)
	return err
}

// Query runs a statement as the user default, over HTTP, and returns rows as
// lines of values between tabs.
func (s *Server) Query(ctx context.Context, sql string) (string, error) {
	return s.QueryAs(ctx, "default", "", sql)
}

// QueryAs is Query as some user.
func (s *Server) QueryAs(ctx context.Context, user, password, sql string) (string, error) {
	// Otherwise an error may come after the status, within the rows.
	query := url.Values{"wait_end_of_query": {"1"}}
	header := http.Header{"X-Clickhouse-User": {user}, "X-Clickhouse-Key": {password}}
	return s.request(ctx, http.MethodPost, "/?"+query.Encode(), header, strings.NewReader(sql))
}

// request makes one request on a connection of its own, which no restart of
// the server can have broken.
func (s *Server) request(ctx context.Context, method, path string, header http.Header, body io.Reader) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.HTTPURL()+path, body)
	if err != nil {
		return "", err
	}
	if header != nil {
		req.Header = header
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read the answer of ClickHouse: %w", err)
	}
	answer := strings.TrimSuffix(string(text), "\n")
	if resp.StatusCode != http.StatusOK {
		// A number that cannot be read is none.
		code, _ := strconv.Atoi(resp.Header.Get("X-ClickHouse-Exception-Code"))
		return "", &Error{Code: code, Message: answer}
	}
	return answer, nil
}
