package http

import (
	"context"
	"fmt"
	"testing"

	"uncross/gateway/client"
)

// BenchmarkBatch sends batches of 100 new orders over one loopback connection to an engine in process, without a log:
// what the gateway and its client cost.
func BenchmarkBatch(b *testing.B) {
	v := market(b, Limits{SessionRate: 1 << 30, SessionBump: 1 << 30})
	c := v.plain("bob")
	v.do("custodian", "POST", "/v1/admin/deposits", m{"account": "B", "asset": "BTC", "amount": "1000000", "reference": "bench"})
	ops := make([]client.Operation, 100)
	n := 0
	for b.Loop() {
		for i := range ops {
			n++
			ops[i] = client.Operation{Op: "new", Account: "B", Symbol: "BTC/USD", Side: "sell", Type: "limit", TimeInForce: "ioc",
				Price: "100", Quantity: "0.01", ClientOrderID: fmt.Sprint(n)}
		}
		r, err := c.Batch(context.Background(), ops)
		if err != nil || r[99].Order == nil {
			b.Fatal(err, r)
		}
	}
	b.ReportMetric(float64(100*b.N)/b.Elapsed().Seconds(), "operations/s")
}
