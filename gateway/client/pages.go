package client

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Pages gives the items of a list one after the other, page after page, until the list says that there is no more. Target
// is the list's path with its query, without a cursor; its limit is the size of a page. A page that is refused for the
// moment is asked for again, as Until does; a client without a key asks once. An error that ends the list early comes with
// the zero item, and nothing comes behind it.
func Pages[T any](ctx context.Context, c *Client, target string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for at, cursor := target, ""; ; {
			var page struct {
				Items []T    `json:"items"`
				More  bool   `json:"more"`
				Next  string `json:"next"`
			}
			if err := c.page(ctx, at, &page); err != nil {
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			switch {
			case !page.More:
				return
			case page.Next == cursor:
				yield(none, &permanentError{errors.New("client: " + target + ": a page does not say where the next one is")})
				return
			}
			cursor = page.Next
			at = withCursor(target, cursor)
		}
	}
}

// page reads one page: signed where there is a key.
func (c *Client) page(ctx context.Context, target string, out any) error {
	if c.key == nil {
		return c.Public(ctx, http.MethodGet, target, out)
	}
	return c.Until(ctx, http.MethodGet, target, nil, out)
}

func withCursor(target, cursor string) string {
	mark := "?"
	if strings.Contains(target, "?") {
		mark = "&"
	}
	return target + mark + "cursor=" + url.QueryEscape(cursor)
}
