package http

import (
	"strconv"

	"uncross/engine/wire"
)

// The gateway's own reasons, given before a command enters the core (or, for OutcomeUnknown, when its answer did not
// come). The numbers are part of the interface and never change. Reasons below 1000 are the engine's.
const (
	MalformedRequest  wire.Reason = 1000
	MalformedJSON     wire.Reason = 1001
	UnknownField      wire.Reason = 1002
	DuplicateField    wire.Reason = 1003
	MissingField      wire.Reason = 1004
	WrongType         wire.Reason = 1005
	InvalidValue      wire.Reason = 1006
	UnknownParameter  wire.Reason = 1007
	InvalidCursor     wire.Reason = 1008
	NotADecimal       wire.Reason = 1009
	PriceOffTick      wire.Reason = 1010
	QuantityOffLot    wire.Reason = 1011
	TooManyDecimals   wire.Reason = 1012
	NumberTooLarge    wire.Reason = 1013
	BatchTooLarge     wire.Reason = 1014
	NotPositive       wire.Reason = 1015
	NoSuchRoute       wire.Reason = 1020
	MethodNotAllowed  wire.Reason = 1021
	BodyTooLarge      wire.Reason = 1022
	UnsupportedMedia  wire.Reason = 1023
	HeaderTooLarge    wire.Reason = 1024
	RequestTimeout    wire.Reason = 1025
	URLTooLong        wire.Reason = 1026
	UpgradeRequired   wire.Reason = 1027
	NotAuthenticated  wire.Reason = 1030
	UnknownSession    wire.Reason = 1031
	SessionExpired    wire.Reason = 1032
	BadSignature      wire.Reason = 1033
	OutsideTimeWindow wire.Reason = 1034
	ReplayedRequest   wire.Reason = 1035
	MalformedAuth     wire.Reason = 1036
	HistoryTrimmed    wire.Reason = 1040
	NotOffered        wire.Reason = 1041
	TooManyRequests   wire.Reason = 1050
	TooManySessions   wire.Reason = 1051
	TooManyConns      wire.Reason = 1052
	TooManySubscribed wire.Reason = 1053
	Busy              wire.Reason = 1060
	NotReady          wire.Reason = 1061
	NotLeader         wire.Reason = 1062
	ShuttingDown      wire.Reason = 1063
	OutcomeUnknown    wire.Reason = 1064
	NotApplied        wire.Reason = 1065
	Behind            wire.Reason = 1066
	ChangeRefused     wire.Reason = 1067
	Internal          wire.Reason = 1070
)

// reasonInfo is what the interface says about a reason.
type reasonInfo struct {
	name     string
	sentence string
	status   int // of the HTTP answer
	retry    int // seconds for Retry-After; 0: no such header
}

