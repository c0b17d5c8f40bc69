package market

import (
	"fmt"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

// count is a subscriber that only counts bytes.
type count struct{ messages, bytes int }

func (c *count) Push(bodies []message.Body) bool {
	c.messages += len(bodies)
	for i := range bodies {
		c.bytes += bodies[i].Len()
	}
	return true
}

// BenchmarkBurst is the market's work for a burst of commands, read and sent in portions as they come under load: what
// an event costs, with a number of subscribers to all three instruments, ten levels and trades.
func BenchmarkBurst(b *testing.B) {
	for _, subscribers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("%d subscribers", subscribers), func(b *testing.B) {
			h := newHand(b, Options{Interval: time.Nanosecond}, 0)
			sinks := make([]count, subscribers)
			for i := range sinks {
				h.m.Request(SessionKey(i), &sinks[i], request(b, "V 262=md|263=1|264=10|265=1|267=3|269=0|269=1|269=2|"+allSymbols))
			}
			b.ReportAllocs()
			events, commands := 0, 0
			for b.Loop() {
				b.StopTimer()
				h.buf = nil
				for range 100 { // about what comes within a millisecond
					c := h.gen.Next()
					n := len(h.buf)
					h.buf = h.e.Apply(&c, h.buf)
					h.gen.See(h.buf[n:])
				}
				if err := h.view.Apply(h.buf); err != nil {
					b.Fatal(err)
				}
				events += len(h.buf)
				commands += 100
				b.StartTimer()
				h.note(h.buf)
				h.m.pass()
			}
			messages := 0
			for i := range sinks {
				messages += sinks[i].messages
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(commands), "ns/command")
			b.ReportMetric(float64(messages)/float64(commands), "messages/command")
		})
	}
}
