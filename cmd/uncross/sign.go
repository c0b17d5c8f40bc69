package main

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"

	"uncross/gateway/auth"
	"uncross/gateway/client"
)

type signCmd struct {
	Method string `arg:"" help:"GET, POST, PUT, PATCH or DELETE."`
	URL    string `arg:"" help:"Whole address of the request."`
	Body   string `arg:"" optional:"" help:"Body in JSON; @FILE reads it from a file."`
	Key    string `required:"" type:"path" env:"UNCROSS_KEY" help:"Key file."`
	caFlag
}

// Help implements kong.HelpProvider.
func (signCmd) Help() string {
	return `Logs on with the key, signs one request, and prints it as a configuration for curl. Each request is signed by itself
and holds for a few seconds, once.

Example
  uncross sign --key alice.key POST http://127.0.0.1:8080/v1/orders '{"account":"alice","symbol":"BTC-USD",
      "side":"buy","type":"limit","price":"100.00","quantity":"1","client_order_id":"a-1"}' | curl -sK -`
}

// Run signs the request.
func (c *signCmd) Run(s *streams) error {
	k, err := auth.LoadKey(c.Key)
	if err != nil {
		return err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	body := []byte(c.Body)
	if name, ok := strings.CutPrefix(c.Body, "@"); ok {
		if body, err = os.ReadFile(name); err != nil {
			return err
		}
	}
	if len(body) == 0 {
		body = nil
	}
	roots, err := c.roots()
	if err != nil {
		return err
	}
	n, err := client.New(client.Config{URL: u.Scheme + "://" + u.Host, Key: &k, Roots: roots})
	if err != nil {
		return err
	}
	ctx, cancel := patience(signPatience)
	defer cancel()
	method := strings.ToUpper(c.Method)
	h, err := n.Sign(ctx, method, u.RequestURI(), body)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "url = %s\nrequest = %s\n", curlQuote(u.String()), curlQuote(method))
	if c.CACert != "" {
		fmt.Fprintf(s.out, "cacert = %s\n", curlQuote(c.CACert))
	}
	h.Each(func(name, value string) { fmt.Fprintf(s.out, "header = %s\n", curlQuote(name+": "+value)) })
	if body != nil {
		fmt.Fprintf(s.out, "header = %s\n", curlQuote("Content-Type: application/json"))
		fmt.Fprintf(s.out, "data-binary = %s\n", curlQuote(string(body)))
	}
	return nil
}

// caFlag is the flag of the commands that talk to a server.
type caFlag struct {
	CACert string `name:"ca-cert" type:"path" env:"UNCROSS_CA_CERT" help:"Certificates in PEM that a server's may be signed by, such as a self-signed one (default: the system's)."`
}

// roots returns the certificates, nil for the system's.
func (c caFlag) roots() (*x509.CertPool, error) {
	if c.CACert == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.CACert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", c.CACert)
	}
	return pool, nil
}

// curlQuote quotes a value of curl's configuration file.
func curlQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}
