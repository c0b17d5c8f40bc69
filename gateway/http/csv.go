package http

import (
	"bytes"
	"encoding/csv"
	"strings"
)

// CSV is as RFC 4180 has it: a header, CRLF at the end of every line, and quotes where a field needs them.
//
// Names and references are other people's text, and a spreadsheet takes a cell that begins with =, +, - or @ for a formula.
// Such a text, and one that begins with an apostrophe, gets an apostrophe in front: a program that reads the file takes one
// away where there is one, and has exactly what was there. Numbers are left as they are; a plain negative number is no
// formula that does anything.

const csvType = "text/csv; charset=utf-8"

// formulaStarts begin a formula in a spreadsheet, and the apostrophe itself.
const formulaStarts = "=+-@'"

// csvText makes a text safe to open in a spreadsheet.
func csvText(s string) string {
	if s != "" && strings.IndexByte(formulaStarts, s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// appendCSV appends rows to a file.
func appendCSV(dst []byte, rows [][]string) []byte {
	b := bytes.NewBuffer(dst)
	w := csv.NewWriter(b)
	w.UseCRLF = true
	if err := w.WriteAll(rows); err != nil {
		panic("gateway/http: CSV to memory: " + err.Error()) // only a writer that fails makes it fail
	}
	return b.Bytes()
}

// safeName makes a name into a part of a file's name.
func safeName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, s)
}
