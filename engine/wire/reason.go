package wire

// Reason says why a command was refused. The numbers are part of every interface and never change.
//
// They are also the order of precedence: a command that could be refused for several reasons is refused for the one
// with the smallest number. Reasons from FirstGatewayReason up are given by a gateway, before a command enters the core.
type Reason uint16

// The reasons of the engine.
const (
	ReasonNone Reason = 0

	// Who asks.
	NotInitialised     Reason = 10
	AlreadyInitialised Reason = 11
	UnknownKey         Reason = 12
	KeyRevoked         Reason = 13
	RoleNotAllowed     Reason = 14
	StaleNonce         Reason = 15
	UnsupportedRules   Reason = 16

	// What is named. Of several, in this order.
	UnknownAccount    Reason = 20
	NotYourAccount    Reason = 21
	UnknownInstrument Reason = 22
	UnknownAsset      Reason = 23
	UnknownFirm       Reason = 24
	UnknownUser       Reason = 25
	UnknownSession    Reason = 26
	NotYourSession    Reason = 27 // the session belongs to another key
	SessionDisabled   Reason = 28

	// Repeats. A true repeat (same id, same content) is not refused: it is answered as the first time.
	InvalidClientID   Reason = 30
	TooOld            Reason = 31
	DuplicateClientID Reason = 32
	SentInFuture      Reason = 33 // not remembered: the same id may be used once the clock is right

	// The order's own fields.
	InvalidSide        Reason = 40
	InvalidOrderType   Reason = 41
	InvalidTimeInForce Reason = 42
	InvalidFlags       Reason = 43 // or a condition that does not go with the type or the time in force
	InvalidFunds       Reason = 44 // funds with something else than a market buy, or together with a quantity
	PriceOutOfRange    Reason = 45
	QuantityOutOfRange Reason = 46
	NotionalTooSmall   Reason = 47
	NotionalTooLarge   Reason = 48

	// The order that is named.
	UnknownOrder        Reason = 50
	OrderNotOpen        Reason = 51
	QuantityBelowFilled Reason = 52 // replace: the new total is not above what has traded
	NothingToChange     Reason = 53 // replace: price and quantity are as they were

	// Where the instrument stands.
	MarketClosed Reason = 60
	MarketHalted Reason = 61
	NotInAuction Reason = 62 // market, ioc, fok and post-only orders do not enter a call auction

	// What the account may.
	TooManyOpenOrders Reason = 70
	InsufficientFunds Reason = 71

	// What the book says.
	WouldTrade Reason = 80 // post-only

	// Reference data and transfers.
	InvalidName      Reason = 100
	DuplicateName    Reason = 101 // same name, other content
	InvalidDecimals  Reason = 102
	InvalidTickOrLot Reason = 103 // not positive, or a tick times a lot is no whole number of quote units
	InvalidLimits    Reason = 104
	InvalidFee       Reason = 105
	InvalidRole      Reason = 106
	InvalidPublicKey Reason = 107
	DuplicateKey     Reason = 108
	LastOperatorKey  Reason = 109
	InvalidPhase     Reason = 110
	InvalidReference Reason = 111
	InvalidAmount    Reason = 112
	IssueTooLarge    Reason = 113 // a deposit beyond what may exist of one asset
	TooManyObjects   Reason = 114
	InvalidPair      Reason = 115
	InvalidSession   Reason = 116 // a kind that is not known, or that does not go with the key's role or the account

	// FirstGatewayReason is where the gateways' own reasons begin.
	FirstGatewayReason Reason = 1000
)

