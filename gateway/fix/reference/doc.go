// Package reference answers the FIX messages that ask what there is and what has been: security list (x) with y, and
// trade capture report requests (AD) with AQ and AE. It only reads. Any goroutine may use a Handler.
//
//	x  ──▶ view ─────▶ y y y           50 instruments each, LastFragment (893) on the last
//	AD ──▶ history ──▶ AQ AE AE … AE   one for each side of a trade, LastRptRequested (912) on the last
//
// Answers are made as they are sent: nothing holds a whole day of trades. An answer that ends without its last message
// is not whole.
//
// Every message passes the unmodified FIX 4.4 dictionary of stock engines. What that has no tag for stands in InstrAttrib
// (870) with type 99, text: "tick=0.05" and the like, see attributes.
package reference
