package fix_test

import (
	"fmt"
	"testing"

	"uncross/gateway/fix/message"
)

// TestHolesOneByOne has several messages missing and sends each of them alone: the next one is asked for at once, by its
// number, and only once.
func TestHolesOneByOne(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	at := func(n int) string { return fmt.Sprintf("34=%d|", n) + order(fmt.Sprint("n", n), "1", "10.00", "1") }
	late := func(n int) string {
		return "43=Y|122=" + string(message.AppendTime(nil, v.now().UnixNano())) + "|" + at(n)
	}
	c.send("D", at(3))
	c.want("2", "34=2|7=2|16=0")
	c.send("D", at(6)) // 2, 4, 5 and 7 are missing
	c.send("D", at(8))
	c.send("D", late(2))
	c.want("8", "34=3|11=n2")
	c.want("8", "34=4|11=n3")
	c.want("2", "34=5|7=4|16=5")
	c.send("D", at(9)) // further ahead: nothing is asked for again
	c.send("D", late(4))
	c.want("8", "34=6|11=n4") // 5 is of the same gap
	c.send("D", late(5))
	c.want("8", "34=7|11=n5")
	c.want("8", "34=8|11=n6")
	c.want("2", "34=9|7=7|16=7")
	c.send("4", "34=7|43=Y|122="+string(message.AppendTime(nil, v.now().UnixNano()))+"|123=Y|36=8")
	c.want("8", "34=10|11=n8")
	c.want("8", "34=11|11=n9")
	c.next = 10
	c.send("1", "112=end")
	c.want("0", "34=12|112=end")
	c.send("D", at(12)) // a gap of its own: asked for as a first one
	c.want("2", "34=13|7=11|16=0")
	c.send("0", "34=11")
	c.want("8", "34=14|11=n12")
	c.next = 13
	c.logout()
}

// TestHolesAreBounded sends every second message only: no more than a fixed number of gaps is asked for at once.
func TestHolesAreBounded(t *testing.T) {
	v := openVenue(t, "", options{})
	c := v.online(t, "TRADE1")
	const n, bound = 200, 64
	for i := 3; i <= n; i += 2 {
		c.send("0", fmt.Sprintf("34=%d", i))
	}
	c.want("2", "34=2|7=2|16=0")
	for i := 2; i < n; i += 2 { // each alone
		c.send("0", fmt.Sprintf("34=%d", i))
	}
	for i := range bound {
		c.want("2", fmt.Sprintf("34=%d|7=%d|16=%d", 3+i, 4+2*i, 4+2*i))
	}
	c.next = n
	c.send("1", "112=end")
	c.want("0", fmt.Sprintf("34=%d|112=end", 3+bound))
}
