package entry

import (
	"strings"

	"uncross/gateway/fix/message"
)

// Treatment says what the venue does with a field.
type Treatment uint8

// The treatments.
const (
	Used    Treatment = iota + 1 // it is part of what the message asks for
	Ignored                      // it says something about the order, and asks the venue for nothing
	Refused                      // it asks for something that the venue does not have
)

// FieldRule is what the venue does with one field of the messages of this package.
type FieldRule struct {
	Tag       int
	Name      string
	Types     string // message types that the rule is for, separated by spaces; empty: all
	Treatment Treatment
	Values    string // accepted values, separated by spaces; empty: any. Another one is refused
	Why       string // one sentence, for the rules of engagement
}

// rules are the fields with something to say about them. What is not here is refused.
var rules = []FieldRule{
	{Tag: 1, Name: "Account", Treatment: Used, Why: "the account; without it the session's own"},
	{Tag: 11, Name: "ClOrdID", Treatment: Used, Why: "1 to 36 printable ASCII characters, no space at the ends; unique in the account"},
	{Tag: 15, Name: "Currency", Types: "D G", Treatment: Used, Why: "prices are in the instrument's quote currency: only that is accepted"},
	{Tag: 18, Name: "ExecInst", Types: "D G", Treatment: Used, Values: "6", Why: "6: post-only, refused when it would trade on entry. In a replace only for an order that has it"},
	{Tag: 37, Name: "OrderID", Treatment: Used, Why: "the venue's number of the order; goes before the client's id"},
	{Tag: 38, Name: "OrderQty", Types: "D G", Treatment: Used, Why: "in units of the base currency; in a replace the new total, what has traded included"},
	{Tag: 40, Name: "OrdType", Types: "D", Treatment: Used, Values: "1 2", Why: "market and limit orders"},
	{Tag: 40, Name: "OrdType", Types: "G", Treatment: Used, Values: "2", Why: "an open order is a limit order and stays one"},
	{Tag: 41, Name: "OrigClOrdID", Treatment: Used, Why: "the latest client id of the order"},
	{Tag: 44, Name: "Price", Types: "D G", Treatment: Used, Why: "the limit; of a market order the protection price: it trades at that price or better"},
	{Tag: 54, Name: "Side", Types: "D F G H AF", Treatment: Used, Values: "1 2", Why: "buy and sell; where an order is named it must be that order's"},
	{Tag: 55, Name: "Symbol", Treatment: Used, Why: "the instrument; where an order is named it must be that order's"},
	{Tag: 59, Name: "TimeInForce", Types: "D", Treatment: Used, Values: "1 3 4", Why: "good till cancel, immediate or cancel, fill or kill; without it a limit order is good till cancel and a market order immediate or cancel. There is no end of day, so that a day order is refused: it would live longer than its sender asked"},
	{Tag: 59, Name: "TimeInForce", Types: "G", Treatment: Used, Values: "1", Why: "an open order is good till cancel and stays so"},
	{Tag: 152, Name: "CashOrderQty", Types: "D", Treatment: Used, Why: "of a market buy instead of 38: spend at most this much of the quote currency, fees included"},
	{Tag: 530, Name: "MassCancelRequestType", Types: "q", Treatment: Used, Values: "1 7", Why: "the orders of one instrument (55), or all"},
	{Tag: 584, Name: "MassStatusReqID", Types: "AF", Treatment: Used, Why: "comes back in every report"},
	{Tag: 585, Name: "MassStatusReqType", Types: "AF", Treatment: Used, Values: "1 7", Why: "the orders of one instrument (55), or all"},
	{Tag: 790, Name: "OrdStatusReqID", Types: "H", Treatment: Used, Why: "comes back in the report"},

	{Tag: 21, Name: "HandlInst", Treatment: Ignored, Values: "1 2 3", Why: "how a broker handles an order; at the venue every order is automated"},
	{Tag: 22, Name: "SecurityIDSource", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 23, Name: "IOIID", Treatment: Ignored, Why: "between the client and others"},
	{Tag: 38, Name: "OrderQty", Types: "F", Treatment: Ignored, Why: "a cancel takes all that is left"},
	{Tag: 48, Name: "SecurityID", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 58, Name: "Text", Treatment: Ignored, Why: "a remark"},
	{Tag: 60, Name: "TransactTime", Treatment: Ignored, Why: "the venue's own time counts"},
	{Tag: 63, Name: "SettlType", Treatment: Ignored, Values: "0", Why: "a trade settles at once"},
	{Tag: 64, Name: "SettlDate", Treatment: Ignored, Why: "a trade settles at once"},
	{Tag: 75, Name: "TradeDate", Treatment: Ignored, Why: "the venue's own date counts"},
	{Tag: 78, Name: "NoAllocs", Treatment: Ignored, Values: "0", Why: "there is no allocation: an order trades for one account; 0 asks for none"},
	{Tag: 81, Name: "ProcessCode", Treatment: Ignored, Values: "0", Why: "regular orders only"},
	{Tag: 100, Name: "ExDestination", Treatment: Ignored, Why: "there is no routing: the destination is here"},
	{Tag: 106, Name: "Issuer", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 107, Name: "SecurityDesc", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 110, Name: "MinQty", Treatment: Ignored, Values: "0", Why: "there is no minimum quantity of a trade; 0 asks for none"},
	{Tag: 114, Name: "LocateReqd", Treatment: Ignored, Values: "N", Why: "there are no short sales"},
	{Tag: 121, Name: "ForexReq", Treatment: Ignored, Values: "N", Why: "a trade settles in the instrument's own currencies"},
	{Tag: 140, Name: "PrevClosePx", Treatment: Ignored, Why: "a remark"},
	{Tag: 167, Name: "SecurityType", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 207, Name: "SecurityExchange", Treatment: Ignored, Why: "there is no routing: the exchange is this one"},
	{Tag: 229, Name: "TradeOriginationDate", Treatment: Ignored, Why: "between the client and its customer"},
	{Tag: 348, Name: "EncodedIssuerLen", Treatment: Ignored, Why: "a remark"},
	{Tag: 349, Name: "EncodedIssuer", Treatment: Ignored, Why: "a remark"},
	{Tag: 350, Name: "EncodedSecurityDescLen", Treatment: Ignored, Why: "a remark"},
	{Tag: 351, Name: "EncodedSecurityDesc", Treatment: Ignored, Why: "a remark"},
	{Tag: 354, Name: "EncodedTextLen", Treatment: Ignored, Why: "a remark"},
	{Tag: 355, Name: "EncodedText", Treatment: Ignored, Why: "a remark"},
	{Tag: 376, Name: "ComplianceID", Treatment: Ignored, Why: "between the client and others"},
	{Tag: 377, Name: "SolicitedFlag", Treatment: Ignored, Why: "between the client and its customer"},
	{Tag: 386, Name: "NoTradingSessions", Treatment: Ignored, Values: "0", Why: "there are no trading sessions to choose from; 0 chooses none"},
	{Tag: 423, Name: "PriceType", Treatment: Ignored, Values: "2", Why: "prices are per unit"},
	{Tag: 426, Name: "DayAvgPx", Treatment: Ignored, Why: "a remark"},
	{Tag: 427, Name: "GTBookingInst", Treatment: Ignored, Why: "between the client and its clearer"},
	{Tag: 454, Name: "NoSecurityAltID", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 455, Name: "SecurityAltID", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 456, Name: "SecurityAltIDSource", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 460, Name: "Product", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 461, Name: "CFICode", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 480, Name: "CancellationRights", Treatment: Ignored, Why: "between the client and its customer"},
	{Tag: 481, Name: "MoneyLaunderingStatus", Treatment: Ignored, Why: "between the client and its customer"},
	{Tag: 494, Name: "Designation", Treatment: Ignored, Why: "between the client and its customer"},
	{Tag: 513, Name: "RegistID", Treatment: Ignored, Why: "between the client and its customer"},
	{Tag: 526, Name: "SecondaryClOrdID", Treatment: Ignored, Why: "a remark; it does not come back"},
	{Tag: 528, Name: "OrderCapacity", Treatment: Ignored, Why: "all orders are matched alike"},
	{Tag: 529, Name: "OrderRestrictions", Treatment: Ignored, Why: "all orders are matched alike"},
	{Tag: 544, Name: "CashMargin", Treatment: Ignored, Values: "1", Why: "there is no margin"},
	{Tag: 581, Name: "AccountType", Treatment: Ignored, Why: "the account's own definition counts"},
	{Tag: 582, Name: "CustOrderCapacity", Treatment: Ignored, Why: "all orders are matched alike"},
	{Tag: 583, Name: "ClOrdLinkID", Treatment: Ignored, Why: "a remark; it does not come back"},
	{Tag: 586, Name: "OrigOrdModTime", Treatment: Ignored, Why: "a remark"},
	{Tag: 589, Name: "DayBookingInst", Treatment: Ignored, Why: "between the client and its clearer"},
	{Tag: 590, Name: "BookingUnit", Treatment: Ignored, Why: "between the client and its clearer"},
	{Tag: 591, Name: "PreallocMethod", Treatment: Ignored, Why: "between the client and its clearer"},
	{Tag: 635, Name: "ClearingFeeIndicator", Treatment: Ignored, Why: "fees are the instrument's"},
	{Tag: 660, Name: "AcctIDSource", Treatment: Ignored, Why: "an account goes by its name at the venue"},
	{Tag: 762, Name: "SecuritySubType", Treatment: Ignored, Why: "55 names the instrument"},
	{Tag: 775, Name: "BookingType", Treatment: Ignored, Values: "0", Why: "regular booking only"},
	{Tag: 854, Name: "QtyType", Treatment: Ignored, Values: "0", Why: "quantities are in units"},

	{Tag: 453, Name: "NoPartyIDs", Treatment: Ignored, Why: "parties are a remark; the account says whose order it is"},
	{Tag: 448, Name: "PartyID", Treatment: Ignored, Why: "see 453"},
	{Tag: 447, Name: "PartyIDSource", Treatment: Ignored, Why: "see 453"},
	{Tag: 452, Name: "PartyRole", Treatment: Ignored, Why: "see 453"},
	{Tag: 802, Name: "NoPartySubIDs", Treatment: Ignored, Why: "see 453"},
	{Tag: 523, Name: "PartySubID", Treatment: Ignored, Why: "see 453"},
	{Tag: 803, Name: "PartySubIDType", Treatment: Ignored, Why: "see 453"},

	{Tag: 12, Name: "Commission", Treatment: Refused, Why: "fees are the instrument's"},
	{Tag: 54, Name: "Side", Types: "q", Treatment: Refused, Why: "a mass cancel takes both sides"},
	{Tag: 65, Name: "SymbolSfx", Treatment: Refused, Why: "symbols have no suffix"},
	{Tag: 66, Name: "ListID", Treatment: Refused, Why: "there are no lists"},
	{Tag: 70, Name: "AllocID", Treatment: Refused, Why: "there is no allocation: an order trades for one account"},
	{Tag: 77, Name: "PositionEffect", Treatment: Refused, Why: "there are no positions to open or close"},
	{Tag: 99, Name: "StopPx", Treatment: Refused, Why: "there are no stop orders"},
	{Tag: 111, Name: "MaxFloor", Treatment: Refused, Why: "there is no display quantity"},
	{Tag: 117, Name: "QuoteID", Treatment: Refused, Why: "there are no quotes"},
	{Tag: 120, Name: "SettlCurrency", Treatment: Refused, Why: "a trade settles in the instrument's own currencies"},
	{Tag: 126, Name: "ExpireTime", Treatment: Refused, Why: "there are no orders that expire"},
	{Tag: 152, Name: "CashOrderQty", Types: "F G", Treatment: Refused, Why: "an open order has a quantity"},
	{Tag: 168, Name: "EffectiveTime", Treatment: Refused, Why: "an order enters when it comes"},
	{Tag: 192, Name: "OrderQty2", Treatment: Refused, Why: "there are no swaps"},
	{Tag: 193, Name: "SettlDate2", Treatment: Refused, Why: "there are no swaps"},
	{Tag: 203, Name: "CoveredOrUncovered", Treatment: Refused, Why: "there are no options"},
	{Tag: 210, Name: "MaxShow", Treatment: Refused, Why: "there is no display quantity"},
	{Tag: 211, Name: "PegOffsetValue", Treatment: Refused, Why: "there are no pegged orders"},
	{Tag: 232, Name: "NoStipulations", Treatment: Refused, Why: "there are no stipulations"},
	{Tag: 336, Name: "TradingSessionID", Treatment: Refused, Why: "there are no trading sessions to choose from"},
	{Tag: 388, Name: "DiscretionInst", Treatment: Refused, Why: "there is no discretion"},
	{Tag: 389, Name: "DiscretionOffsetValue", Treatment: Refused, Why: "there is no discretion"},
	{Tag: 432, Name: "ExpireDate", Treatment: Refused, Why: "there are no orders that expire"},
	{Tag: 516, Name: "OrderPercent", Treatment: Refused, Why: "a quantity is given as such"},
	{Tag: 625, Name: "TradingSessionSubID", Treatment: Refused, Why: "there are no trading sessions to choose from"},
	{Tag: 640, Name: "Price2", Treatment: Refused, Why: "there are no swaps"},
	{Tag: 711, Name: "NoUnderlyings", Treatment: Refused, Why: "there are no derivatives"},
	{Tag: 847, Name: "TargetStrategy", Treatment: Refused, Why: "there are no strategies"},
	{Tag: 848, Name: "TargetStrategyParameters", Treatment: Refused, Why: "there are no strategies"},
	{Tag: 849, Name: "ParticipationRate", Treatment: Refused, Why: "there are no strategies"},
}

