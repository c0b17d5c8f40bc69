package remote

import (
	"fmt"
	"strconv"
	"strings"
)

// maxPriceDecimals bounds Config.PriceDecimals.
const maxPriceDecimals = 9

// decimals is how many of the last digits of a set's prices are behind the point of the venue's.
type decimals int

// text returns a price of the set as the venue writes it.
func (d decimals) text(price int64) string {
	s := strconv.FormatInt(price, 10)
	if d == 0 {
		return s
	}
	if short := int(d) + 1 - len(s); short > 0 {
		s = strings.Repeat("0", short) + s
	}
	return s[:len(s)-int(d)] + "." + s[len(s)-int(d):]
}

// parse reads a price of the venue, which has exactly as many decimals.
func (d decimals) parse(s string) (int64, error) {
	if d > 0 {
		if point := len(s) - 1 - int(d); point < 1 || s[point] != '.' {
			return 0, fmt.Errorf("the price %q has not %d decimals", s, d)
		}
		s = strings.Replace(s, ".", "", 1)
	}
	return strconv.ParseInt(s, 10, 64)
}

// tick returns the least price.
func (d decimals) tick() string { return d.text(1) }

// power returns 10^n units of the last decimal.
func (d decimals) power(n int) string { return "1" + strings.Repeat("0", n-int(d)) }
