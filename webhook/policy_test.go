package webhook_test

import (
	"net/netip"
	"strings"
	"testing"

	"tollbook/webhook"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	refused := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
		"fe80::1", "febf::1", "fe80::1%25eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "ff0e::1", "100::1", "5f00::1",
		"2001::1", "2001:0:808:808::1", "2001:20::1", "2001:db8::1", "3fff::1", "4000::1",
		"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
		"2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:c0a8:101::1",
	}
	public := []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "223.255.255.255",
		"::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "64:ff9b::808:808", "2002:808:808::1",
	}
	var none webhook.Policy
	for _, ip := range refused {
		if err := none.CheckURL("https://" + host(ip) + "/hook"); err == nil {
			t.Errorf("%s is taken for public", ip)
		}
	}
	for _, ip := range public {
		if err := none.CheckURL("https://" + host(ip) + "/hook"); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func host(ip string) string {
	if strings.Contains(ip, ":") {
		return "[" + ip + "]"
	}
	return ip
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	p := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("fe80::/10")}}
	for url, ok := range map[string]bool{
		"https://10.1.2.3/":              true,
		"http://10.1.2.3:8080/":          true,
		"https://[::ffff:10.1.2.3]/":     true,
		"http://[fd00::1]/":              true,
		"https://[fe80::1%25eth0]/":      true,
		"https://10.2.0.1/":              false,
		"http://10.2.0.1/":               false,
		"https://8.8.8.8/":               true,
		"http://8.8.8.8/":                false, // public, but not allowed without TLS
		"https://[64:ff9b::a01:203]/":    false, // where that leads is not what was allowed
		"http://receiver.example.com/":   true,  // judged when it is looked up
		"https://169.254.169.254/latest": false,
	} {
		if err := p.CheckURL(url); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	var p webhook.Policy
	for _, good := range []string{"https://example.com", "https://example.com/", "https://example.com:8443/hooks/a?token=b", "https://EXAMPLE.com./x", "https://xn--bcher-kva.example/"} {
		if err := p.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "example.com", "//example.com/x", "/x", "https://", "https:///x", "https://:443/", "https:example.com", "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)",
		"http://example.com/", "https://user@example.com/", "https://user:password@example.com/", "https://example.com/#x", "https://example.com:0/", "https://example.com:65536/",
		"https://example.com:x/", "https://exa mple.com/", "https://example.com/\n", "https://[::1/", "https://" + strings.Repeat("a", 2048) + ".example.com/",
	} {
		if err := p.CheckURL(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://example.com/x?y", "https://[::ffff:10.0.0.1]:8443/", "http://127.0.0.1", "https://u:p@h/#f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := (webhook.Policy{}).CheckURL(text); err == nil && !strings.HasPrefix(strings.ToLower(text), "https://") {
			t.Errorf("%q is taken", text)
		}
	})
}
