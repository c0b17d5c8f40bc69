package message

import "time"

const (
	nsPerSecond   = int64(time.Second)
	secondsPerDay = 86_400
	lastYear      = 2261 // the last whole year that nanoseconds since 1970 can count in 64 bits
)

// AppendTime appends a UTCTimestamp with microseconds: "20060102-15:04:05.000000". ns counts from 1970; what is below
// a microsecond is cut off, and times before 1970 are written as 1970's first instant.
func AppendTime(dst []byte, ns int64) []byte {
	if ns < 0 {
		ns = 0
	}
	seconds, micros := ns/nsPerSecond, int(ns%nsPerSecond/1000)
	dst = AppendDate(dst, ns)
	s := int(seconds % secondsPerDay)
	dst = append(dst, '-')
	dst = appendDigits(dst, s/3600, 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, s/60%60, 2)
	dst = append(dst, ':')
	dst = appendDigits(dst, s%60, 2)
	dst = append(dst, '.')
	return appendDigits(dst, micros, 6)
}

// AppendDate appends a UTCDateOnly or LocalMktDate: "20060102", the day of ns in UTC.
func AppendDate(dst []byte, ns int64) []byte {
	if ns < 0 {
		ns = 0
	}
	y, m, d := civil(ns / nsPerSecond / secondsPerDay)
	dst = appendDigits(dst, y, 4)
	dst = appendDigits(dst, m, 2)
	return appendDigits(dst, d, 2)
}

// timeSize is the length of what AppendTime appends.
const timeSize = len("20060102-15:04:05.000000")

// ParseTime reads a UTCTimestamp: "20060102-15:04:05", without or with one to nine digits after a point. Second 60, a
// leap second, counts as the next minute's first. It returns nanoseconds since 1970, and false for anything else and
// for years outside 1970–2261.
func ParseTime(v []byte) (ns int64, ok bool) {
	const plain = len("20060102-15:04:05")
	if len(v) < plain || v[8] != '-' || v[11] != ':' || v[14] != ':' {
		return 0, false
	}
	days, ok := ParseDate(v[:8])
	if !ok {
		return 0, false
	}
	h, ok1 := digits(v[9:11])
	m, ok2 := digits(v[12:14])
	s, ok3 := digits(v[15:17])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	fraction, ok := parseFraction(v[plain:])
	if !ok {
		return 0, false
	}
	return (days*secondsPerDay+int64(h*3600+m*60+s))*nsPerSecond + fraction, true
}

// parseFraction reads nothing, or a point and one to nine digits, as nanoseconds.
func parseFraction(v []byte) (int64, bool) {
	if len(v) == 0 {
		return 0, true
	}
	if v[0] != '.' || len(v) < 2 || len(v) > 10 {
		return 0, false
	}
	n, ok := digits(v[1:])
	if !ok {
		return 0, false
	}
	for i := len(v); i < 10; i++ {
		n *= 10
	}
	return int64(n), true
}

// ParseDate reads "20060102" as whole days since 1970, and false for what is no day of the years 1970–2261.
func ParseDate(v []byte) (days int64, ok bool) {
	if len(v) != 8 {
		return 0, false
	}
	y, ok1 := digits(v[:4])
	m, ok2 := digits(v[4:6])
	d, ok3 := digits(v[6:])
	if !ok1 || !ok2 || !ok3 || y < 1970 || y > lastYear || m < 1 || m > 12 || d < 1 || d > monthDays(y, m) {
		return 0, false
	}
	return daysBefore(y, m) + int64(d-1), true
}

func monthDays(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore counts the days from 1970 to the first of a month (the proleptic Gregorian calendar's usual formula, with
// years that begin in March so that the leap day comes last).
func daysBefore(y, m int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	yearDays := 365*y + y/4 - y/100 + y/400
	return int64(yearDays + (153*(m-3)+2)/5 - 719_468)
}

// civil is daysBefore's inverse: the year, month and day of a number of days since 1970.
func civil(days int64) (y, m, d int) {
	z := int(days) + 719_468
	era := z / 146_097
	doe := z - era*146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	y, m, d = yoe+era*400, mp+3, doy-(153*mp+2)/5+1
	if m > 12 {
		y++
		m -= 12
	}
	return y, m, d
}

// digits reads only digits; at most nine of them.
func digits(v []byte) (int, bool) {
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// appendDigits appends n with zeros in front up to width.
func appendDigits(dst []byte, n, width int) []byte {
	dst = append(dst, "0000000000"[:width]...)
	for i := len(dst) - 1; width > 0; i, width = i-1, width-1 {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
