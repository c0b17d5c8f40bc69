package auth

import (
	"crypto/ed25519"
	"math/big"
	"slices"
)

// The curve of Ed25519 (RFC 8032): -x² + y² = 1 + d·x²·y² modulo p.
var (
	curveP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD = fraction(-121665, 121666)

	// smallY are the y of the points whose order divides 8. The last two are those of order 8.
	smallY = []*big.Int{
		big.NewInt(0), big.NewInt(1), new(big.Int).Sub(curveP, big.NewInt(1)),
		fromHex("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"),
		fromHex("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826"),
	}
)

func fraction(n, d int64) *big.Int {
	q := new(big.Int).ModInverse(big.NewInt(d), curveP)
	return q.Mod(q.Mul(q, big.NewInt(n)), curveP)
}

func fromHex(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("auth: bad constant")
	}
	return n
}

// ValidPublicKey reports whether pub may be a client's Ed25519 public key: the canonical form of a point on the curve,
// and none of the few points of small order, for which anybody can make signatures. It takes some microseconds and is
// meant for the command that adds a key.
func ValidPublicKey(pub []byte) bool {
	if len(pub) != ed25519.PublicKeySize {
		return false
	}
	b := slices.Clone(pub)
	slices.Reverse(b) // to big-endian
	b[0] &= 0x7f      // the top bit is the sign of x
	y := new(big.Int).SetBytes(b)
	if y.Cmp(curveP) >= 0 || slices.ContainsFunc(smallY, func(s *big.Int) bool { return s.Cmp(y) == 0 }) {
		return false
	}
	y.Mul(y, y)
	u := new(big.Int).Sub(y, big.NewInt(1)) // x² = (y²-1) / (d·y²+1)
	v := new(big.Int).Mul(curveD, y)
	v.Add(v, big.NewInt(1))
	x2 := v.Mul(u, v.ModInverse(v.Mod(v, curveP), curveP))
	return big.Jacobi(x2.Mod(x2, curveP), curveP) >= 0
}
