package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// quickfixUsual is what QuickFIX logs on a good day, by how it begins.
var quickfixUsual = []string{
	"Created session", "Connecting to", "Connection succeeded", "Initiated logon request", "Received logon", "Logon contains ResetSeqNumFlag",
	"Initiated logout request", "Received logout", "Sending logout response", "Sent ResendRequest", "ResendRequest for messages", "MsgSeqNum too high", "Received ResendRequest",
	"Resending Message", "Sent SequenceReset", "Received SequenceReset", "Resent Message", "Processing QUEUED message", "Disconnecting",
	"Socket Error", "Connection failed", "Dropped", "Already sent ResendRequest",
}

// dictionary returns the FIX 4.4 dictionary as published, or skips the test.
func dictionary(t *testing.T) string {
	t.Helper()
	folder, ok := toolFolder()
	path := filepath.Join(folder, "node_modules", "jspurefix", "data", "FIX44.xml")
	if _, err := os.Stat(path); !ok || err != nil {
		t.Skip("no FIX44.xml: the npm package jspurefix is not installed (see the package comment)")
	}
	return path
}

// startQuickfix builds the engine and starts it with the development venue's sessions. It skips the test where something
// that it needs is not installed.
func startQuickfix(t *testing.T, v *venue) *program {
	t.Helper()
	dictionary := dictionary(t)
	program := buildQuickfix(t)
	v.start()
	dir := t.TempDir()
	settings := filepath.Join(dir, "engine.cfg")
	var b strings.Builder
	fmt.Fprintf(&b, `[DEFAULT]
ConnectionType=initiator
BeginString=FIX.4.4
TargetCompID=UNCROSS
SocketConnectHost=127.0.0.1
SocketConnectPort=%s
HeartBtInt=2
ReconnectInterval=1
StartTime=00:00:00
EndTime=00:00:00
FileStorePath=%s
UseDataDictionary=Y
DataDictionary=%s
ValidateFieldsOutOfOrder=Y
ValidateFieldsHaveValues=Y
ValidateUserDefinedFields=Y
CheckLatency=Y
CheckCompID=Y
TimestampPrecision=6
Password=uncross-dev
`, v.port(), dir, dictionary)
	for _, name := range []string{"ALICE1", "BOB1", "DEVDROP", "DEVMD"} {
		fmt.Fprintf(&b, "[SESSION]\nSenderCompID=%s\n", name)
		if name == "DEVMD" {
			fmt.Fprintln(&b, "ResetOnLogon=Y") // its numbers start again at every logon
		}
	}
	if err := os.WriteFile(settings, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return startProgram(t, exec.Command(program, settings, dictionary))
}

// buildQuickfix compiles the engine against the installed library.
func buildQuickfix(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/usr/include/quickfix/Session.h"); err != nil {
		t.Skip("libquickfix-dev is not installed")
	}
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("g++ is not installed")
	}
	path := filepath.Join(t.TempDir(), "engine")
	// The library's headers are written for C++14 at the latest.
	out, err := exec.Command(compiler, "-std=c++14", "-w", "-o", path, filepath.Join("quickfix", "engine.cpp"), "-lquickfix", "-pthread").CombinedOutput()
	if err != nil {
		t.Fatalf("the engine does not compile on %s: %v\n%s", runtime.GOARCH, err, out)
	}
	return path
}

// now is a TransactTime.
func now() string { return time.Now().UTC().Format("20060102-15:04:05.000") }

