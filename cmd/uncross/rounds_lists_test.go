//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net/url"
	"slices"
	"strconv"

	"uncross/gateway/client"
)

// This file reads lists page by page, on one node as on the other, and holds what is read against what was read before.

const loadPage = 500

// hashSeed is one for the process: hashes are compared within a run alone.
var hashSeed = maphash.MakeSeed()

// pageMark is a page of a list that will be read again.
type pageMark struct {
	cursor string
	done   bool     // it is full, and nothing in it will change
	items  []uint64 // hashes
}

// listing is what has been read of a list, page by page. The first node that is read makes it; the others, and later readings,
// are held against it.
type listing struct{ pages []pageMark }

// listPage is an answer.
type listPage struct {
	Items []json.RawMessage `json:"items"`
	More  bool              `json:"more"`
	Next  string            `json:"next"`
	From  string            `json:"complete_from"`
}

// walk reads a list on one node from a page on. The pages that it reads are replaced when it makes the listing, otherwise they
// must be the same. done says whether an item stays as it is.
func (l *listing) walk(ctx context.Context, n *client.Client, target string, from int, makes bool, visit func(json.RawMessage) (done bool, err error)) error {
	if makes {
		l.pages = l.pages[:min(from+1, len(l.pages))]
	}
	if len(l.pages) == 0 {
		l.pages = []pageMark{{}}
	}
	for i := from; ; i++ {
		at := target + "&sort=oldest&limit=" + strconv.Itoa(loadPage)
		if c := l.pages[i].cursor; c != "" {
			at += "&cursor=" + url.QueryEscape(c)
		}
		var page listPage
		if err := n.Until(ctx, "GET", at, nil, &page); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		m, err := l.mark(i, &page, visit)
		if err == nil && makes {
			l.pages[i] = m
		} else if err == nil {
			err = l.compare(i, &page, m)
		}
		var more bool
		if err == nil {
			more, err = l.follow(i, &page, makes)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if !more {
			return nil
		}
	}
}

// mark visits the items of page i.
func (l *listing) mark(i int, page *listPage, visit func(json.RawMessage) (done bool, err error)) (m pageMark, err error) {
	if page.From != "1" && page.From != "0" {
		return m, fmt.Errorf("the history is complete from command %s", page.From)
	}
	m = pageMark{cursor: l.pages[i].cursor, done: page.More}
	for _, item := range page.Items {
		m.items = append(m.items, maphash.Bytes(hashSeed, item))
		done, err := visit(item)
		if err != nil {
			return m, err
		}
		m.done = m.done && done
	}
	return m, nil
}

// compare holds page i against what it was before, or on another node.
func (l *listing) compare(i int, page *listPage, m pageMark) error {
	want := l.pages[i].items
	if slices.Equal(m.items, want) {
		return nil
	}
	k := 0
	for k < min(len(want), len(m.items)) && want[k] == m.items[k] {
		k++
	}
	item := "nothing"
	if k < len(page.Items) {
		item = string(page.Items[k])
	}
	return fmt.Errorf("%d items, %d before or on another node; item %d differs and is %s", len(m.items), len(want), k, item)
}

// follow says whether there is a page behind page i. Where the listing is being made, it gets that page.
func (l *listing) follow(i int, page *listPage, makes bool) (more bool, err error) {
	last := i+1 == len(l.pages)
	switch {
	case !page.More && !last:
		return false, errors.New("the list ends here, on another node it goes on")
	case page.More && last && !makes:
		return false, errors.New("the list goes on, on another node it ends here")
	case page.More && last:
		l.pages = append(l.pages, pageMark{cursor: page.Next})
	case page.More && l.pages[i+1].cursor != page.Next:
		return false, fmt.Errorf("the next cursor is %s, not %s", page.Next, l.pages[i+1].cursor)
	}
	return page.More, nil
}

// firstOpen is the first page that may have changed.
func (l *listing) firstOpen() int {
	i := slices.IndexFunc(l.pages, func(p pageMark) bool { return !p.done })
	return max(i, 0)
}

// read reads a list on one node: what may have changed, or the whole of it. What was read of done pages stays: it is read again
// only when the whole is, and is then compared, not made anew.
func (l *listing) read(ctx context.Context, n *client.Client, target string, makes, whole bool, visit func(json.RawMessage) (done bool, err error)) error {
	from := l.firstOpen()
	if !whole {
		return l.walk(ctx, n, target, from, makes, visit)
	}
	if !makes || from == 0 {
		return l.walk(ctx, n, target, 0, makes, visit)
	}
	before := slices.Clone(l.pages[:from])
	if err := l.walk(ctx, n, target, from, true, visit); err != nil {
		return err
	}
	again := listing{append(before, l.pages[from:]...)}
	return again.walk(ctx, n, target, 0, false, func(json.RawMessage) (bool, error) { return true, nil })
}
