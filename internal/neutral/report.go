package neutral

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Report writes the result as a short table.
func (r *Result) Report(w io.Writer, title string, took time.Duration) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, title)
	kinds := make([]string, 0, 5)
	for _, k := range []Kind{Resting, New, Enter, Uncross, Cancel} {
		if n := r.Kinds[k]; n > 0 {
			kinds = append(kinds, fmt.Sprintf("%c %s", k, group(n)))
		}
	}
	line("commands", "%s (%s)", group(r.Commands), strings.Join(kinds, ", "))
	line("refused", "%s", group(r.Refused))
	line("trades", "%s of %s equal, %s too many", group(r.Trades.Equal), group(r.Trades.Total), group(r.Extra))
	line("cancels", "%s of %s leave what the exchange says", group(r.Cancels.Equal), group(r.Cancels.Total))
	line("auctions", "%s of %s at the exchange's price and volume", group(r.Auctions.Equal), group(r.Auctions.Total))
	s := &r.Snapshots
	switch {
	case !s.Present:
		line("snapshots", "none compared")
	default:
		line("snapshots", "%s of %s equal in continuous trading (%s name no command), %s of %s in other phases, %s in the file",
			group(s.Equal), group(s.Counted), group(s.Unnamed), group(s.Others.Equal), group(s.Others.Total), group(s.InFile))
	}
	line("time", "%v, %s commands/s with reading and checking", took.Round(time.Millisecond), group(perSecond(r.Commands, took)))
	if r.OK() {
		line("difference", "none")
	} else {
		line("difference", "the first one: %s", r.First)
	}
}

func perSecond(n uint64, took time.Duration) uint64 {
	if took <= 0 {
		return 0
	}
	return uint64(float64(n) / took.Seconds())
}

// group writes n with commas between thousands.
func group(n uint64) string {
	s := fmt.Sprintf("%d", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