// TestQuickFIX is a day of a stock QuickFIX, from the first logon over a kill of the server to the last logout.
func TestQuickFIX(t *testing.T) {
	v := newVenue(t)
	p := startQuickfix(t, v)
	p.logon("ALICE1", "BOB1", "DEVDROP", "DEVMD")
	for _, part := range []struct {
		name string
		play func(*testing.T, *venue, *program)
	}{
		{"reference", playReference}, {"orders", playOrders}, {"market data", playMarketData}, {"changes", playChanges}, {"status", playStatus},
		{"mass cancel", playMassCancel}, {"refusals", playRefusals}, {"trade reports", playTradeReports}, {"phases", playPhases},
		{"heartbeats", playHeartbeats}, {"resend", playResend}, {"reset", playReset}, {"disabled", playDisabled}, {"refused", playRefused}, {"kill", playKill}, {"logout", playLogout},
	} {
		if !t.Run(part.name, func(t *testing.T) { p.t, v.t = t, t; part.play(t, v, p) }) {
			p.t, v.t = t, t
			t.FailNow()
		}
	}
	p.t, v.t = t, t
	p.audit(quickfixUsual)
	auditReports(t, p)
}

// auditReports holds all execution reports of the day against each other: nobody was told anything twice but as a repeat
// with the same content, and the drop copy had everything that the two traders had, and nothing else.
func auditReports(t *testing.T, p *program) {
	type key struct{ name, execID string }
	seen, fresh := map[key]string{}, map[key]int{}
	for _, l := range p.all() {
		m := l.message()
		if l.word != "app" || m.get("35") != "8" || m.get("150") == "I" {
			continue
		}
		k := key{l.name, m.get("17")}
		if m.get("43") != "Y" {
			fresh[k]++
		}
		content := m.content()
		if before, ok := seen[k]; ok && before != content {
			t.Errorf("%s: two reports with ExecID %s: %s and %s", k.name, k.execID, before, content)
		}
		seen[k] = content
	}
	copies, own := 0, 0
	for k, content := range seen {
		if fresh[k] > 1 {
			t.Errorf("%s: report %s came %d times without PossDupFlag", k.name, k.execID, fresh[k])
		}
		if k.name == "DEVDROP" {
			copies++
			continue
		}
		own++
		if got := seen[key{"DEVDROP", k.execID}]; got != content {
			t.Errorf("%s: report %s, its drop copy is %q, it was %q", k.name, k.execID, got, content)
		}
	}
	if copies != own || own < 100 {
		t.Errorf("%d reports, %d drop copies", own, copies)
	}
}

