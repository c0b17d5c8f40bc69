package http

// Object is one JSON object of a request, for other gateways that take JSON: read as strictly as the bodies here, in
// UTF-8, without duplicate names, to a bounded depth. What nobody takes is refused by Done.
type Object struct{ fields fields }

// ParseObject reads a whole text that must be one object.
func ParseObject(text []byte) (*Object, *Error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	return &Object{fields{object: o}}, nil
}

// Text returns a string member that must be there and not be empty.
func (o *Object) Text(name string) string { return o.fields.text(name) }

// Optional returns a string member, "" when it is absent.
func (o *Object) Optional(name string) string { return o.fields.optional(name) }

// Objects returns a member that must be a list of 1 to most objects. What is beyond is refused with BatchTooLarge.
func (o *Object) Objects(name string, most int) []*Object {
	v := o.fields.find(name)
	switch {
	case v == nil:
		o.fields.keep(refuseField(MissingField, name, ""))
		return nil
	case v.kind != jsonArray:
		o.fields.keep(refuseField(WrongType, name, "a list is needed, this is "+v.kind.String()))
		return nil
	case len(v.items) == 0 || len(v.items) > most:
		o.fields.keep(refuseField(BatchTooLarge, name, "1 to "+itoa(most)+" are taken"))
		return nil
	}
	all := make([]*Object, len(v.items))
	for i := range v.items {
		if v.items[i].kind != jsonObject {
			o.fields.keep(refuseField(WrongType, name+"["+itoa(i)+"]", "an object is needed, this is "+v.items[i].kind.String()))
			return nil
		}
		all[i] = &Object{fields{object: &v.items[i]}}
	}
	return all
}

// Done returns the first refusal, or one for a member that nothing took.
func (o *Object) Done() *Error { return o.fields.done() }
