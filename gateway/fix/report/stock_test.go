package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"uncross/gateway/fix/message"
)

// What the FIX 4.4 dictionary of stock engines says of the messages here: which tags they must have, which they may have
// of those that a venue like this one would think of, and which values it knows. Engines that validate refuse the rest.
var (
	required = map[string][]int{
		"8": {37, 17, 150, 39, 55, 54, 151, 14, 6}, "9": {37, 11, 41, 39, 434}, "r": {37, 530, 531}, "j": {372, 380}, "3": {45},
	}
	allowed = map[string][]int{
		"8": {1, 6, 11, 12, 13, 14, 15, 17, 18, 31, 32, 37, 38, 39, 40, 41, 44, 54, 55, 58, 59, 60, 75, 99, 103, 111, 150, 151, 152, 378, 479, 527, 584, 636, 790, 797, 851, 911, 912},
		"9": {1, 11, 37, 39, 41, 58, 60, 75, 102, 434, 636},
		"r": {11, 37, 54, 55, 58, 60, 530, 531, 532, 533},
		"j": {45, 58, 372, 379, 380},
		"3": {45, 58, 371, 372, 373},
	}
	values = map[int]string{
		13: "1 2 3 4 5 6", 18: "1 2 3 4 5 6 7 8 9 0", 39: "0 1 2 3 4 6 7 8 9 A B C D E", 40: "1 2 3 4", 54: "1 2 3 4 5 6 7",
		59: "0 1 2 3 4 5 6 7", 102: "0 1 2 3 4 5 6 99", 103: "0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 99",
		150: "0 3 4 5 6 7 8 9 A B C D E F G H I", 378: "0 1 2 3 4 5 6 7 8 9 10 99", 380: "0 1 2 3 4 5 6 7", 434: "1 2",
		530: "1 2 3 4 5 6 7", 531: "0 1 2 3 4 5 6 7", 532: "0 1 2 3 4 5 6", 797: "Y N", 851: "1 2 3", 912: "Y N",
		373: "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 99",
	}
)

// check holds a body against the stock dictionary, and returns it with '|' between its fields.
func check(t *testing.T, stored []byte) string {
	t.Helper()
	b, err := message.ParseBody(stored)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSuffix(string(stored), "\x01"), "\x01")
	have := map[int]string{}
	for _, p := range parts[1:] {
		var tag int
		name, v, ok := strings.Cut(p, "=")
		if _, err := fmt.Sscan(name, &tag); err != nil || !ok || v == "" {
			t.Errorf("field %q of %q", p, stored)
		}
		if _, twice := have[tag]; twice {
			t.Errorf("tag %d is twice in %q", tag, stored)
		}
		have[tag] = v
		if !slices.Contains(allowed[b.Type()], tag) {
			t.Errorf("tag %d is no tag of %q", tag, stored)
		}
		if known := values[tag]; known != "" && !slices.Contains(strings.Fields(known), v) {
			t.Errorf("value %s of tag %d in %q", v, tag, stored)
		}
	}
	for _, tag := range required[b.Type()] {
		if have[tag] == "" {
			t.Errorf("tag %d is missing in %q", tag, stored)
		}
	}
	return strings.Join(parts, "|")
}