// frameTags are the fields of the standard header and trailer, which are not this package's.
var frameTags = []int{
	8, 9, 10, 34, 35, 43, 49, 50, 52, 56, 57, 89, 90, 91, 93, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145, 212, 213, 347, 369,
	627, 628, 629, 630,
}

// Accepted returns the fields that the messages of this package may have, in the order of the rules of engagement.
func Accepted() []FieldRule { return pick(Used, Ignored) }

// RefusedByName returns the fields that are refused with a reason of their own. Every other field that is not accepted
// is refused as well.
func RefusedByName() []FieldRule { return pick(Refused) }

func pick(ts ...Treatment) (list []FieldRule) {
	for _, t := range ts {
		for _, r := range rules {
			if r.Treatment == t {
				list = append(list, r)
			}
		}
	}
	return list
}

// maxTag is one above the greatest tag that a rule is about.
const maxTag = 1000

// entryOf is what a table says of one tag: the rule's place in rules, from 1; 0 where the field is refused without one.
type entryOf struct {
	rule      uint8
	treatment Treatment
}

// table is the rules for one message type by tag.
type table [maxTag]entryOf

var messageTypes = []string{
	message.NewOrderSingle, message.OrderCancelRequest, message.OrderCancelReplaceRequest, message.OrderStatusRequest,
	message.OrderMassStatusRequest, message.OrderMassCancelRequest,
}

