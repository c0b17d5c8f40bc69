package foreign

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxProblemsShown is how many problems are kept with their text. All are counted.
const MaxProblemsShown = 20

// Problems are what is wrong in a file without stopping the import: each is counted under a name, and the first ones are
// kept with where they are.
type Problems struct {
	Kinds []Kind   // in the order of their first one
	Shown []string // the first MaxProblemsShown
}

// Kind is a number of happenings of one name.
type Kind struct {
	Name string
	N    uint64
}

func (p *Problems) add(kind, where, format string, args ...any) {
	p.note(kind, where+": "+fmt.Sprintf(format, args...))
}

// ends notes an error of a file that cannot be read on, so that the table of what was read before does not look like a whole one.
func (p *Problems) ends(err error) {
	if errors.Is(err, errDamaged) {
		p.note("file damaged", err.Error())
	}
}

func (p *Problems) note(kind, text string) {
	i := slices.IndexFunc(p.Kinds, func(k Kind) bool { return k.Name == kind })
	if i < 0 {
		i = len(p.Kinds)
		p.Kinds = append(p.Kinds, Kind{Name: kind})
	}
	p.Kinds[i].N++
	if len(p.Shown) < MaxProblemsShown {
		p.Shown = append(p.Shown, text)
	}
}

// Total returns how many there were.
func (p *Problems) Total() (n uint64) {
	for _, k := range p.Kinds {
		n += k.N
	}
	return n
}

// N returns how many there were of a name.
func (p *Problems) N(kind string) uint64 {
	for _, k := range p.Kinds {
		if k.Name == kind {
			return k.N
		}
	}
	return 0
}

func (p *Problems) report(w io.Writer) {
	if len(p.Kinds) == 0 {
		line(w, "problems", "none")
		return
	}
	line(w, "problems", "%s (%s)", group(p.Total()), kinds(p.Kinds))
	for _, s := range p.Shown {
		line(w, "", "%s", s)
	}
	if more := p.Total() - uint64(len(p.Shown)); more > 0 {
		line(w, "", "and %s more", group(more))
	}
}

// kinds writes numbers with their names; those that are 0 are left out.
func kinds(ks []Kind) string {
	var parts []string
	for _, k := range ks {
		if k.N > 0 {
			parts = append(parts, k.Name+" "+group(k.N))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// line writes one line of a report.
func line(w io.Writer, name, format string, args ...any) {
	fmt.Fprintf(w, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
}

// group writes n with commas between thousands.
func group(n uint64) string {
	s := fmt.Sprintf("%d", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count is how many there were and how many of them came out equal.
type Count struct{ Equal, Total uint64 }

func (c *Count) add(ok bool) {
	c.Total++
	if ok {
		c.Equal++
	}
}
