package reference

import (
	"time"

	"uncross/engine/wire"
	"uncross/gateway/fix/entry"
	"uncross/gateway/fix/message"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

// History is what is asked of the store of trades; *history.Store is one.
type History interface {
	Fills(wire.AccountID, history.Query) (history.Page[history.Fill], error)
	OrderByClientID(wire.AccountID, wire.Text) (history.Order, bool, error)
	WaitFor(seq uint64, timeout time.Duration) bool
}

// historyWait is how long an answer waits for history to have what the view has.
const historyWait = time.Second

// Config is what a Handler is made of.
type Config struct {
	View    *view.View
	History History
}

// Handler answers. Any goroutine may use it.
type Handler struct {
	view    *view.View
	history History
}

// New returns a Handler.
func New(c Config) *Handler { return &Handler{view: c.View, history: c.History} }

// Handle says what a message comes to: answers, or a refusal. The message has passed the dictionary; its type must be
// SecurityListRequest or TradeCaptureReportRequest. The answers do not refer to m.
func (h *Handler) Handle(s *entry.Session, m *message.Message, out *entry.Outcome) {
	switch m.Type() {
	case message.SecurityListRequest:
		h.securityList(m, out)
	case message.TradeCaptureReportRequest:
		h.tradeReports(s, m, out)
	}
}
