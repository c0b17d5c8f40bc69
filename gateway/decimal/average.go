package decimal

import (
	"math/big"

	"uncross/engine/wire"
)

// averageDigits is how many more decimals than a price an average price has at most.
const averageDigits = 8

// AppendAverage appends the average price of qty lots that traded for notional: rounded down to eight decimals more than
// the instrument's prices have, without zeros at the end beyond those of a price. qty must be positive.
func (d *Instrument) AppendAverage(dst []byte, notional wire.Amount, qty wire.Qty) []byte {
	// Prices are ticks, and notional is ticks · lots · Multiplier. The products pass 128 bits.
	n := new(big.Int).SetUint64(notional.Hi)
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(notional.Lo))
	n.Mul(n, big.NewInt(d.TickSize)).Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(averageDigits), nil))
	unit := new(big.Int).SetUint64(d.Multiplier)
	n.Quo(n, unit.Mul(unit, big.NewInt(int64(qty))))

	low := new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0))).Uint64()
	high := n.Rsh(n, 64).Uint64() // an average is not above the greatest price: far from 128 bits
	decimals := int(d.PriceDecimals)
	return padTo(wire.Amount{Hi: high, Lo: low}.Append(dst, decimals+averageDigits), len(dst), decimals)
}
