package report

import "uncross/engine/wire"

// Codes are what FIX 4.4 has for a reason: the nearest values that its dictionary allows. The dictionary of stock FIX
// 4.4 engines has no 103=12 or 18, among others. Text (58) always has the reason in words.
type Codes struct {
	Order    uint8 // OrdRejReason (103)
	Cancel   uint8 // CxlRejReason (102)
	Mass     uint8 // MassCancelRejectReason (532)
	Business uint8 // BusinessRejectReason (380)
}

// Values of OrdRejReason (103).
const (
	ordUnknownSymbol  = 1
	ordExchangeClosed = 2
	ordExceedsLimit   = 3
	ordTooLate        = 4
	ordUnknownOrder   = 5
	ordDuplicate      = 6
	ordStale          = 8
	ordUnsupported    = 11
	ordIncorrectQty   = 13
	ordUnknownAccount = 15
	ordOther          = 99
)

// Values of CxlRejReason (102).
const (
	cxlTooLate      = 0
	cxlUnknownOrder = 1
	cxlBroker       = 2
	cxlDuplicate    = 6
	cxlOther        = 99
)

// Values of MassCancelRejectReason (532).
const (
	massNotSupported    = 0
	massUnknownSecurity = 1
	massOther           = 99
)

// Values of BusinessRejectReason (380).
const (
	BusinessOther           = 0
	BusinessUnknownID       = 1
	BusinessUnknownSecurity = 2
	BusinessUnsupported     = 3
	BusinessNotAvailable    = 4
	BusinessMissingField    = 5
	BusinessNotAuthorized   = 6
)

var otherCodes = Codes{ordOther, cxlOther, massOther, BusinessOther}

// reasonCodes has every reason for which FIX 4.4 has something nearer than "other".
var reasonCodes = map[wire.Reason]Codes{
	wire.UnknownKey:         {ordOther, cxlOther, massOther, BusinessNotAuthorized},
	wire.KeyRevoked:         {ordOther, cxlOther, massOther, BusinessNotAuthorized},
	wire.RoleNotAllowed:     {ordOther, cxlOther, massOther, BusinessNotAuthorized},
	wire.UnknownAccount:     {ordUnknownAccount, cxlOther, massOther, BusinessUnknownID},
	wire.NotYourAccount:     {ordUnknownAccount, cxlOther, massOther, BusinessNotAuthorized},
	wire.UnknownInstrument:  {ordUnknownSymbol, cxlOther, massUnknownSecurity, BusinessUnknownSecurity},
	wire.NotYourSession:     {ordOther, cxlOther, massOther, BusinessNotAuthorized},
	wire.SessionDisabled:    {ordOther, cxlOther, massOther, BusinessNotAuthorized},
	wire.TooOld:             {ordStale, cxlOther, massOther, BusinessOther},
	wire.DuplicateClientID:  {ordDuplicate, cxlDuplicate, massOther, BusinessOther},
	wire.InvalidOrderType:   {ordUnsupported, cxlBroker, massOther, BusinessOther},
	wire.InvalidTimeInForce: {ordUnsupported, cxlBroker, massOther, BusinessOther},
	wire.InvalidFlags:       {ordUnsupported, cxlBroker, massOther, BusinessOther},
	wire.InvalidFunds:       {ordUnsupported, cxlBroker, massOther, BusinessOther},
	wire.PriceOutOfRange:    {ordExceedsLimit, cxlBroker, massOther, BusinessOther},
	wire.QuantityOutOfRange: {ordIncorrectQty, cxlBroker, massOther, BusinessOther},
	wire.NotionalTooSmall:   {ordExceedsLimit, cxlBroker, massOther, BusinessOther},
	wire.NotionalTooLarge:   {ordExceedsLimit, cxlBroker, massOther, BusinessOther},
	wire.UnknownOrder:       {ordUnknownOrder, cxlUnknownOrder, massOther, BusinessUnknownID},
	wire.OrderNotOpen:       {ordTooLate, cxlTooLate, massOther, BusinessOther},
	wire.MarketClosed:       {ordExchangeClosed, cxlBroker, massOther, BusinessNotAvailable},
	wire.MarketHalted:       {ordExchangeClosed, cxlBroker, massOther, BusinessNotAvailable},
	wire.NotInAuction:       {ordUnsupported, cxlBroker, massOther, BusinessOther},
	wire.TooManyOpenOrders:  {ordExceedsLimit, cxlBroker, massOther, BusinessOther},
	wire.InsufficientFunds:  {ordExceedsLimit, cxlBroker, massOther, BusinessOther},
	wire.WouldTrade:         {ordOther, cxlBroker, massOther, BusinessOther},

	MissingTag:        {ordOther, cxlOther, massOther, BusinessMissingField},
	QuantityOffLot:    {ordIncorrectQty, cxlOther, massOther, BusinessOther},
	OrderMismatch:     {ordOther, cxlOther, massOther, BusinessUnknownID}, // there is an order, and it stays open
	NoAccount:         {ordUnknownAccount, cxlOther, massOther, BusinessUnknownID},
	UnsupportedType:   {ordUnsupported, cxlBroker, massOther, BusinessOther},
	UnsupportedTIF:    {ordUnsupported, cxlBroker, massOther, BusinessOther},
	UnsupportedInst:   {ordUnsupported, cxlBroker, massOther, BusinessOther},
	UnsupportedTag:    {ordUnsupported, cxlBroker, massOther, BusinessOther},
	UnsupportedScope:  {ordUnsupported, cxlBroker, massNotSupported, BusinessOther},
	UnsupportedChange: {ordUnsupported, cxlBroker, massOther, BusinessOther},
	UnsupportedMsg:    {ordOther, cxlOther, massOther, BusinessUnsupported},
	UnsupportedValue:  {ordUnsupported, cxlBroker, massOther, BusinessOther},
	NoDayOrders:       {ordUnsupported, cxlBroker, massOther, BusinessOther},
	NotForThisSession: {ordOther, cxlOther, massOther, BusinessNotAuthorized},
	NoOpenOrders:      {ordUnknownOrder, cxlUnknownOrder, massOther, BusinessUnknownID},
	UsedID:            {ordDuplicate, cxlDuplicate, massOther, BusinessOther},
	NotPositive:       {ordIncorrectQty, cxlOther, massOther, BusinessOther},
	Busy:              {ordOther, cxlOther, massOther, BusinessNotAvailable},
	NotReady:          {ordOther, cxlOther, massOther, BusinessNotAvailable},
	Unavailable:       {ordOther, cxlOther, massOther, BusinessNotAvailable},
	ShuttingDown:      {ordOther, cxlOther, massOther, BusinessNotAvailable},
}

// CodesOf returns the FIX values for a reason.
func CodesOf(r wire.Reason) Codes {
	if c, ok := reasonCodes[r]; ok {
		return c
	}
	return otherCodes
}
