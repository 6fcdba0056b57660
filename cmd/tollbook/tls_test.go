package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollbook/client"
)

// writeCertificate makes a certificate for the loopback address.
func writeCertificate(dir string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return cert, key, errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	w := &killWorld{t: t, data: filepath.Join(t.TempDir(), "book"), program: filepath.Join(t.TempDir(), "tollbook")}
	w.link()
	w.init()
	cert, key, err := writeCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := startServer(w.program, w.data, os.Environ(), "--tls-cert", cert, "--tls-key", key)
	if err != nil {
		t.Fatal(err)
	}
	get := func(more ...string) (string, error) {
		cmd := exec.Command(w.program, "api", "GET", "/v1/organizations")
		cmd.Env = append(os.Environ(), "TOLLBOOK_URL="+s.url, "TOLLBOOK_CLIENT_ID="+w.operator.ClientID, "TOLLBOOK_CLIENT_SECRET="+w.operator.ClientSecret)
		cmd.Env = append(cmd.Env, more...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := get("SSL_CERT_FILE=" + cert)
	var page client.PageInfo
	if err != nil || json.Unmarshal([]byte(out), &page) != nil || !strings.HasPrefix(s.url, "https://") {
		t.Errorf("from %s: %v: %s", s.url, err, out)
	}
	if out, err := get(); err == nil || !strings.Contains(out, "certificate") {
		t.Errorf("a certificate that nobody trusts is taken: %v: %s", err, out)
	}
	if err := s.stop(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
}
