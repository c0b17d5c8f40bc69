package fix_test

import (
	"testing"
)

// TestLifeOfASession goes once through logon, test request, an order and its fill, and logout.
func TestLifeOfASession(t *testing.T) {
	v := openVenue(t, "", options{})
	a, b := v.dial(t, "TRADE1"), v.dial(t, "TRADE2")
	a.send("A", "98=0|108=30|554="+password)
	a.want("A", "34=1|49=UNCROSS|56=TRADE1|98=0|108=30|!141")
	b.logon("")
	a.send("1", "112=hello")
	a.want("0", "34=2|112=hello")
	a.send("D", order("o1", "1", "100.00", "2"))
	a.want("8", "34=3|150=0|39=0|11=o1|151=2|14=0")
	b.send("D", order("o2", "2", "100.00", "1"))
	b.want("8", "34=2|150=0|11=o2")
	b.want("8", "34=3|150=F|39=2|11=o2|32=1|31=100.00")
	a.want("8", "34=4|150=F|39=1|11=o1|32=1|151=1")
	a.send("F", "11=c1|41=o1|55=BTC/USD|54=1|60=20240101-00:00:00|38=2|")
	a.want("8", "34=5|150=4|39=4|11=c1|41=o1|14=1|151=0")
	a.logout()
	b.logout()
}
