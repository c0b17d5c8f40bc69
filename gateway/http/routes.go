package http

// routeTable is every route that there is. A test holds it against openapi.yaml both ways.
func routeTable() []route {
	const (
		get, post, put, patch, del = "GET", "POST", "PUT", "PATCH", "DELETE"
		reads                      = forTrader | forReader | forOps
		order                      = "/v1/orders/{order_id}"
		byClientID                 = "/v1/orders/by-client-id/{client_order_id}"
		instrument                 = "/v1/instruments/{symbol}"
		admin                      = "/v1/admin"
	)
	return []route{
		{get, "/healthz", public, false, health},
		{get, "/readyz", public, false, readiness},
		{get, "/openapi.yaml", public, false, describe},
		{get, "/asyncapi.yaml", public, false, describeStream},
		{get, "/v1/stream", public, false, openStream},
		{get, "/v1/time", public, false, showTime},
		{get, "/v1/status", public, false, showStatus},
		{get, "/v1/reasons", public, false, listReasons},
		{get, "/v1/assets", public, false, listAssets},
		{get, "/v1/instruments", public, false, listInstruments},
		{get, instrument, public, false, showInstrument},
		{get, instrument + "/book", public, false, showBook},
		{get, instrument + "/trades", public, false, listTrades},
		{get, instrument + "/candles", public, false, listCandles},
		{get, instrument + "/statistics", public, false, showStatistics},
		{get, "/v1/statistics", public, false, listStatistics},

		{post, "/v1/logon", public, true, logon},
		{get, "/v1/session", anyRole, false, showSession},
		{del, "/v1/session", anyRole, false, endSession},

		{post, "/v1/orders", forTrader, true, createOrder},
		{get, "/v1/orders", reads, false, listOpenOrders},
		{del, "/v1/orders", forTrader, false, cancelAll},
		{post, "/v1/orders/batch", forTrader, true, batch},
		{get, order, reads, false, showOrder},
		{put, order, forTrader, true, replaceOrder},
		{del, order, forTrader, false, cancelOrder},
		{get, byClientID, reads, false, showOrderByClientID},
		{put, byClientID, forTrader, true, replaceByClientID},
		{del, byClientID, forTrader, false, cancelByClientID},

		{get, "/v1/order-history", reads, false, listOrderHistory},
		{get, "/v1/fills", reads, false, listFills},
		{get, "/v1/ledger", reads | forCustody, false, listLedger},
		{get, "/v1/balances", reads | forCustody, false, listBalances},
		{get, "/v1/balance-changes", reads | forCustody, false, listBalanceChanges},
		{get, "/v1/statement", reads | forCustody, false, showStatement},
		{get, "/v1/accounts", anyRole, false, listAccounts},

		{post, admin + "/assets", forOps, true, addAsset},
		{post, admin + "/instruments", forOps, true, addInstrument},
		{patch, admin + "/instruments/{symbol}", forOps, true, setInstrument},
		{post, admin + "/instruments/{symbol}/phase", forOps, true, setPhase},
		{post, admin + "/firms", forOps, true, addFirm},
		{get, admin + "/firms", forOps, false, listFirms},
		{post, admin + "/users", forOps, true, addUser},
		{get, admin + "/users", forOps, false, listUsers},
		{post, admin + "/keys", forOps, true, addKey},
		{get, admin + "/keys", forOps, false, listKeys},
		{del, admin + "/keys/{key}", forOps, false, revokeKey},
		{post, admin + "/sessions", forOps, true, addSequenced},
		{get, admin + "/sessions", forOps, false, listSequenced},
		{patch, admin + "/sessions/{comp_id}", forOps, true, setSequenced},
		{post, admin + "/accounts", forOps, true, addAccount},
		{get, admin + "/accounts", forOps | forCustody, false, listAllAccounts},
		{post, admin + "/deposits", forCustody, true, deposit},
		{post, admin + "/withdrawals", forCustody, true, withdraw},
		{post, admin + "/mass-cancel", forOps, true, massCancelInstrument},
		{post, admin + "/snapshot", forOps, false, snapshot},
		{get, admin + "/cluster", forOps, false, showCluster},
		{post, admin + "/cluster/members", forOps, true, addMember},
		{post, admin + "/cluster/members/{node}/promote", forOps, false, promoteMember},
		{del, admin + "/cluster/members/{node}", forOps, false, removeMember},
		{post, admin + "/cluster/transfer", forOps, true, transferLeadership},
		{get, admin + "/backup", forOps, false, backup},
		{get, admin + "/trades", forOps, false, listVenueTrades},
	}
}