// content returns the message without what differs between the times and the sessions that it is sent to.
func (m message) content() string {
	var kept []string
	for field := range strings.SplitSeq(string(m), "|") {
		switch tag, _, _ := strings.Cut(field, "="); tag {
		case "9", "34", "43", "52", "56", "122", "797", "10":
		default:
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, "|")
}

func playReference(t *testing.T, _ *venue, p *program) {
	p.send("ALICE1", "35=x|320=list-1|559=4")
	y := p.receive("ALICE1", "35=y", "320=list-1", "560=0")
	for _, symbol := range []string{"BTC-USD", "ETH-USD", "ACME-USD"} {
		if !y.has("55=" + symbol) {
			t.Errorf("the security list lacks %s: %s", symbol, y)
		}
	}
	p.send("DEVMD", "35=x|320=list-2|559=0|55=BTC-USD")
	p.receive("DEVMD", "35=y", "320=list-2", "560=0", "146=1", "55=BTC-USD")
	p.send("ALICE1", "35=x|320=list-3|559=0|55=NONE-SUCH")
	p.receive("ALICE1", "35=y", "320=list-3", "560=2")
	p.send("DEVMD", "35=e|324=state-1|55=BTC-USD|263=0")
	p.receive("DEVMD", "35=f", "324=state-1", "55=BTC-USD")
}

// playOrders enters orders of every kind and follows them on both sides and on the drop copy.
func playOrders(t *testing.T, _ *venue, p *program) {
	p.send("ALICE1", "35=D|11=a-1|55=BTC-USD|54=2|40=2|44=64000.00|38=1|59=1|60=%s", now())
	first := p.receive("ALICE1", "35=8", "11=a-1", "150=0", "39=0", "14=0", "151=1", "6=0", "1=alice")
	p.receive("DEVDROP", "35=8", "11=a-1", "150=0", "17="+first.get("17"), "37="+first.get("37"))

	// A part of it trades: both sides, the averages exact, and the copies with the same ids.
	p.send("BOB1", "35=D|11=b-1|55=BTC-USD|54=1|40=2|44=64000.01|38=0.4|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=b-1", "150=0")
	bought := p.receive("BOB1", "35=8", "11=b-1", "150=F", "39=2", "31=64000.00", "32=0.4", "14=0.4", "151=0")
	sold := p.receive("ALICE1", "35=8", "11=a-1", "150=F", "39=1", "31=64000.00", "32=0.4", "14=0.4", "151=0.6", "54=2")
	if bought.get("6") != sold.get("6") || !strings.HasPrefix(sold.get("6"), "64000") {
		t.Errorf("averages %q and %q of one trade at 64000.00", bought.get("6"), sold.get("6"))
	}
	for _, r := range []message{bought, sold} {
		p.expectCopy(r)
	}

	// Market, immediate-or-cancel with a rest, fill-or-kill that cannot be filled, post-only.
	p.send("BOB1", "35=D|11=b-2|55=BTC-USD|54=1|40=1|38=0.1|60=%s|59=3", now())
	p.receive("BOB1", "35=8", "11=b-2", "150=0", "40=1")
	p.receive("BOB1", "35=8", "11=b-2", "150=F", "39=2")
	p.send("BOB1", "35=D|11=b-3|55=BTC-USD|54=1|40=2|44=64000|38=2|59=3|60=%s", now())
	p.receive("BOB1", "35=8", "11=b-3", "150=F", "39=1", "14=0.5")
	p.receive("BOB1", "35=8", "11=b-3", "150=4", "39=4", "14=0.5", "151=0", "58=*")
	p.receive("ALICE1", "35=8", "11=a-1", "150=F", "39=1", "14=0.5")
	p.receive("ALICE1", "35=8", "11=a-1", "150=F", "39=2", "14=1", "151=0")
	p.send("BOB1", "35=D|11=b-4|55=BTC-USD|54=1|40=2|44=64000|38=1|59=4|60=%s", now())
	p.receive("BOB1", "35=8", "11=b-4", "150=4", "39=4", "14=0", "151=0")
	p.send("BOB1", "35=D|11=b-5|55=BTC-USD|54=1|40=2|44=63000|38=1|59=1|18=6|60=%s", now())
	p.receive("BOB1", "35=8", "11=b-5", "150=0")
	p.send("ALICE1", "35=D|11=a-2|55=BTC-USD|54=2|40=2|44=63000|38=1|59=1|18=6|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-2", "150=8", "39=8", "103=*", "58=*") // it would trade
}

// expectCopy waits for the drop copy of a report.
func (p *program) expectCopy(report message) {
	p.t.Helper()
	same := []string{"35=8"}
	for _, tag := range []string{"17", "11", "37", "39", "150", "54", "31", "32", "14", "151", "6", "1"} {
		same = append(same, tag+"="+report.get(tag))
	}
	p.receive("DEVDROP", same...)
}

func playMarketData(t *testing.T, _ *venue, p *program) {
	p.send("DEVMD", "35=V|262=top|263=0|264=1|267=2|269=0|269=1|146=1|55=BTC-USD")
	p.receive("DEVMD", "35=W", "262=top", "55=BTC-USD", "270=63000.00")
	p.send("DEVMD", "35=V|262=live|263=1|264=5|265=1|267=3|269=0|269=1|269=2|146=2|55=BTC-USD|55=ETH-USD")
	p.receive("DEVMD", "35=W", "262=live", "55=BTC-USD")
	p.receive("DEVMD", "35=W", "262=live", "55=ETH-USD")
	p.send("ALICE1", "35=D|11=a-md|55=ETH-USD|54=2|40=2|44=3000|38=2|59=1|60=%s", now())
	p.receive("DEVMD", "35=X", "262=live", "55=ETH-USD", "279=0", "269=1", "270=3000.00", "271=2")
	p.send("BOB1", "35=D|11=b-md|55=ETH-USD|54=1|40=2|44=3000|38=0.5|59=1|60=%s", now())
	p.receive("DEVMD", "35=X", "262=live", "269=2", "270=3000.00", "271=0.5")
	p.send("DEVMD", "35=V|262=full|263=0|264=0|267=2|269=0|269=1|146=1|55=ETH-USD")
	p.receive("DEVMD", "35=W", "262=full", "55=ETH-USD", "270=3000.00", "271=1.5")
	p.send("DEVMD", "35=V|262=live|263=2|264=5|265=1|267=3|269=0|269=1|269=2|146=2|55=BTC-USD|55=ETH-USD")
	p.send("DEVMD", "35=V|262=bad|263=0|264=1|267=1|269=0|146=1|55=NONE-SUCH")
	p.receive("DEVMD", "35=Y", "262=bad", "281=0")
	p.send("DEVMD", "35=V|262=odd|263=0|264=1|267=1|269=B|146=1|55=BTC-USD")
	p.receive("DEVMD", "35=Y", "262=odd", "281=8")
	p.send("ALICE1", "35=F|11=a-md-c|41=a-md|55=ETH-USD|54=2|38=2|60=%s", now())
	p.receive("ALICE1", "35=8", "150=4", "41=a-md", "14=0.5")
}

// playChanges cancels and replaces, in chains of ids.
func playChanges(t *testing.T, _ *venue, p *program) {
	p.send("ALICE1", "35=D|11=c-1|55=BTC-USD|54=2|40=2|44=65000|38=1|59=1|60=%s", now())
	id := p.receive("ALICE1", "35=8", "11=c-1", "150=0").get("37")
	p.send("ALICE1", "35=G|11=c-2|41=c-1|55=BTC-USD|54=2|40=2|44=65001|38=1.5|60=%s", now())
	p.receive("ALICE1", "35=8", "11=c-2", "41=c-1", "150=5", "37="+id, "44=65001.00", "38=1.5", "151=1.5")
	p.send("BOB1", "35=D|11=bc-1|55=BTC-USD|54=1|40=2|44=65001|38=0.5|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=c-2", "150=F", "39=1", "14=0.5", "151=1")
	p.send("ALICE1", "35=G|11=c-3|41=c-2|37=%s|55=BTC-USD|54=2|40=2|44=65001|38=0.8|60=%s", id, now())
	p.receive("ALICE1", "35=8", "11=c-3", "41=c-2", "150=5", "38=0.8", "14=0.5", "151=0.3")

	// A name that the order has no more; then the right one.
	p.send("ALICE1", "35=F|11=c-4|41=c-1|55=BTC-USD|54=2|38=1|60=%s", now())
	p.receive("ALICE1", "35=9", "11=c-4", "41=c-1", "434=1", "102=1", "39=*")
	p.send("ALICE1", "35=F|11=c-5|41=c-3|55=BTC-USD|54=2|38=0.8|60=%s", now())
	done := p.receive("ALICE1", "35=8", "11=c-5", "41=c-3", "150=4", "39=4", "14=0.5", "151=0")
	p.expectCopy(done)
	p.send("ALICE1", "35=F|11=c-6|41=c-3|55=BTC-USD|54=2|38=0.8|60=%s", now())
	p.receive("ALICE1", "35=9", "11=c-6", "434=1", "102=0", "39=4")
	p.send("ALICE1", "35=G|11=c-7|41=c-3|55=BTC-USD|54=2|40=2|44=65002|38=1|60=%s", now())
	p.receive("ALICE1", "35=9", "11=c-7", "434=2", "102=0")

	// A replace that makes the order trade.
	p.send("BOB1", "35=G|11=b-6|41=b-5|55=BTC-USD|54=1|40=2|44=63500|38=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=b-6", "41=b-5", "150=5")
	p.send("ALICE1", "35=D|11=c-8|55=BTC-USD|54=2|40=2|44=63600|38=0.2|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=c-8", "150=0")
	p.send("ALICE1", "35=G|11=c-9|41=c-8|55=BTC-USD|54=2|40=2|44=63500|38=0.2|60=%s", now())
	p.receive("ALICE1", "35=8", "11=c-9", "150=5")
	p.receive("ALICE1", "35=8", "11=c-9", "150=F", "39=2", "31=63500.00")
}

func playStatus(t *testing.T, _ *venue, p *program) {
	p.send("BOB1", "35=H|11=b-6|55=BTC-USD|54=1|790=ask-1")
	p.receive("BOB1", "35=8", "150=I", "11=b-6", "790=ask-1", "39=1", "14=0.2", "151=0.8")
	p.send("BOB1", "35=H|11=b-1|55=BTC-USD|54=1")
	p.receive("BOB1", "35=8", "150=I", "11=b-1", "39=2", "14=0.4")
	p.send("BOB1", "35=H|11=never|55=BTC-USD|54=1")
	p.receive("BOB1", "35=8", "150=I", "11=never", "39=8", "37=*")
	p.send("BOB1", "35=AF|584=all-1|585=7")
	m := p.receive("BOB1", "35=8", "150=I", "584=all-1", "11=b-6")
	if m.get("912") == "Y" {
		return
	}
	p.receive("BOB1", "35=8", "584=all-1", "912=Y")
}

func playMassCancel(t *testing.T, _ *venue, p *program) {
	for i := range 3 {
		p.send("ALICE1", "35=D|11=m-%d|55=BTC-USD|54=2|40=2|44=7000%d|38=0.01|59=1|60=%s", i, i, now())
		p.receive("ALICE1", "35=8", "150=0", fmt.Sprint("11=m-", i))
	}
	p.send("ALICE1", "35=D|11=m-eth|55=ETH-USD|54=2|40=2|44=9000|38=0.01|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "150=0", "11=m-eth")
	p.send("ALICE1", "35=q|11=mass-1|530=1|55=BTC-USD|60=%s", now())
	for range 3 {
		p.receive("ALICE1", "35=8", "150=4", "39=4", "55=BTC-USD")
	}
	p.receive("ALICE1", "35=r", "11=mass-1", "530=1", "531=1", "533=3")
	p.send("ALICE1", "35=q|11=mass-2|530=7|60=%s", now())
	p.receive("ALICE1", "35=8", "150=4", "11=m-eth", "41=")
	p.receive("ALICE1", "35=r", "11=mass-2", "530=7", "531=7")
	p.send("ALICE1", "35=q|11=mass-3|530=1|55=NONE-SUCH|60=%s", now())
	p.receive("ALICE1", "35=r", "11=mass-3", "531=0", "532=1")
	p.send("ALICE1", "35=q|11=mass-4|530=3|60=%s|460=4", now())
	p.receive("ALICE1", "35=r", "11=mass-4", "531=0")
}

// playRefusals sends what is wrong, of every kind: the venue says so in messages that the engine understands.
func playRefusals(t *testing.T, _ *venue, p *program) {
	for i, c := range []struct{ order, reason string }{
		{"55=NONE-SUCH|54=1|40=2|44=1|38=1|59=1", "103=1"},
		{"55=BTC-USD|54=1|40=2|44=64000.001|38=1|59=1", "103=*"},
		{"55=BTC-USD|54=1|40=2|44=64000|38=0.00001|59=1", "103=*"},
		{"55=BTC-USD|54=1|40=2|44=64000|38=0|59=1", "103=*"},
		{"55=BTC-USD|54=1|40=3|99=64000|38=1|59=1", "103=11"},
		{"55=BTC-USD|54=1|40=2|44=64000|38=1|59=6|432=20300101", "103=11"},
		{"55=BTC-USD|54=1|40=2|44=64000|38=1|59=1|1=bob", "103=*"},
		{"55=BTC-USD|54=1|40=2|44=64000|38=999|59=1", "103=*"},
	} {
		p.send("ALICE1", "35=D|11=r-%d|%s|60=%s", i, c.order, now())
		p.receive("ALICE1", "35=8", fmt.Sprint("11=r-", i), "150=8", "39=8", "14=0", "151=0", c.reason, "58=*")
	}
	// The same id again.
	p.send("ALICE1", "35=D|11=a-1|55=BTC-USD|54=2|40=2|44=64000.00|38=1|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-1", "150=8", "103=6")

	p.send("ALICE1", "35=D|11=bad-1|55=BTC-USD|54=1|40=2|44=1|38=1") // no TransactTime
	p.rejected("ALICE1", "35=3", "371=60", "372=D", "373=1")
	p.send("ALICE1", "35=D|11=bad-2|55=BTC-USD|54=Z|40=2|44=1|38=1|60=%s", now())
	p.rejected("ALICE1", "35=3", "371=54", "372=D", "373=5")
	p.send("ALICE1", "35=D|11=bad-3|55=BTC-USD|54=1|40=2|44=much|38=1|60=%s", now())
	p.rejected("ALICE1", "35=3", "371=44", "372=D", "373=6")
	p.send("ALICE1", "35=D|11=bad-4|55=BTC-USD|54=1|40=2|44=1|38=1|60=%s|9999=x", now())
	p.rejected("ALICE1", "35=3", "372=D", "373=0")
	p.send("ALICE1", "35=R|131=quote|146=1|55=BTC-USD")
	p.rejected("ALICE1", "35=j", "372=R", "380=3")
	p.send("DEVDROP", "35=D|11=drop|55=BTC-USD|54=1|40=2|44=1|38=1|60=%s", now())
	p.rejected("DEVDROP", "35=j", "372=D", "380=6")
	p.send("DEVMD", "35=D|11=md|55=BTC-USD|54=1|40=2|44=1|38=1|60=%s", now())
	p.rejected("DEVMD", "35=j", "372=D", "380=6")
}

func playTradeReports(t *testing.T, _ *venue, p *program) {
	p.send("ALICE1", "35=AD|568=day-1|569=1|263=0")
	p.receive("ALICE1", "35=AQ", "568=day-1", "749=0", "750=*")
	reports := 0
	for {
		m := p.receive("ALICE1", "35=AE", "568=day-1")
		if reports++; m.get("912") == "Y" {
			break
		}
	}
	if reports < 6 {
		t.Errorf("%d trade capture reports of alice's", reports)
	}
	p.send("DEVDROP", "35=AD|568=day-2|569=1|263=0")
	p.receive("DEVDROP", "35=AE", "568=day-2", "912=Y")
	p.send("ALICE1", "35=AD|568=day-3|569=1|263=0|55=ACME-USD")
	p.receive("ALICE1", "35=AQ", "568=day-3", "748=0")
}

// playPhases takes an instrument through an auction, with somebody who watches its status.
func playPhases(t *testing.T, v *venue, p *program) {
	p.send("DEVMD", "35=e|324=watch|55=ACME-USD|263=1")
	open := p.receive("DEVMD", "35=f", "324=watch", "55=ACME-USD").get("326")
	v.admin("POST", "instruments/ACME-USD/phase", map[string]any{"phase": "auction"})
	if now := p.receive("DEVMD", "35=f", "324=watch").get("326"); now == open {
		t.Errorf("the status stays %s over a change of phase", now)
	}
	p.send("ALICE1", "35=D|11=au-1|55=ACME-USD|54=2|40=2|44=100|38=10|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=au-1", "150=0")
	p.send("BOB1", "35=D|11=au-2|55=ACME-USD|54=1|40=2|44=102|38=5|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=au-2", "150=0")
	p.send("BOB1", "35=D|11=au-3|55=ACME-USD|54=1|40=2|44=102|38=5|59=3|60=%s", now())
	p.receive("BOB1", "35=8", "11=au-3", "150=8", "58=*")
	v.admin("POST", "instruments/ACME-USD/phase", map[string]any{"phase": "continuous"})
	p.receive("ALICE1", "35=8", "11=au-1", "150=F", "39=1", "14=5", "851=")
	p.receive("BOB1", "35=8", "11=au-2", "150=F", "39=2", "14=5")
	p.receive("DEVMD", "35=f", "324=watch", "326="+open)
	v.admin("POST", "instruments/ACME-USD/phase", map[string]any{"phase": "halted"})
	p.send("BOB1", "35=D|11=au-4|55=ACME-USD|54=1|40=2|44=102|38=5|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=au-4", "150=8", "103=2")
	v.admin("POST", "instruments/ACME-USD/phase", map[string]any{"phase": "continuous"})
	p.send("DEVMD", "35=e|324=watch|55=ACME-USD|263=2")
	p.send("ALICE1", "35=F|11=au-5|41=au-1|55=ACME-USD|54=2|38=10|60=%s", now())
	p.receive("ALICE1", "35=8", "11=au-5", "150=4")
}

func playHeartbeats(t *testing.T, _ *venue, p *program) {
	p.send("ALICE1", "35=1|112=are you there")
	p.receive("ALICE1", "35=0", "112=are you there")
	// At an interval of 2 s every session hears from the venue without asking.
	for _, name := range []string{"BOB1", "DEVDROP", "DEVMD"} {
		p.receive(name, "35=0", "112=")
	}
}

// playResend has the engine forget what it received, as when its store came from a copy: it asks, and gets reports again
// and gap fills for the rest.
func playResend(t *testing.T, _ *venue, p *program) {
	p.logout("ALICE1")
	p.tell("next-in", "ALICE1", "2")
	p.logon("ALICE1")
	p.receive("ALICE1", "35=4", "123=Y")
	again := p.receive("ALICE1", "35=8", "43=Y", "11=a-1", "150=0", "122=*")
	if again.get("17") == "" {
		t.Errorf("the repeat has no ExecID: %s", again)
	}
	p.expect("ALICE1", "the end of the resend", func(l line) bool {
		return l.word == "event" && strings.Contains(l.text, "has been satisfied")
	})
	p.send("ALICE1", "35=D|11=after-1|55=BTC-USD|54=2|40=2|44=66000|38=0.01|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=after-1", "150=0", "43=")

	// The other way round: the engine lost some of its numbers on the way, and the venue asks.
	p.logout("BOB1")
	p.tell("next-out", "BOB1", fmt.Sprint(p.lastOut("BOB1")+5))
	p.logon("BOB1")
	p.receive("BOB1", "35=2")
	p.send("BOB1", "35=D|11=after-2|55=BTC-USD|54=1|40=2|44=60000|38=0.01|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=after-2", "150=0")
}

// lastOut returns the greatest number that the engine has used.
func (p *program) lastOut(name string) (last int) {
	for _, l := range p.all() {
		n := 0
		if l.word == "out" && l.name == name {
			if _, err := fmt.Sscan(l.message().get("34"), &n); err == nil {
				last = max(last, n)
			}
		}
	}
	return last
}

func playReset(t *testing.T, _ *venue, p *program) {
	p.logout("ALICE1")
	p.tell("reset-on-logon", "ALICE1", "Y")
	p.tell("logon", "ALICE1")
	p.receive("ALICE1", "35=A", "141=Y", "34=1")
	p.expect("ALICE1", "the logon", func(l line) bool { return l.word == "on" })
	p.tell("reset-on-logon", "ALICE1", "N")
	p.send("ALICE1", "35=D|11=fresh-1|55=BTC-USD|54=2|40=2|44=66000|38=0.01|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=fresh-1", "150=0", "34=2")
}

// playDisabled has the operator end a session. The engine answers the Logout, tries again and is told why it may not;
// once it may log on again it goes on where it was.
func playDisabled(t *testing.T, v *venue, p *program) {
	v.admin("PATCH", "sessions/BOB1", map[string]any{"enabled": false})
	p.receive("BOB1", "35=5", "58=*")
	p.expect("BOB1", "the end of the session", func(l line) bool { return l.word == "off" })
	p.expect("BOB1", "another logon", func(l line) bool { return l.word == "out" && l.message().has("35=A") })
	p.expect("BOB1", "its refusal", func(l line) bool { return l.word == "in" && l.message().has("35=5", "58=*") })
	v.admin("PATCH", "sessions/BOB1", map[string]any{"enabled": true})
	p.settled("BOB1")
	p.send("BOB1", "35=D|11=back-1|55=BTC-USD|54=1|40=2|44=60000|38=0.01|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=back-1", "150=0")
}

// playRefused has a fill wait for an engine that may not log on: it is told nothing then, since it would take the Logout
// for the fill. Once it may log on again, the fill comes.
func playRefused(t *testing.T, v *venue, p *program) {
	p.send("BOB1", "35=D|11=waits-1|55=ETH-USD|54=1|40=2|44=3000.00|38=0.1|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=waits-1", "150=0")
	v.admin("PATCH", "sessions/BOB1", map[string]any{"enabled": false})
	p.receive("BOB1", "35=5", "58=*")
	p.expect("BOB1", "the end of the session", func(l line) bool { return l.word == "off" })
	p.send("ALICE1", "35=D|11=fills-1|55=ETH-USD|54=2|40=2|44=3000.00|38=0.1|59=3|60=%s", now())
	p.receive("ALICE1", "35=8", "11=fills-1", "150=F", "39=2")
	for range 2 {
		p.expect("BOB1", "another logon", func(l line) bool { return l.word == "out" && l.message().has("35=A") })
	}
	v.admin("PATCH", "sessions/BOB1", map[string]any{"enabled": true})
	p.receive("BOB1", "35=8", "11=waits-1", "150=F", "39=2", "43=Y")
	p.settled("BOB1")
	p.send("BOB1", "35=D|11=back-2|55=BTC-USD|54=1|40=2|44=60000|38=0.01|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=back-2", "150=0")
}

// playKill kills the server while orders are under way, and starts it again. Every order is answered once.
func playKill(t *testing.T, v *venue, p *program) {
	const rounds, each = 3, 40
	sent := 0
	for range rounds {
		for range each {
			p.send("ALICE1", "35=D|11=k-%d|55=BTC-USD|54=2|40=2|44=67000|38=0.001|59=1|60=%s", sent, now())
			sent++
		}
		p.receive("ALICE1", "35=8", "150=0", fmt.Sprint("11=k-", sent-each/2))
		v.stop(syscall.SIGKILL)
		p.send("ALICE1", "35=D|11=k-%d|55=BTC-USD|54=2|40=2|44=67000|38=0.001|59=1|60=%s", sent, now()) // into the void
		sent++
		v.start()
		p.expect("ALICE1", "the logon after the kill", func(l line) bool { return l.word == "on" })
		p.receive("ALICE1", "35=8", "150=0", fmt.Sprint("11=k-", sent-1))
	}
	answers := map[string]map[string]bool{} // by ClOrdID: the ExecIDs of what accepted it
	copies := map[string]bool{}
	for _, l := range p.all() {
		m := l.message()
		if l.word != "app" || !m.has("35=8", "150=0") || !strings.HasPrefix(m.get("11"), "k-") {
			continue
		}
		if l.name == "DEVDROP" {
			copies[m.get("11")] = true
			continue
		}
		if answers[m.get("11")] == nil {
			answers[m.get("11")] = map[string]bool{}
		}
		answers[m.get("11")][m.get("17")] = true
	}
	for i := range sent {
		if ids := answers[fmt.Sprint("k-", i)]; len(ids) != 1 {
			t.Errorf("order k-%d was accepted %d times: %v", i, len(ids), ids)
		}
	}
	// The others have been away as well; the drop copy has all of it.
	p.settled("BOB1", "DEVDROP", "DEVMD")
	p.receive("DEVDROP", "35=8", fmt.Sprint("11=k-", sent-1))
	p.send("ALICE1", "35=q|11=k-all|530=7|60=%s", now())
	p.receive("ALICE1", "35=r", "11=k-all", "531=7")
}

func playLogout(t *testing.T, _ *venue, p *program) {
	for _, name := range []string{"ALICE1", "BOB1", "DEVDROP", "DEVMD"} {
		p.tell("logout", name)
		p.receive(name, "35=5")
		p.expect(name, "the logout", func(l line) bool { return l.word == "off" })
	}
}