var tables = buildTables()

func buildTables() map[string]*table {
	all := map[string]*table{}
	for _, msgType := range messageTypes {
		t := new(table)
		for i, r := range rules {
			if r.Types == "" || hasWord(r.Types, msgType) {
				t[r.Tag] = entryOf{uint8(i + 1), r.Treatment}
			}
		}
		for _, tag := range frameTags {
			t[tag] = entryOf{0, Ignored}
		}
		all[msgType] = t
	}
	return all
}

// of returns what the table says of a tag.
func (t *table) of(tag int) entryOf {
	if tag <= 0 || tag >= maxTag || t[tag].treatment == 0 {
		return entryOf{0, Refused}
	}
	return t[tag]
}

// allows reports whether a rule accepts the value.
func (e entryOf) allows(value []byte) bool {
	if e.rule == 0 {
		return true
	}
	values := rules[e.rule-1].Values
	return values == "" || hasWord(values, string(value))
}

// hasWord reports whether word is one of the words of list, which single spaces separate.
func hasWord(list, word string) bool {
	for len(list) > 0 {
		first, rest, _ := strings.Cut(list, " ")
		if first == word {
			return true
		}
		list = rest
	}
	return false
}

// IsFrame reports whether a tag is one of the standard header or trailer.
func IsFrame(tag int) bool {
	for _, t := range frameTags {
		if t == tag {
			return true
		}
	}
	return false
}
