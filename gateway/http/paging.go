package http

// This file has the lists that the view has whole, in order of id.

// byCursor pages a list that the view has in order of id. The cursor is the id of the last item seen.
func byCursor[T, A any](q *request, all func() []T, number func(*T) uint32, word func(*T) A) (any, *Error) {
	return byCursorOf(q, q.s.limits.PageDefault, all, number, word)
}

// wholeByCursor is byCursor for the lists that clients expect whole: without a limit a page is as long as it may be.
func wholeByCursor[T, A any](q *request, all func() []T, number func(*T) uint32, word func(*T) A) (any, *Error) {
	return byCursorOf(q, q.s.limits.Page, all, number, word)
}

func byCursorOf[T, A any](q *request, otherwise int, all func() []T, number func(*T) uint32, word func(*T) A) (any, *Error) {
	limit := q.fields.count("limit", q.s.limits.Page, otherwise)
	after, err := q.cursor()
	if err != nil {
		return nil, err
	}
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	asOf := q.s.view.Applied()
	items := all()
	out := list[A]{Items: []A{}, AsOf: id(asOf)}
	for i := range items {
		if uint64(number(&items[i])) <= after {
			continue
		}
		if len(out.Items) == limit {
			out.More = true
			break
		}
		out.Items = append(out.Items, word(&items[i]))
		out.Next = id(number(&items[i]))
	}
	return out, nil
}

// cursor reads the cursor of a list in order of id.
func (q *request) cursor() (uint64, *Error) {
	s := q.fields.optional("cursor")
	if s == "" {
		return 0, nil
	}
	n, err := parseNumber(s)
	if err != nil {
		return 0, refuseField(InvalidCursor, "cursor", "")
	}
	return n, nil
}
