package traders

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"uncross/gateway/decimal"
)

// The cashier's ways.
const (
	cashierEvery = 5 * time.Second
	lowPart      = 5 // an account that has less than a fifth of what it has at home is topped up
)

// cashier looks at every member's money now and then, and pays in through the custodian where it runs low.
func (f *Floor) cashier(ctx context.Context) {
	run := strconv.FormatInt(time.Now().UnixMilli(), 36)
	for n := 0; ctx.Err() == nil; pause(ctx, cashierEvery) {
		for i := range f.c.Members {
			m := &f.c.Members[i]
			has, err := balances(ctx, f.custodian, m.Name)
			if err != nil {
				f.failed("custodian", err)
				break
			}
			for _, need := range shortfalls(m.Home, has, f.decimals()) {
				n++
				body := map[string]string{"account": m.Name, "asset": need.Asset, "amount": need.Total, "reference": fmt.Sprintf("top-up-%s-%d", run, n)}
				if err := f.custodian.Until(ctx, "POST", "/v1/admin/deposits", body, nil); err != nil {
					f.failed("custodian", err)
					continue
				}
				f.counts.deposits.Add(1)
				f.c.Logger.Info("the custodian has paid in", "account", m.Name, "asset", need.Asset, "amount", need.Total)
			}
		}
	}
}

// decimals are those of the assets that are traded.
func (f *Floor) decimals() map[string]uint8 {
	all := map[string]uint8{}
	for _, in := range f.all {
		all[in.Base], all[in.Quote] = in.BaseDecimals, in.QuoteDecimals
	}
	return all
}

// shortfalls returns what an account lacks of the assets that it has little of.
func shortfalls(home map[string]string, has []balance, decimals map[string]uint8) (need []balance) {
	for asset, amount := range home {
		now := "0"
		for _, b := range has {
			if b.Asset == asset {
				now = b.Total
			}
		}
		full, err1 := decimal.ParseAmount(amount, decimals[asset])
		left, err2 := decimal.ParseAmount(now, decimals[asset])
		if err1 != nil || err2 != nil {
			continue
		}
		if low, _ := full.DivRem(lowPart); left.Less(low) {
			need = append(need, balance{asset, string(decimal.AppendAmount(nil, full.MustSub(left), decimals[asset]))})
		}
	}
	return need
}
