package feed

import "time"

// due is a topic that waits until it may be published.
type due struct {
	at time.Time
	t  *topic
}

// dues is a heap of them: the one that is due first is in front.
type dues []due

func (h *dues) push(d due) {
	*h = append(*h, d)
	a := *h
	for i := len(a) - 1; i > 0; {
		up := (i - 1) / 2
		if !a[i].at.Before(a[up].at) {
			break
		}
		a[i], a[up] = a[up], a[i]
		i = up
	}
}

func (h *dues) pop() *topic {
	a := *h
	t := a[0].t
	n := len(a) - 1
	a[0], a[n] = a[n], due{}
	a = a[:n]
	*h = a
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < n; c++ {
			if a[c].at.Before(a[least].at) {
				least = c
			}
		}
		if least == i {
			return t
		}
		a[i], a[least] = a[least], a[i]
		i = least
	}
}