// gatewayReasons is the one table of the gateway's reasons.
var gatewayReasons = map[wire.Reason]reasonInfo{
	MalformedRequest:  {"malformed_request", "the request is not well-formed HTTP, or a part of its address is not", 400, 0},
	MalformedJSON:     {"malformed_json", "the body is not one JSON object in UTF-8 with nothing after it", 400, 0},
	UnknownField:      {"unknown_field", "a field is not known here; nothing is ignored silently", 400, 0},
	DuplicateField:    {"duplicate_field", "a field is given more than once", 400, 0},
	MissingField:      {"missing_field", "a field or parameter that is needed is absent or empty", 400, 0},
	WrongType:         {"wrong_type", "a field has another JSON type than it must", 400, 0},
	InvalidValue:      {"invalid_value", "a field or parameter has a value that it cannot have", 400, 0},
	UnknownParameter:  {"unknown_parameter", "a query parameter is not known here, or is given twice; nothing is ignored silently", 400, 0},
	InvalidCursor:     {"invalid_cursor", "the cursor was not given out by this list", 400, 0},
	NotADecimal:       {"not_a_decimal", "not a plain decimal number: digits, and at most one point with digits on both sides", 400, 0},
	PriceOffTick:      {"price_off_tick", "the price is not a multiple of the instrument's tick", 400, 0},
	QuantityOffLot:    {"quantity_off_lot", "the quantity is not a multiple of the instrument's lot", 400, 0},
	TooManyDecimals:   {"too_many_decimals", "the number has more decimals than the asset or instrument has", 400, 0},
	NumberTooLarge:    {"number_too_large", "the number is beyond what the venue can hold", 400, 0},
	BatchTooLarge:     {"batch_too_large", "the batch has no operation, or more than it may", 400, 0},
	NotPositive:       {"not_positive", "the number must be above zero", 400, 0},
	NoSuchRoute:       {"no_such_route", "there is nothing at this address", 404, 0},
	MethodNotAllowed:  {"method_not_allowed", "this address does not take this method; see the Allow header", 405, 0},
	BodyTooLarge:      {"body_too_large", "the body is larger than it may be", 413, 0},
	UnsupportedMedia:  {"unsupported_media_type", "a body must be application/json without any content encoding", 415, 0},
	HeaderTooLarge:    {"header_too_large", "the request line and headers are larger than they may be", 431, 0},
	RequestTimeout:    {"request_timeout", "the request did not arrive completely in time", 408, 0},
	URLTooLong:        {"url_too_long", "the address is longer than it may be", 414, 0},
	UpgradeRequired:   {"upgrade_required", "this address takes WebSocket handshakes of version 13 only", 426, 0},
	NotAuthenticated:  {"not_authenticated", "this needs a session: log on and authenticate the request", 401, 0},
	UnknownSession:    {"unknown_session", "there is no such session (it ended, or the server was restarted): log on again", 401, 0},
	SessionExpired:    {"session_expired", "the session has expired: log on again", 401, 0},
	BadSignature:      {"bad_signature", "the signature or request authentication code does not match", 401, 0},
	OutsideTimeWindow: {"outside_time_window", "the request's time is too far from the server's", 401, 0},
	ReplayedRequest:   {"replayed_request", "the request number has been used in this session, or is too old", 401, 0},
	MalformedAuth:     {"malformed_authentication", "an authentication header or logon field is not well-formed", 401, 0},
	HistoryTrimmed:    {"history_trimmed", "this reaches back to what the node no longer keeps; the lists say from when on it does", 410, 0},
	NotOffered:        {"not_offered", "this server is not set up to answer this", 501, 0},
	TooManyRequests:   {"too_many_requests", "more requests than the limit; slow down", 429, 1},
	TooManySessions:   {"too_many_sessions", "more sessions than the limit; end one or wait", 429, 5},
	TooManyConns:      {"too_many_connections", "more connections than the limit; reuse them or wait", 429, 1},
	TooManySubscribed: {"too_many_subscriptions", "more subscriptions on this connection than the limit; end one, or open another connection", 429, 0},
	Busy:              {"busy", "the venue is busy; this was not applied", 503, 1},
	NotReady:          {"not_ready", "this node does not serve yet, or no longer; this was not applied", 503, 1},
	NotLeader:         {"not_leader", "this node does not take commands now; this was not applied", 503, 1},
	ShuttingDown:      {"shutting_down", "the node is shutting down; this was not applied", 503, 1},
	OutcomeUnknown:    {"outcome_unknown", "no answer came in time and the outcome is unknown: repeat with the same client_order_id (or reference) and sent_at", 504, 1},
	NotApplied:        {"not_applied", "the venue dropped this before it was durable; it was not applied", 503, 1},
	Behind:            {"behind", "this node has not applied the command that Uncross-Min-Applied names, and did not in time", 503, 1},
	ChangeRefused:     {"change_refused", "the cluster refuses this change; nothing was changed", 409, 0},
	Internal:          {"internal_error", "the gateway failed; it has been logged", 500, 0},
}

