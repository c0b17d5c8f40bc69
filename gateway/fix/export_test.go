package fix

import "time"

// SetCancelWait sets Limits.CancelWait from the next connection on. None is open.
func (s *Server) SetCancelWait(d time.Duration) { s.limits.CancelWait = d }
