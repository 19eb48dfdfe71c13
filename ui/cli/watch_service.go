package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gesso-app/gesso/pipeline"
)

// unit is a watch that the system starts.
type unit struct {
	name        string // of the unit, without its extension
	dir         string
	command     []string
	environment []string // NAME=VALUE
}

// pathFlags are the flags of watch that name files: a service starts in another folder.
var pathFlags = map[string]bool{"mask": true, "output": true, "move-done": true, "on-error": true, "style-image": true, "journal": true, "log-file": true}

// installService prints or writes the unit file of a watch.
func (p *program) installService(u *unit, how string) (err error) {
	kind := "systemd"
	if runtime.GOOS == "darwin" {
		kind = "launchd"
	}
	switch how {
	case "print", "write":
	case "systemd", "launchd":
		kind = how
	default:
		return &pipeline.FieldError{Field: "install_service", Value: how, Want: "it is print, write, systemd or launchd"}
	}
	text, path, next := u.systemd(), filepath.Join("systemd", "user", u.name+".service"), "systemctl --user enable --now "+u.name
	if kind == "launchd" {
		text, path, next = u.launchd(), filepath.Join("LaunchAgents", u.name+".plist"), "launchctl load -w "
	}
	if how != "write" {
		return printLine(p.stdout, strings.TrimSuffix(text, "\n"))
	}
	if path, err = unitPath(kind, path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the unit file: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the unit file: %w", err)
	}
	if kind == "launchd" {
		next += path
	}
	return printLine(p.stdout, "Wrote "+path+"\nStart it with: "+next)
}

func unitPath(kind, path string) (string, error) {
	if kind == "launchd" {
		home, err := os.UserHomeDir()
		return filepath.Join(home, "Library", path), err
	}
	if runtime.GOOS != "linux" {
		return "", &usageError{errors.New("this system starts no services by unit files: print one for systemd or launchd, and use it there")}
	}
	config, err := os.UserConfigDir()
	return filepath.Join(config, path), err
}

func newUnit(f *pflag.FlagSet, dir string) (*unit, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	u := &unit{dir: dir, command: []string{program, "watch", dir}}
	output := dir
	f.Visit(func(flag *pflag.Flag) {
		if flag.Name == "install-service" {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			switch {
			case pathFlags[flag.Name]:
				v = absolute(v, &err)
			case flag.Name == "mix" && isMixFile(mixName(v)):
				v = absolute(v, &err)
			}
			if flag.Name == "output" {
				output = v
			}
			u.command = append(u.command, "--"+flag.Name+"="+v)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"GESSO_ONNXRUNTIME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"} { // where the library, the journals and the presets are
		if v := os.Getenv(name); v != "" {
			u.environment = append(u.environment, name+"="+v)
		}
	}
	for _, s := range append(u.command, u.environment...) {
		if strings.ContainsAny(s, "\n\r\x00") {
			return nil, &usageError{fmt.Errorf("%q holds a line break, which a unit file cannot: choose another name", s)}
		}
	}
	sum := sha256.Sum256([]byte(dir + "\x00" + output)) // a folder may be watched for several
	u.name = "app.gesso.watch." + hex.EncodeToString(sum[:4])
	return u, nil
}

// absolute makes a path absolute, unless err is set; it sets err.
func absolute(path string, err *error) string {
	if *err != nil {
		return path
	}
	path, *err = filepath.Abs(path)
	return path
}

// systemd returns a user unit (systemd.service(5)).
func (u *unit) systemd() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# ~/.config/systemd/user/%s.service\n[Unit]\nDescription=Gesso watches %s\n\n[Service]\nType=exec\nExecStart=", u.name, strings.ReplaceAll(u.dir, "%", "%%"))
	for i, a := range u.command {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(systemdQuote(a, true))
	}
	b.WriteByte('\n')
	for _, e := range u.environment {
		b.WriteString("Environment=" + systemdQuote(e, false) + "\n")
	}
	b.WriteString("Restart=on-failure\nRestartSec=5\nNice=10\nTimeoutStopSec=60\n\n[Install]\nWantedBy=default.target\n")
	return b.String()
}

// systemdQuote quotes a word; in a command dollars stand for variables.
func systemdQuote(s string, command bool) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(s)
	if command {
		s = strings.ReplaceAll(s, "$", "$$")
	}
	return `"` + s + `"`
}

// launchd returns a property list for an agent (launchd.plist(5)).
func (u *unit) launchd() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + u.name + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, a := range u.command {
		b.WriteString("\t\t<string>" + xmlText(a) + "</string>\n")
	}
	b.WriteString("\t</array>\n")
	if len(u.environment) > 0 {
		b.WriteString("\t<key>EnvironmentVariables</key>\n\t<dict>\n")
		for _, e := range u.environment {
			name, value, _ := strings.Cut(e, "=")
			b.WriteString("\t\t<key>" + name + "</key>\n\t\t<string>" + xmlText(value) + "</string>\n")
		}
		b.WriteString("\t</dict>\n")
	}
	b.WriteString(`	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>ExitTimeOut</key>
	<integer>60</integer>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
`)
	return b.String()
}

func xmlText(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes it all
	return b.String()
}