// engineStatus is the HTTP status for each of the engine's reasons; what is not named is 422: understood, and refused
// by the venue's rules.
var engineStatus = map[wire.Reason]int{
	wire.NotInitialised:     503,
	wire.AlreadyInitialised: 409,
	wire.UnknownKey:         401,
	wire.KeyRevoked:         401,
	wire.RoleNotAllowed:     403,
	wire.StaleNonce:         401,
	wire.UnknownAccount:     404,
	wire.NotYourAccount:     403,
	wire.UnknownInstrument:  404,
	wire.UnknownAsset:       404,
	wire.UnknownFirm:        404,
	wire.UnknownUser:        404,
	wire.InvalidClientID:    400,
	wire.TooOld:             409,
	wire.DuplicateClientID:  409,
	wire.SentInFuture:       400,
	wire.InvalidSide:        400,
	wire.InvalidOrderType:   400,
	wire.InvalidTimeInForce: 400,
	wire.InvalidFlags:       400,
	wire.InvalidFunds:       400,
	wire.UnknownOrder:       404,
	wire.OrderNotOpen:       409,
	wire.InvalidName:        400,
	wire.DuplicateName:      409,
	wire.InvalidDecimals:    400,
	wire.InvalidTickOrLot:   400,
	wire.InvalidLimits:      400,
	wire.InvalidFee:         400,
	wire.InvalidRole:        400,
	wire.InvalidPublicKey:   400,
	wire.DuplicateKey:       409,
	wire.InvalidPhase:       400,
	wire.InvalidReference:   400,
	wire.InvalidAmount:      400,
	wire.UnknownSession:     404,
	wire.NotYourSession:     403,
	wire.SessionDisabled:    403,
	wire.InvalidSession:     400,
}

// ReasonName returns the name of a reason of the engine or of the gateway, as the interface shows it.
func ReasonName(r wire.Reason) string { return info(r).name }

// info returns what the interface says about any reason.
func info(r wire.Reason) reasonInfo {
	if i, ok := gatewayReasons[r]; ok {
		return i
	}
	status, ok := engineStatus[r]
	if !ok {
		status = 422
	}
	return reasonInfo{name: r.String(), sentence: r.Sentence(), status: status}
}

// Error is a refusal as the interface shows it. It goes to the client whole: nothing secret belongs in it.
type Error struct {
	Reason wire.Reason
	Detail string // what about this request, in words; may be empty
	Field  string // the field or parameter that it is about; may be empty
	Repeat bool   // the refusal of an earlier, equal command, given again
	Leader *Peer  // of NotLeader: where to go instead; nil: not known
	status int    // instead of the reason's own; 0: that
}

// Error returns the refusal in one line.
func (e *Error) Error() string {
	i := info(e.Reason)
	s := strconv.Itoa(int(e.Reason)) + " " + i.name + ": " + i.sentence
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Status returns the HTTP status that the refusal is answered with.
func (e *Error) Status() int {
	if e.status != 0 {
		return e.status
	}
	return info(e.Reason).status
}

// refuse makes an Error about nothing in particular.
func refuse(r wire.Reason, detail string) *Error { return &Error{Reason: r, Detail: detail} }

// refuseField makes an Error about one field or parameter.
func refuseField(r wire.Reason, field, detail string) *Error {
	return &Error{Reason: r, Field: field, Detail: detail}
}

// errorBody is the one shape of every error answer.
type errorBody struct {
	Error errorText `json:"error"`
}

type errorText struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
	Field   string `json:"field,omitempty"`
	Repeat  bool   `json:"repeat,omitempty"`
	Leader  *Peer  `json:"leader,omitempty"`
}

func (e *Error) body() errorText {
	i := info(e.Reason)
	return errorText{int(e.Reason), i.name, i.sentence, e.Detail, e.Field, e.Repeat, e.Leader}
}