var reasonNames = map[Reason][2]string{
	NotInitialised:      {"not_initialised", "the venue has no operator yet"},
	AlreadyInitialised:  {"already_initialised", "the venue has been initialised before"},
	UnknownKey:          {"unknown_key", "there is no such key"},
	KeyRevoked:          {"key_revoked", "the key has been revoked"},
	RoleNotAllowed:      {"role_not_allowed", "the key's role does not allow this"},
	StaleNonce:          {"stale_nonce", "a logon with this nonce or a greater one has been seen"},
	UnsupportedRules:    {"unsupported_rules", "this version of the rules is not known"},
	UnknownAccount:      {"unknown_account", "there is no such account"},
	NotYourAccount:      {"not_your_account", "the account belongs to another user"},
	UnknownInstrument:   {"unknown_instrument", "there is no such instrument"},
	UnknownAsset:        {"unknown_asset", "there is no such asset"},
	UnknownFirm:         {"unknown_firm", "there is no such firm"},
	UnknownUser:         {"unknown_user", "there is no such user"},
	UnknownSession:      {"no_such_session", "there is no such session"},
	NotYourSession:      {"not_your_session", "the session belongs to another key"},
	SessionDisabled:     {"session_disabled", "the session is disabled"},
	InvalidClientID:     {"invalid_client_id", "a client order id is 1 to 36 printable ASCII characters without spaces at the ends"},
	TooOld:              {"too_old", "the request is older than the window in which repeats are recognised"},
	DuplicateClientID:   {"duplicate_client_id", "the client order id, or the reference of a transfer, has been used with other content"},
	SentInFuture:        {"sent_in_future", "the stated first-sent time is more than a minute ahead of the venue's clock"},
	InvalidSide:         {"invalid_side", "the side is buy or sell"},
	InvalidOrderType:    {"invalid_order_type", "the order type is not known"},
	InvalidTimeInForce:  {"invalid_time_in_force", "the time in force is not known, or does not go with the order type"},
	InvalidFlags:        {"invalid_flags", "a condition is not known, or does not go with the order type or time in force"},
	InvalidFunds:        {"invalid_funds", "funds go with a market buy without a quantity only"},
	PriceOutOfRange:     {"price_out_of_range", "the price is outside the instrument's range"},
	QuantityOutOfRange:  {"quantity_out_of_range", "the quantity is outside the instrument's range"},
	NotionalTooSmall:    {"notional_too_small", "price times quantity is below the instrument's minimum"},
	NotionalTooLarge:    {"notional_too_large", "price times quantity is beyond what the venue can hold"},
	UnknownOrder:        {"unknown_order", "the account has no such order"},
	OrderNotOpen:        {"order_not_open", "the order is no longer open"},
	QuantityBelowFilled: {"quantity_below_filled", "the new quantity is not above what has traded"},
	NothingToChange:     {"nothing_to_change", "price and quantity are as they were"},
	MarketClosed:        {"market_closed", "the instrument is closed"},
	MarketHalted:        {"market_halted", "the instrument is halted"},
	NotInAuction:        {"not_in_auction", "only limit gtc orders without post-only enter a call auction"},
	TooManyOpenOrders:   {"too_many_open_orders", "the account has as many open orders as it may"},
	InsufficientFunds:   {"insufficient_funds", "the account's available balance does not cover this"},
	WouldTrade:          {"would_trade", "a post-only order would trade on entry"},
	InvalidName:         {"invalid_name", "a name is 1 to 36 printable ASCII characters without spaces at the ends"},
	DuplicateName:       {"duplicate_name", "the name is in use with other content"},
	InvalidDecimals:     {"invalid_decimals", "decimals are 0 to 18"},
	InvalidTickOrLot:    {"invalid_tick_or_lot", "tick and lot are positive and their product is a whole number of the quote asset's smallest units"},
	InvalidLimits:       {"invalid_limits", "minimum and maximum of price and quantity are positive and in order"},
	InvalidFee:          {"invalid_fee", "a fee is 0 to 1,000 basis points"},
	InvalidRole:         {"invalid_role", "the role is not known"},
	InvalidPublicKey:    {"invalid_public_key", "not an Ed25519 public key"},
	DuplicateKey:        {"duplicate_key", "the public key is in use"},
	LastOperatorKey:     {"last_operator_key", "the last operator key cannot be revoked"},
	InvalidPhase:        {"invalid_phase", "the phase is not known"},
	InvalidReference:    {"invalid_reference", "a reference is 1 to 36 printable ASCII characters without spaces at the ends"},
	InvalidAmount:       {"invalid_amount", "the amount is zero"},
	IssueTooLarge:       {"issue_too_large", "more of the asset would exist than the venue can count"},
	TooManyObjects:      {"too_many_objects", "the venue has as many of these as it may"},
	InvalidPair:         {"invalid_pair", "base and quote are the same asset"},
	InvalidSession:      {"invalid_session", "the kind of session is not known, or does not go with the key's role or the account"},
}

// String returns the reason's name in lower case with underscores, as the interfaces show it.
func (r Reason) String() string {
	if n, ok := reasonNames[r]; ok {
		return n[0]
	}
	if r == ReasonNone {
		return "none"
	}
	return "unknown_reason"
}

// Sentence returns what the reason means, in words for the person who sent the command.
func (r Reason) Sentence() string { return reasonNames[r][1] }

// Reasons returns all reasons of the engine in the order of precedence.
func Reasons() []Reason {
	var all []Reason
	for r := Reason(1); r < FirstGatewayReason; r++ {
		if _, ok := reasonNames[r]; ok {
			all = append(all, r)
		}
	}
	return all
}
