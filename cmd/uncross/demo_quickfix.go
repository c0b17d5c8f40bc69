package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"uncross/gateway/fix/message"
)

// This file is the settings for QuickFIX that the demonstration writes into its folder. An engine needs no more but the
// password, which QuickFIX has no setting for.

// quickfixMark begins the file. One that begins otherwise is somebody else's: it is neither overwritten nor removed.
const quickfixMark = "# Written by uncross demo, anew at every start: to change it, take a copy.\n"

func (f demoFolder) quickfix() string { return filepath.Join(string(f), "quickfix.cfg") }

// refuseTakenSettings refuses a file of that name that no demonstration has written.
func (f demoFolder) refuseTakenSettings() error {
	text, err := os.ReadFile(f.quickfix())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !bytes.HasPrefix(text, []byte(quickfixMark)):
		return fmt.Errorf("%s is there, and is not of a demonstration: move it away, or choose another folder with --data", f.quickfix())
	}
	return nil
}

// writeSettings writes the settings of the visitor's session. The addresses may be others at every start.
func (d *demo) writeSettings(at *addresses) error {
	_, further := d.further()
	store := filepath.Join(string(d.folder), "quickfix-store")
	return writeDurably(d.folder.quickfix(), quickfixSettings(at.fixCompID, store, append([]string{at.fix.Addr().String()}, further...)))
}

// quickfixSettings are settings for the nodes at these addresses.
func quickfixSettings(target, store string, at []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `%s# QuickFIX does not put a password into the Logon: the application does, as the program in docs/fix-quickstart.md. Here it is %s.

[DEFAULT]
ConnectionType=initiator
BeginString=%s
TargetCompID=%s
`, quickfixMark, demoPlan.password, message.BeginString44, target)
	for i, address := range at {
		nth := ""
		if i > 0 {
			nth = strconv.Itoa(i)
		}
		host, port, _ := net.SplitHostPort(address) // somebody listens there
		fmt.Fprintf(&b, "SocketConnectHost%s=%s\nSocketConnectPort%s=%s\n", nth, host, nth, port)
	}
	if len(at) > 1 {
		fmt.Fprint(&b, "# Short, so that a node that hangs is soon given up for the next one.\nHeartBtInt=2\nLogonTimeout=2\nReconnectInterval=1\n")
	} else {
		fmt.Fprint(&b, "HeartBtInt=30\nReconnectInterval=5\n")
	}
	fmt.Fprintf(&b, `StartTime=00:00:00
EndTime=00:00:00
TimestampPrecision=6
FileStorePath=%s
# Numbers begin anew at every logon, whoever has used the session before. In earnest leave it out: what was missed is sent again then.
ResetOnLogon=Y
# With a dictionary, as a market data session needs it for its groups: Y, and DataDictionary=gateway/fix/dictionary/uncross-fix44.xml
UseDataDictionary=N

[SESSION]
SenderCompID=YOU

# Market data, to an application that sends no orders there:
#[SESSION]
#SenderCompID=YOUMD
`, store)
	return b.Bytes()
}
