package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startJspurefix starts the engine on a development venue. It skips the test where it is not installed.
func startJspurefix(t *testing.T, v *venue) *program {
	t.Helper()
	v.start()
	return startJspurefixAt(t, v.port(), t.TempDir(), "uncross-dev")
}

// startJspurefixAt starts the engine with a venue's port and a folder for its stores. It skips the test where it is not
// installed.
func startJspurefixAt(t *testing.T, port, stores, password string) *program {
	t.Helper()
	folder, ok := toolFolder()
	if !ok {
		t.Skip("the npm package jspurefix is not installed (see the package comment)")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node is not installed")
	}
	cmd := exec.Command(node, filepath.Join("jspurefix", "engine.js"), port, stores, password)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"))
	return startProgram(t, cmd)
}

// TestJspurefix has a second engine, written by others in another language, log on, trade, and ask for what it has lost.
func TestJspurefix(t *testing.T) {
	v := newVenue(t)
	p := startJspurefix(t, v)
	p.logon("ALICE1")
	p.logon("BOB1")
	p.send("ALICE1", "35=D|11=a-1|55=BTC-USD|54=2|40=2|44=64000.00|38=1|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-1", "150=0", "39=0")
	p.send("BOB1", "35=D|11=b-1|55=BTC-USD|54=1|40=2|44=64000.00|38=0.4|59=1|60=%s", now())
	p.receive("BOB1", "35=8", "11=b-1", "150=0")
	p.receive("BOB1", "35=8", "11=b-1", "150=F", "39=2", "14=0.4", "151=0", "31=64000.00")
	p.receive("ALICE1", "35=8", "11=a-1", "150=F", "39=1", "14=0.4", "151=0.6")
	p.send("ALICE1", "35=G|11=a-2|41=a-1|55=BTC-USD|54=2|40=2|44=64001.00|38=0.9|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-2", "41=a-1", "150=5", "38=0.9", "151=0.5")
	p.send("ALICE1", "35=F|11=a-3|41=a-2|55=BTC-USD|54=2|38=0.9|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-3", "41=a-2", "150=4", "39=4", "151=0")
	p.send("ALICE1", "35=F|11=a-4|41=a-2|55=BTC-USD|54=2|38=0.9|60=%s", now())
	p.receive("ALICE1", "35=9", "11=a-4", "434=1")
	p.send("ALICE1", "35=D|11=a-5|55=NONE-SUCH|54=2|40=2|44=1|38=1|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-5", "150=8", "103=1")
	p.send("ALICE1", "35=1|112=there")
	p.receive("ALICE1", "35=0", "112=there")
	p.send("ALICE1", "35=H|11=a-2|55=BTC-USD|54=2")
	p.receive("ALICE1", "35=8", "150=I", "39=4")
	p.send("ALICE1", "35=D|11=bad-1|55=BTC-USD|54=1|40=2|44=1|38=1") // no TransactTime
	p.rejected("ALICE1", "35=3", "371=60", "372=D", "373=1")

	// It logs off, its store is put back, and it asks for what came in between.
	p.logout("ALICE1")
	p.tell("next-in", "ALICE1", "2")
	p.expect("ALICE1", "the number to be set", func(l line) bool { return l.word == "set" })
	p.logon("ALICE1")
	p.receive("ALICE1", "35=8", "43=Y", "11=a-1", "150=0", "122=*")
	p.receive("ALICE1", "35=8", "43=Y", "11=a-5", "150=8")
	p.send("ALICE1", "35=D|11=a-6|55=BTC-USD|54=2|40=2|44=64000.00|38=1|59=1|60=%s", now())
	p.receive("ALICE1", "35=8", "11=a-6", "150=0", "43=")
	if asked := p.count("ALICE1", "out", "35=2"); asked != 1 {
		t.Errorf("the engine asked %d times for a resend, expected once", asked)
	}
	p.logout("ALICE1")
	p.logout("BOB1")
	p.audit(nil)
}

// count returns how many lines of a session have a word and fields.
func (p *program) count(name, word string, fields ...string) (n int) {
	for _, l := range p.all() {
		if l.name == name && l.word == word && l.message().has(fields...) {
			n++
		}
	}
	return n
}

// TestPinned holds the version that package.json names to be one version, and the one that is installed.
func TestPinned(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("jspurefix", "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), `"jspurefix": "`)
	version, _, _ := strings.Cut(rest, `"`)
	if !ok || version == "" || strings.ContainsAny(version, "^~*x<>= ") {
		t.Fatalf("package.json names the version %q, not one", version)
	}
	folder, ok := toolFolder()
	if !ok {
		t.Skip("the npm package jspurefix is not installed (see the package comment)")
	}
	installed, err := os.ReadFile(filepath.Join(folder, "node_modules", "jspurefix", "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(installed), fmt.Sprintf("%q: %q", "version", version)) {
		t.Errorf("installed is another version of jspurefix than %s", version)
	}
}
