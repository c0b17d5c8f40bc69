package report

import (
	"maps"
	"slices"

	"uncross/engine/wire"
)

// The FIX gateway's own reasons, given before a request enters the core. The numbers are part of the interface and never
// change. Where a reason is about one tag, the refusal names the tag beside it.
const (
	MissingTag        wire.Reason = 1100
	InvalidValue      wire.Reason = 1101
	NotADecimal       wire.Reason = 1102
	PriceOffTick      wire.Reason = 1103
	QuantityOffLot    wire.Reason = 1104
	TooManyDecimals   wire.Reason = 1105
	NumberTooLarge    wire.Reason = 1106
	NotPositive       wire.Reason = 1107
	InvalidID         wire.Reason = 1108 // ClOrdID and the like: too long, or with bytes that an id cannot have
	OrderMismatch     wire.Reason = 1109
	CurrencyMismatch  wire.Reason = 1111
	NoAccount         wire.Reason = 1112
	PriceNotAllowed   wire.Reason = 1113
	UnsupportedType   wire.Reason = 1120
	UnsupportedTIF    wire.Reason = 1121
	UnsupportedInst   wire.Reason = 1122
	UnsupportedTag    wire.Reason = 1123
	UnsupportedScope  wire.Reason = 1124
	UnsupportedChange wire.Reason = 1125
	UnsupportedMsg    wire.Reason = 1126
	UnsupportedValue  wire.Reason = 1127
	NoDayOrders       wire.Reason = 1128
	NotForThisSession wire.Reason = 1140
	NoOpenOrders      wire.Reason = 1141
	UsedID            wire.Reason = 1142
	TooManyRequests   wire.Reason = 1150
	TooManyAnswers    wire.Reason = 1151
	Busy              wire.Reason = 1160
	NotReady          wire.Reason = 1161
	ShuttingDown      wire.Reason = 1162
	Unavailable       wire.Reason = 1163
	Internal          wire.Reason = 1170
)

// gatewayReasons is the one table of this gateway's names and sentences.
var gatewayReasons = map[wire.Reason][2]string{
	MissingTag:        {"missing_tag", "a tag that this request needs is absent"},
	InvalidValue:      {"invalid_value", "a tag has a value that it cannot have"},
	NotADecimal:       {"malformed_number", "not a plain decimal number: digits, and at most one point with digits on both sides"},
	PriceOffTick:      {"price_off_tick", "the price is not a multiple of the instrument's tick"},
	QuantityOffLot:    {"quantity_off_lot", "the quantity is not a multiple of the instrument's lot"},
	TooManyDecimals:   {"too_many_decimals", "the number has more decimals than the asset or instrument has"},
	NumberTooLarge:    {"number_too_large", "the number is beyond what the venue can hold"},
	NotPositive:       {"not_positive", "the number must be above zero"},
	InvalidID:         {"invalid_id", "an id is 1 to 36 printable ASCII characters without spaces at the ends"},
	OrderMismatch:     {"order_mismatch", "the order's ids, side and symbol do not name one and the same order"},
	CurrencyMismatch:  {"currency_mismatch", "the currency is not the instrument's quote asset"},
	NoAccount:         {"no_account", "the request names no account and the session has none"},
	PriceNotAllowed:   {"price_not_allowed", "a market order has no limit price"},
	UnsupportedType:   {"unsupported_order_type", "the venue does not have this order type"},
	UnsupportedTIF:    {"unsupported_time_in_force", "the venue does not have this time in force"},
	UnsupportedInst:   {"unsupported_instruction", "the venue does not have this instruction"},
	UnsupportedTag:    {"unsupported_tag", "the tag asks for something that the venue does not do; nothing is ignored silently"},
	UnsupportedScope:  {"unsupported_scope", "the venue does not take this request for this set of orders"},
	UnsupportedChange: {"unsupported_change", "a replace changes price and quantity only"},
	UnsupportedMsg:    {"unsupported_message", "Unsupported Message Type"},
	UnsupportedValue:  {"unsupported_value", "the venue does not have this value of the tag"},
	NoDayOrders:       {"no_day_orders", "the venue has no day orders: good till cancel (1), immediate or cancel (3), fill or kill (4)"},
	NotForThisSession: {"not_on_this_session", "this kind of session does not take this request"},
	NoOpenOrders:      {"no_open_orders", "there is no open order of this kind"},
	UsedID:            {"used_id", "the client order id has been used before"},
	TooManyRequests:   {"too_many_requests", "more requests than the limit; slow down"},
	TooManyAnswers:    {"too_many_answers", "the answer is larger than the limit; ask for less"},
	Busy:              {"busy", "the venue is busy; this was not applied"},
	NotReady:          {"not_ready", "this node does not serve yet, or no longer; this was not applied"},
	ShuttingDown:      {"shutting_down", "the node is shutting down; this was not applied"},
	Unavailable:       {"unavailable", "this cannot be read at the moment"},
	Internal:          {"internal_error", "the gateway failed; it has been logged"},
}

// ReasonName returns the name of a reason of the engine or of this gateway, in lower case with underscores.
func ReasonName(r wire.Reason) string {
	if n, ok := gatewayReasons[r]; ok {
		return n[0]
	}
	return r.String()
}

// ReasonSentence returns what a reason of the engine or of this gateway means, in words for the client.
func ReasonSentence(r wire.Reason) string {
	if n, ok := gatewayReasons[r]; ok {
		return n[1]
	}
	if s := r.Sentence(); s != "" {
		return s
	}
	return "refused"
}

// Reasons returns this gateway's own reasons in the order of their numbers.
func Reasons() []wire.Reason { return slices.Sorted(maps.Keys(gatewayReasons)) }
