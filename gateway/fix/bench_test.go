package fix_test

import (
	"fmt"
	"testing"
)

// BenchmarkRoundTrip sends one order after the other, each after the answer to the one before.
func BenchmarkRoundTrip(b *testing.B) {
	v := openVenue(b, "", options{})
	c := v.online(b, "TRADE1")
	for i := 0; b.Loop(); i++ {
		c.send("D", order(fmt.Sprint("b", i), "1", "10.00", "1"))
		if _, err := c.r.Next(); err != nil {
			b.Fatal(err)
		}
		if i%10_000 == 9_999 {
			b.StopTimer()
			c.send("q", "11=q"+fmt.Sprint(i)+"|530=7|60=20240101-00:00:00|")
			for range 10_001 {
				if _, err := c.r.Next(); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
	}
}

// BenchmarkPipelined sends a thousand orders at once, then takes them out; an operation is one of the thousand.
func BenchmarkPipelined(b *testing.B) {
	const n = 1000
	v := openVenue(b, "", options{})
	c := v.online(b, "TRADE1")
	read := func(n int) {
		for range n {
			if _, err := c.r.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
	var all []byte
	b.ResetTimer()
	for done := 0; done < b.N; done += n {
		b.StopTimer()
		all = all[:0]
		for i := range n {
			all = append(all, c.frame("D", order(fmt.Sprint("p", done+i), "1", "10.00", "1"))...)
			c.next++
		}
		b.StartTimer()
		c.write(all)
		read(n)
		b.StopTimer()
		c.send("q", fmt.Sprintf("11=q%d|530=7|60=20240101-00:00:00|", done))
		read(n + 1)
		b.StartTimer()
	}
}
