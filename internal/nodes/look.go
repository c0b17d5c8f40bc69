package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"uncross/gateway/client"
)

// looker looks at nodes: without proxies, and without waiting long.
var looker = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
	DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConnsPerHost: 4,
}}

// word is how long a node has to say whether it leads.
const word = 250 * time.Millisecond

// Status is how a node says that it stands.
type Status struct {
	Node     string `json:"node"`
	Ready    bool   `json:"ready"`
	Leader   bool   `json:"leader"`
	Index    uint64 `json:"index,string"`
	Command  uint64 `json:"command,string"`
	View     uint64 `json:"view_command,string"`
	FullHash string `json:"full_hash"`
	Log      struct {
		First uint64 `json:"first,string"`
		Last  uint64 `json:"last,string"`
		Bytes uint64 `json:"bytes,string"`
	} `json:"log"`
	History struct {
		Command uint64 `json:"command,string"`
		From    uint64 `json:"complete_from,string"`
	} `json:"history"`
}

// URL is where clients reach the node.
func (n *Node) URL() string { return "http://" + n.HTTP }

func (n *Node) get(ctx context.Context, path string, out any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL()+path, nil)
	if err != nil {
		return err
	}
	a, err := looker.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return errors.New(a.Status)
	}
	if out == nil {
		_, err = io.Copy(io.Discard, a.Body)
		return err
	}
	return json.NewDecoder(a.Body).Decode(out)
}

// Status asks the node how it stands.
func (n *Node) Status(ctx context.Context) (s Status, err error) {
	return s, n.get(ctx, "/v1/status", &s)
}

// Leads asks the node whether it takes commands.
func (n *Node) Leads(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, word)
	defer cancel()
	yes, _ := client.Leads(ctx, looker, n.URL())
	return yes
}

// Ready asks the node whether it serves reads.
func (n *Node) Ready(ctx context.Context) bool { return n.get(ctx, "/readyz", nil) == nil }
