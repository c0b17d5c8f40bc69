package engine

import (
	"uncross/engine/wire"
	"uncross/internal/slab"
)

// nameSpace is one of the sets of names that are unique in the venue.
type nameSpace uint64

const (
	assetCodes nameSpace = iota
	symbols
	firmNames
	userNames
	accountNames
	publicKeys
	compIDs
	nameSpaces
)

// has reports whether id names one of the values of s, which are never deleted.
func has[T any, I ~uint32](s *slab.Slab[T], id I) bool { return id != 0 && int(id) <= s.Len() }

// handle returns the handle of a value that is never deleted: its id.
func handle[I ~uint32](id I) slab.Handle { return slab.Handle(id) }

// add makes room for one more value that is never deleted and returns its id.
func add[T any](s *slab.Slab[T]) uint32 {
	h := s.Alloc()
	if int(h) != s.Len() {
		panic("engine: handles of definitions have a gap")
	}
	return uint32(h)
}

// nameHash hashes a name. The venue's own random number is in it, so that nobody can prepare names that collide.
func (e *Engine) nameHash(space nameSpace, name *wire.Text) uint64 {
	h := mixBytes(mix(tagName, uint64(space)), e.venue.ClusterID[:])
	return seal(mixText(h, name))
}

func (e *Engine) keyHash(pub *[32]byte) uint64 {
	h := mixBytes(mix(tagName, uint64(publicKeys)), e.venue.ClusterID[:])
	return seal(mixBytes(h, pub[:]))
}

// find returns the id under hash h for which same holds, 0 where there is none. Names with equal hashes stand under the
// numbers that follow it, which works because no name is ever deleted.
func (e *Engine) find(space nameSpace, h uint64, same func(slab.Handle) bool) uint32 {
	for {
		id, ok := e.names[space].Get(h)
		if !ok {
			return 0
		}
		if same(id) {
			return uint32(id)
		}
		h++
	}
}

// name files id under hash h.
func (e *Engine) name(space nameSpace, h uint64, id uint32) {
	for {
		if _, taken := e.names[space].Get(h); !taken {
			e.names[space].Put(h, slab.Handle(id))
			return
		}
		h++
	}
}

func (e *Engine) findAsset(code *wire.Text) wire.AssetID {
	return wire.AssetID(e.find(assetCodes, e.nameHash(assetCodes, code), func(h slab.Handle) bool {
		return e.assets.At(h).def.Code == *code
	}))
}

func (e *Engine) findInstrument(symbol *wire.Text) wire.InstrumentID {
	return wire.InstrumentID(e.find(symbols, e.nameHash(symbols, symbol), func(h slab.Handle) bool {
		return e.instruments.At(h).def.Symbol == *symbol
	}))
}

func (e *Engine) findFirm(name *wire.Text) wire.FirmID {
	return wire.FirmID(e.find(firmNames, e.nameHash(firmNames, name), func(h slab.Handle) bool {
		return e.firms.At(h).def.Name == *name
	}))
}

func (e *Engine) findUser(name *wire.Text) wire.UserID {
	return wire.UserID(e.find(userNames, e.nameHash(userNames, name), func(h slab.Handle) bool {
		return e.users.At(h).def.Name == *name
	}))
}

func (e *Engine) findAccount(name *wire.Text) wire.AccountID {
	return wire.AccountID(e.find(accountNames, e.nameHash(accountNames, name), func(h slab.Handle) bool {
		return e.accounts.At(h).def.Name == *name
	}))
}

func (e *Engine) findKey(pub *[32]byte) wire.KeyID {
	return wire.KeyID(e.find(publicKeys, e.keyHash(pub), func(h slab.Handle) bool {
		return e.keys.At(h).def.Pub == *pub
	}))
}
