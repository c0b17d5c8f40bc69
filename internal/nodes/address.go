package nodes

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports are below those that systems give to connections by themselves: a node that was away for a moment finds its own free.
const (
	lowestPort, highestPort = 12_000, 32_000
	portTries               = 1000
)

// claims are the UDP ports whose numbers are those of the addresses that were given.
var claims struct {
	sync.Mutex
	held []net.PacketConn
}

// FreeAddress returns an address on loopback at which nothing listens. Nobody else who asks here is given it as long as this process
// runs, in no process: the UDP port of the same number is held until then, and for nothing else.
func FreeAddress() (string, error) {
	for range portTries {
		at := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		claim, err := net.ListenPacket("udp", at)
		if err != nil {
			continue
		}
		ln, err := net.Listen("tcp", at)
		if err != nil {
			claim.Close()
			continue
		}
		claims.Lock()
		claims.held = append(claims.held, claim)
		claims.Unlock()
		return at, ln.Close()
	}
	return "", fmt.Errorf("no free port from %d to %d on 127.0.0.1", lowestPort, highestPort-1)
}
