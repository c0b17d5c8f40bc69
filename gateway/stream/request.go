package stream

import (
	"strconv"
	"strings"

	"uncross/gateway/candles"
	"uncross/gateway/history"
	"uncross/gateway/http"
)

// request is one parsed request. What it names has not been looked up.
type request struct {
	op     string
	id     string
	wanted []wanted // subscribe, unsubscribe
	proof  [4]string
}

// wanted is one element of subscriptions, as the client wrote it.
type wanted struct {
	channel  Channel
	symbol   string
	interval candles.Interval
	account  string
	after    *history.EventID
}

// maxID is the longest id of a request.
const maxID = 36

// parse reads a request. With an error comes what is known of the request by then: its id.
func parse(text []byte, most int) (r request, err *http.Error) {
	o, err := http.ParseObject(text)
	if err != nil {
		return r, err
	}
	id := o.Optional("id")
	if len(id) > maxID || !printable(id) {
		return r, http.Refuse(http.InvalidValue, "id", "up to "+itoa(maxID)+" printable ASCII characters are taken")
	}
	r.id = id
	switch r.op = o.Text("op"); r.op {
	case "subscribe", "unsubscribe":
		list := o.Objects("subscriptions", most)
		if err := o.Done(); err != nil {
			return r, err
		}
		for i, element := range list {
			w, err := parseWanted(element, r.op == "subscribe")
			if err != nil {
				return r, within(i, err)
			}
			r.wanted = append(r.wanted, w)
		}
		return r, nil
	case "login":
		for i, name := range [...]string{"session", "seq", "time", "mac"} {
			r.proof[i] = o.Text(name)
		}
	case "list", "ping", "logout", "":
	default:
		return r, http.Refuse(http.InvalidValue, "op", "one of subscribe, unsubscribe, list, ping, login, logout is needed")
	}
	return r, o.Done()
}

// within says that a refusal is about a field of an element of subscriptions.
func within(i int, err *http.Error) *http.Error {
	e := *err
	place := "subscriptions[" + strconv.Itoa(i) + "]"
	if e.Field != "" {
		place += "." + e.Field
	}
	e.Field = place
	return &e
}

// parseWanted reads one element of subscriptions.
func parseWanted(o *http.Object, begins bool) (w wanted, err *http.Error) {
	var ok bool
	if name := o.Text("channel"); name != "" {
		if w.channel, ok = parseChannel(name); !ok {
			return w, http.Refuse(http.InvalidValue, "channel", "one of "+strings.Join(channelNames[1:], ", ")+" is needed")
		}
	}
	switch {
	case w.channel.private():
		w.account = o.Text("account")
		if !begins {
			break
		}
		if after := o.Optional("after"); after != "" {
			e, ok := parseEvent(after)
			if !ok {
				return w, http.Refuse(http.InvalidValue, "after", "an event's id is needed: command.ordinal")
			}
			w.after = &e
		}
	case w.channel != 0:
		if w.symbol = o.Text("symbol"); w.symbol == "*" && !w.channel.wild() {
			return w, http.Refuse(http.InvalidValue, "symbol", "* works with bbo, status and statistics")
		}
		if w.channel != Candles {
			break
		}
		if name := o.Text("interval"); name != "" {
			if w.interval, ok = candles.Parse(name); !ok {
				return w, http.Refuse(http.InvalidValue, "interval", "one of 1s, 5s, 15s, 1m, 5m, 15m, 30m, 1h, 4h, 1d is needed")
			}
		}
	}
	return w, o.Done()
}

// parseEvent reads an event's id: two whole numbers in digits with a point between.
func parseEvent(s string) (e history.EventID, ok bool) {
	a, b, found := strings.Cut(s, ".")
	seq, e1 := strconv.ParseUint(a, 10, 64)
	ord, e2 := strconv.ParseUint(b, 10, 32)
	e = history.EventID{Seq: seq, Ord: uint32(ord)}
	return e, found && e1 == nil && e2 == nil && eventText(e) == s // one form only
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
